package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// patience with an API server or etcd that does not come up.
const startPatience = 90 * time.Second

// exitRunning says that another supervisor has the instance.
const exitRunning = 3

var errRunning = errors.New("the instance is running already")

// runSupervisor starts an instance and keeps it running until it is told to
// stop. It holds the lock of the instance's folder for as long as it lives: who
// finds the lock free knows that nothing of the instance runs.
func runSupervisor() int {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	name := flags.String("name", "default", "name of the instance")
	dir := flags.String("dir", "", "folder that keeps the instance")
	tethered := flags.Bool("tethered", false, "stop when standard input ends")
	if err := flags.Parse(os.Args[1:]); err != nil {
		return 2
	}
	if *dir == "" {
		fmt.Fprintln(os.Stderr, "run: --dir is required")
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if *tethered {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			stop()
		}()
	}
	err := supervise(ctx, *name, *dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, "tiphys-devcluster:", err)
	}
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errRunning):
		return exitRunning
	default:
		return 1
	}
}

func supervise(ctx context.Context, name, dir string) error {
	in, err := openInstance(name, dir)
	if err != nil {
		return err
	}
	unlock, err := in.lock()
	if err != nil {
		return err
	}
	defer unlock()
	report := newReport(in.path("status.json"))
	if err := in.run(ctx, report); err != nil {
		report.fail(err)
		return err
	}
	report.phase(phaseStopped)
	return nil
}

// lock takes the instance for this process and writes its id into the lock file.
func (i *instance) lock() (func(), error) {
	file, err := os.OpenFile(i.path("supervisor.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	// Who only asks whether it is taken holds it for a moment, too.
	err = poll(context.Background(), 2*time.Second, func(context.Context) error {
		return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	})
	if err != nil {
		_ = file.Close()
		return nil, errRunning
	}
	if err := file.Truncate(0); err != nil {
		return nil, err
	}
	if _, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0); err != nil {
		return nil, err
	}
	return func() { _ = file.Close() }, nil
}

func (i *instance) run(ctx context.Context, report *report) error {
	if err := i.prepare(); err != nil {
		return err
	}
	alive, lifeline, err := os.Pipe()
	if err != nil {
		return err
	}
	defer lifeline.Close()
	kubelet, err := startKubelet(i)
	if err != nil {
		return err
	}
	defer kubelet.Close()

	var running []*process
	defer func() {
		report.phase(phaseStopping)
		stopAll(running)
	}()
	start := func(components ...component) {
		for _, c := range components {
			running = append(running, startProcess(i, c, alive, report))
		}
	}
	parts := i.components()
	start(parts[0])
	if err := awaitPort(ctx, i.Ports.EtcdClient); err != nil {
		return interrupted(ctx, fmt.Errorf("etcd does not answer, see %s: %w", i.path("logs", "etcd.log"), err))
	}
	start(parts[1])
	client, err := awaitAPIServer(ctx, i)
	if err != nil {
		return interrupted(ctx, fmt.Errorf("the API server does not answer, see %s: %w", i.path("logs", "kube-apiserver.log"), err))
	}
	report.phase(phaseAPIReady)
	start(parts[2:]...)
	if err := furnish(ctx, client, i.Ports.Kubelet); err != nil {
		return interrupted(ctx, fmt.Errorf("cannot create the nodes and the storage class: %w", err))
	}
	go provision(ctx, client)
	go renewLeases(ctx, client)
	kubelet.serve(client)
	if err := awaitReady(ctx, client); err != nil {
		return interrupted(ctx, fmt.Errorf("the controllers do not work, see %s: %w", i.path("logs"), err))
	}
	report.phase(phaseReady)
	<-ctx.Done()
	return nil
}

// interrupted makes an error of being told to stop no error.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (i *instance) prepare() error {
	if err := i.awaitPorts(2 * time.Second); err != nil {
		return err
	}
	if err := ensurePKI(i.path("pki")); err != nil {
		return err
	}
	if err := i.writeKubeconfigs(); err != nil {
		return err
	}
	return writeConfiguration(i.path("config"))
}

func awaitPort(ctx context.Context, port int) error {
	return poll(ctx, startPatience, func(context.Context) error {
		connection, err := net.DialTimeout("tcp", loopback(port), time.Second)
		if err != nil {
			return err
		}
		return connection.Close()
	})
}

// poll asks until there is no error; the last error is the reason for giving up.
func poll(ctx context.Context, patience time.Duration, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(25 * time.Millisecond):
		}
	}
}

// stopAll ends the processes in the reverse order of their start, the clients of
// the API server together, so that nobody writes to what is gone.
func stopAll(running []*process) {
	if len(running) > 2 {
		var group sync.WaitGroup
		for _, p := range running[2:] {
			group.Go(p.stop)
		}
		group.Wait()
		running = running[:2]
	}
	for n := len(running) - 1; n >= 0; n-- {
		running[n].stop()
	}
}

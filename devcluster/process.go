package main

import (
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

const (
	stopPatience  = 8 * time.Second
	restartPause  = 500 * time.Millisecond
	largestLogged = 20 << 20
)

// process keeps one component running: when it ends unasked it is started again.
type process struct {
	component component
	instance  *instance
	alive     *os.File
	report    *report

	mutex    sync.Mutex
	command  *exec.Cmd
	stopping chan struct{}
	done     chan struct{}
}

func startProcess(in *instance, c component, alive *os.File, report *report) *process {
	p := &process{
		component: c, instance: in, alive: alive, report: report,
		stopping: make(chan struct{}), done: make(chan struct{}),
	}
	go p.keep()
	return p
}

func (p *process) keep() {
	defer close(p.done)
	for restarts := 0; ; restarts++ {
		err := p.once(restarts)
		select {
		case <-p.stopping:
			p.report.component(p.component.name, 0, restarts)
			return
		default:
		}
		fmt.Fprintf(os.Stderr, "%s ended (%v), starting it again\n", p.component.name, err)
		p.report.component(p.component.name, 0, restarts)
		select {
		case <-p.stopping:
			return
		case <-time.After(restartPause):
		}
	}
}

// once runs the component until it ends.
func (p *process) once(restarts int) error {
	output, err := openLog(p.instance.path("logs", p.component.name+".log"))
	if err != nil {
		return err
	}
	defer output.Close()
	program, err := ownProgram()
	if err != nil {
		return err
	}
	command := &exec.Cmd{
		Path:       program,
		Args:       append([]string{p.component.name}, p.component.args...),
		Dir:        p.instance.dir,
		Env:        p.environment(),
		Stdout:     output,
		Stderr:     output,
		ExtraFiles: []*os.File{p.alive},
		// Its own group: an interrupt typed at a terminal reaches the
		// supervisor only, which then stops the others in order.
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true},
	}
	p.mutex.Lock()
	select {
	case <-p.stopping:
		p.mutex.Unlock()
		return nil
	default:
	}
	err = command.Start()
	p.command = command
	p.mutex.Unlock()
	if err != nil {
		return err
	}
	p.report.component(p.component.name, command.Process.Pid, restarts)
	return command.Wait()
}

// ownProgram is this program, also after its file was replaced or removed where
// the system can name what it runs.
func ownProgram() (string, error) {
	if running := "/proc/self/exe"; exists(running) {
		return running, nil
	}
	return os.Executable()
}

// environment is complete: nothing of the user's own (KUBECONFIG, ~/.kwok,
// proxies) reaches a component.
func (p *process) environment() []string {
	return append([]string{
		"HOME=" + p.instance.dir,
		"PATH=/usr/bin:/bin",
		lifelineEnv + "=1",
	}, p.component.env...)
}

// stop asks the component to end, and ends it when it does not.
func (p *process) stop() {
	p.mutex.Lock()
	close(p.stopping)
	command := p.command
	p.mutex.Unlock()
	if command == nil || command.Process == nil {
		<-p.done
		return
	}
	_ = command.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(stopPatience):
		fmt.Fprintf(os.Stderr, "%s does not stop, killing it\n", p.component.name)
		_ = command.Process.Kill()
		<-p.done
	}
}

// openLog appends; a log that grew large is begun again, the old one kept once.
func openLog(file string) (*os.File, error) {
	if info, err := os.Stat(file); err == nil && info.Size() > largestLogged {
		if err := os.Rename(file, file+".1"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
}

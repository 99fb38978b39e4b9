// Package container is what is seen of a simulated container from outside: the
// lines that it logs, and a shell that answers exec.
package container

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
	"k8s.io/utils/exec"
)

// Shell is what exec meets inside a simulated container: enough of a shell to
// see that a command arrives and an answer comes back. It touches nothing of
// the machine, so that whoever may exec into a pod here gains nothing there.
type Shell struct {
	hostname    string
	environment map[string]string
	out, errOut io.Writer
	prompt      string
	status      int
}

const shellHelp = "this container is simulated; it knows: cat, date, echo, env, exit, false, help, hostname, pwd, sh, sleep, true"

// errExit ends the script or the session that is running.
var errExit = errors.New("exit")

// NewShell makes the shell of one exec session; a prompt makes it interactive.
func NewShell(pod *core.Pod, container *core.Container, out, errOut io.Writer, prompt string) *Shell {
	environment := map[string]string{
		"HOME": "/", "PATH": "/bin", "HOSTNAME": pod.Name,
	}
	for _, variable := range container.Env {
		environment[variable.Name] = variable.Value
	}
	return &Shell{hostname: pod.Name, environment: environment, out: out, errOut: errOut, prompt: prompt}
}

// Run runs one command; a status other than zero is an error that carries it.
func (s *Shell) Run(ctx context.Context, command []string, in io.Reader) error {
	if in == nil {
		in = strings.NewReader("")
	}
	err := s.command(ctx, command, in, s.out)
	if err != nil && !errors.Is(err, errExit) {
		return err
	}
	if s.status != 0 {
		return exec.CodeExitError{Err: fmt.Errorf("exit status %d", s.status), Code: s.status}
	}
	return nil
}

func (s *Shell) command(ctx context.Context, words []string, in io.Reader, out io.Writer) error {
	name, args := words[0], words[1:]
	name = name[strings.LastIndex(name, "/")+1:]
	s.status = 0
	switch name {
	case "sh", "bash", "ash":
		return s.nested(ctx, args, in)
	case "exit":
		return s.exit(args)
	case "echo":
		fmt.Fprintln(out, strings.Join(args, " "))
	case "env":
		for _, key := range sortedKeys(s.environment) {
			fmt.Fprintf(out, "%s=%s\n", key, s.environment[key])
		}
	case "hostname":
		fmt.Fprintln(out, s.hostname)
	case "pwd":
		fmt.Fprintln(out, "/")
	case "date":
		fmt.Fprintln(out, time.Now().UTC().Format(time.RFC3339))
	case "cat":
		_, err := io.Copy(out, in)
		return err
	case "sleep":
		return s.sleep(ctx, args)
	case "true":
	case "false":
		s.status = 1
	case "help":
		fmt.Fprintln(out, shellHelp)
	default:
		fmt.Fprintf(s.errOut, "%s: not found (%s)\n", name, shellHelp)
		s.status = 127
	}
	return nil
}

// nested is "sh -c SCRIPT", or a session that reads its lines from in.
func (s *Shell) nested(ctx context.Context, args []string, in io.Reader) error {
	if len(args) > 1 && strings.HasPrefix(args[0], "-") && strings.HasSuffix(args[0], "c") {
		return endOfSession(s.script(ctx, args[1], in))
	}
	lines := bufio.NewReader(in)
	for ctx.Err() == nil {
		fmt.Fprint(s.out, s.prompt)
		line, err := lines.ReadString('\n')
		if failure := s.script(ctx, line, lines); failure != nil {
			return endOfSession(failure)
		}
		if err != nil {
			return nil
		}
	}
	return ctx.Err()
}

func endOfSession(err error) error {
	if errors.Is(err, errExit) {
		return nil
	}
	return err
}

// script runs commands apart by newline, ";" or "&&".
func (s *Shell) script(ctx context.Context, text string, in io.Reader) error {
	for _, step := range split(text) {
		command := words(step.text, s.lookup)
		if len(command) == 0 || step.onSuccess && s.status != 0 {
			continue
		}
		out := s.out
		if last := len(command) - 1; last > 0 && (command[last] == ">&2" || command[last] == "1>&2") {
			command, out = command[:last], s.errOut
		}
		if err := s.command(ctx, command, in, out); err != nil {
			return err
		}
	}
	return nil
}

func (s *Shell) lookup(name string) string {
	if name == "?" {
		return strconv.Itoa(s.status)
	}
	return s.environment[name]
}

func (s *Shell) exit(args []string) error {
	if len(args) > 0 {
		status, err := strconv.Atoi(args[0])
		if err != nil {
			status = 2
		}
		s.status = status & 0xff
	}
	return errExit
}

func (s *Shell) sleep(ctx context.Context, args []string) error {
	if len(args) != 1 {
		s.status = 1
		return nil
	}
	seconds, err := strconv.ParseFloat(args[0], 64)
	if err != nil {
		s.status = 1
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Duration(seconds * float64(time.Second))):
		return nil
	}
}

func sortedKeys(values map[string]string) []string {
	keys := make([]string, 0, len(values))
	for key := range values {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

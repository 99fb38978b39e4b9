package container

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/exec"
)

func run(t *testing.T, command []string, input string) (out, errOut string, status int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	pod := &core.Pod{ObjectMeta: meta.ObjectMeta{Name: "web-1"}}
	spec := &core.Container{Name: "web", Env: []core.EnvVar{{Name: "COLOUR", Value: "blue"}}}
	err := NewShell(pod, spec, &stdout, &stderr, "").Run(context.Background(), command, strings.NewReader(input))
	var code exec.CodeExitError
	if err != nil && !errors.As(err, &code) {
		t.Fatal(err)
	}
	return stdout.String(), stderr.String(), code.Code
}

func TestCommands(t *testing.T) {
	cases := []struct {
		name    string
		command []string
		input   string
		out     string
		status  int
	}{
		{"echo", []string{"echo", "a", "b"}, "", "a b\n", 0},
		{"a path is a name", []string{"/bin/hostname"}, "", "web-1\n", 0},
		{"environment", []string{"env"}, "", "COLOUR=blue\nHOME=/\nHOSTNAME=web-1\nPATH=/bin\n", 0},
		{"cat copies", []string{"cat"}, "line\n", "line\n", 0},
		{"false", []string{"false"}, "", "", 1},
		{"script", []string{"sh", "-c", "echo 1; echo $COLOUR"}, "", "1\nblue\n", 0},
		{"login shell", []string{"bash", "-lc", "echo hi"}, "", "hi\n", 0},
		{"exit status", []string{"sh", "-c", "exit 7; echo never"}, "", "", 7},
		{"status of the last", []string{"sh", "-c", "false; echo $?; true"}, "", "1\n", 0},
		{"and, after success", []string{"sh", "-c", "true && echo yes"}, "", "yes\n", 0},
		{"and, after failure", []string{"sh", "-c", "false && echo no"}, "", "", 1},
		{"quotes", []string{"sh", "-c", `echo 'a; $COLOUR' "b  $COLOUR"`}, "", "a; $COLOUR b  blue\n", 0},
		{"session", []string{"sh"}, "echo one\nexit 3\necho two\n", "one\n", 3},
		{"end of input ends a session", []string{"sh"}, "echo one", "one\n", 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			out, _, status := run(t, c.command, c.input)
			if out != c.out || status != c.status {
				t.Errorf("got %q and status %d, want %q and %d", out, status, c.out, c.status)
			}
		})
	}
}

func TestAnUnknownCommandIsNotFound(t *testing.T) {
	out, errOut, status := run(t, []string{"rm", "-rf", "/"}, "")
	if out != "" || status != 127 || !strings.HasPrefix(errOut, "rm: not found") {
		t.Errorf("got %q, %q and status %d", out, errOut, status)
	}
}

func TestOutputGoesToStandardErrorWhenAsked(t *testing.T) {
	out, errOut, _ := run(t, []string{"sh", "-c", "echo bad >&2"}, "")
	if out != "" || errOut != "bad\n" {
		t.Errorf("got %q and %q", out, errOut)
	}
}

func TestSplit(t *testing.T) {
	got := split("a 'b; c'&&d\ne")
	want := []step{{text: "a 'b; c'"}, {text: "d", onSuccess: true}, {text: "e"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestWords(t *testing.T) {
	got := words(`a 'b $c' "d $e" f$g$ ""`, func(name string) string { return "<" + name + ">" })
	want := []string{"a", "b $c", "d <e>", "f<g>$", ""}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTerminalEditsAndEchoes(t *testing.T) {
	var screen bytes.Buffer
	terminal := NewTerminal(strings.NewReader("ex\x7fcho\rab\x03ok\r\x04"), &screen)
	var read bytes.Buffer
	if _, err := read.ReadFrom(terminal); err != nil {
		t.Fatal(err)
	}
	if got, want := read.String(), "echo\nok\n"; got != want {
		t.Errorf("read %q, want %q", got, want)
	}
	if got, want := screen.String(), "ex\b \bcho\r\nab^C\r\n$ ok\r\n"; got != want {
		t.Errorf("the screen shows %q, want %q", got, want)
	}
}

package fault

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestRedact(t *testing.T) {
	for _, text := range []string{
		"literal sources [a=hunter2 b]: invalid literal source b",
		"trouble configuring builtin SecretGenerator with config: `\npassword: hunter2\n`: no",
		"line 3 has invalid utf8 bytes : hunter2",
		`"hunter2" is not a valid key name: no`,
		`cannot parse template "a \" hunter2": unclosed action`,
		`error during tpl function execution for "hunter2": no`,
		"- at '/token': 'hunter2\nhunter2' does not match pattern '^a$'",
		"- at '/mail': 'hunter2' is not valid email",
		"cannot unmarshal !!str `hunter2` into map",
		"git fetch https://user:hunter2@example.com/x",
	} {
		if got := Redact(text); strings.Contains(got, "hunter2") {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestRedactKeepsTheRest(t *testing.T) {
	for _, text := range []string{
		"values don't meet the specifications: at '/port': got string, want integer",
		"security; file '/a' is not in or below '/b'",
		`Failed to unmarshal "a.yaml": yaml: line 2: found a tab`,
	} {
		if got := Redact(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestRedactBoundsTheText(t *testing.T) {
	got := Redact("where: " + strings.Repeat("ü", maxText) + ": why")
	if len(got) > maxText+8 || !strings.HasPrefix(got, "where: ") || !strings.HasSuffix(got, ": why") {
		t.Errorf("%d bytes: %s", len(got), got)
	}
}

func TestCodeOf(t *testing.T) {
	wrapped := fmt.Errorf("outside: %w", New(Limit, "too much"))
	if CodeOf(wrapped) != Limit || CodeOf(errors.New("x")) != Render {
		t.Error(CodeOf(wrapped), CodeOf(errors.New("x")))
	}
}

package chart

import "testing"

func TestOpenUses(t *testing.T) {
	for text, want := range map[string]bool{
		`.Capabilities.APIVersions.Has "x"`:         false,
		`(.Capabilities.APIVersions.Has $name)`:     false,
		`range .Capabilities.APIVersions`:           true,
		`{{ .Capabilities.APIVersions }}`:           true,
		`has "x" .Capabilities.APIVersions`:         true,
		`$v := .Capabilities.APIVersions -}}`:       true,
		`.APIVersions.Contains "x"`:                 true,
		`.Values.extraAPIVersionsEnabled`:           false,
		`(.Capabilities.APIVersions) | has "x"`:     true,
		"a\n.Capabilities.APIVersions":              true,
		`.Capabilities.APIVersions.Has "a" range x`: false,
	} {
		notes := NewNotes()
		notes.scan([]byte(text))
		if notes.guarded != want {
			t.Errorf("%q: %v", text, notes.guarded)
		}
	}
}

func TestEscapeCommas(t *testing.T) {
	for value, want := range map[string]string{
		"a,b": `a\,b`, `a\,b`: `a\,b`, "{a,b}": "{a,b}", ",,": `\,\,`, "": "", "{a": "{a", "größe,x": `größe\,x`,
	} {
		if got := escapeCommas(value); got != want {
			t.Errorf("%q became %q, not %q", value, got, want)
		}
	}
}

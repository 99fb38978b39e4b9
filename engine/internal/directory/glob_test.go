package directory

import "testing"

func TestGlob(t *testing.T) {
	for _, row := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "a/b.yaml", true},
		{"*.yaml", "a/b.yaml", true},
		{"a/**", "a/b/c", true},
		{"a?b", "a/b", true},
		{"a?b", "ab", false},
		{"[a-c].yaml", "b.yaml", true},
		{"[a-c].yaml", "d.yaml", false},
		{"[!a-c].yaml", "d.yaml", true},
		{"[]a].yaml", "].yaml", true},
		{"[^a]", "^", true},
		{"[^a]", "b", false},
		{"{a,b*}.yaml", "bcd.yaml", true},
		{"{a,{b,c}}.yaml", "c.yaml", true},
		{"a,b", "a,b", true},
		{`\*`, "*", true},
		{`\*`, "a", false},
		{"a.b", "axb", false},
		{"a+(b)|c$", "a+(b)|c$", true},
		{"line*", "line\nbreak", true},
		{"[", "[", false},
		{"{a", "a", false},
		{"a}", "a}", false},
		{`a\`, "a", false},
		{"", "a", false},
		{"größ?", "größe", true},
	} {
		expression := compileGlob(row.pattern)
		got := expression != nil && expression.MatchString(row.name)
		if got != row.want {
			t.Errorf("%q on %q: %v", row.pattern, row.name, got)
		}
	}
}

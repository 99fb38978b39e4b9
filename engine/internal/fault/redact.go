package fault

import (
	"regexp"
	"strings"

	"tiphys.dev/engine/internal/defence"
)

// maxText bounds what one error says.
const maxText = 8 << 10

// quotes are the places where the tools repeat a value in an error; values may be secret.
var quotes = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`(?s)literal sources \[.*`), "a literal source is not key=value"},
	{regexp.MustCompile("(?s) with config: `.*`"), ""},
	{regexp.MustCompile(`(has invalid utf8 bytes) : .*`), "$1"},
	{regexp.MustCompile(`"(?:[^"\\]|\\.)*" is not a valid key name`), "a line is not a valid key name"},
	{regexp.MustCompile(`(cannot parse template|tpl function execution for) "(?:[^"\\]|\\.)*"`), "$1 a value"},
	{regexp.MustCompile(`(?s)(at '[^'\n]*': )'.*?' (does not match pattern|is not valid)`), "${1}the value $2"},
	{regexp.MustCompile("(?s)(cannot unmarshal !!\\w+) `[^`]*`"), "$1"},
	{regexp.MustCompile(`//[^/@\s]*@`), "//"},
}

// Redact takes out of an error what its tool repeats of the source's values.
func Redact(text string) string {
	if !defence.On {
		return text
	}
	for _, quote := range quotes {
		text = quote.pattern.ReplaceAllString(text, quote.instead)
	}
	if len(text) > maxText {
		// The reason stands at the end of a chain, and where it was at the beginning.
		half := maxText / 2
		text = strings.ToValidUTF8(text[:half], "") + " ... " + strings.ToValidUTF8(text[len(text)-half:], "")
	}
	return text
}

package container

import "strings"

// step is one simple command of a script, its quotes and variables still in it.
type step struct {
	text      string
	onSuccess bool // after "&&"
}

// split takes a script apart at newlines, ";" and "&&".
func split(script string) []step {
	var steps []step
	var quote rune
	var text strings.Builder
	onSuccess := false
	end := func(nextOnSuccess bool) {
		steps = append(steps, step{text: text.String(), onSuccess: onSuccess})
		text.Reset()
		onSuccess = nextOnSuccess
	}
	runes := []rune(script)
	for n := 0; n < len(runes); n++ {
		r := runes[n]
		switch {
		case quote == 0 && r == '&' && n+1 < len(runes) && runes[n+1] == '&':
			end(true)
			n++
		case quote == 0 && (r == ';' || r == '\n' || r == '\r'):
			end(false)
		default:
			quote = quoted(quote, r)
			text.WriteRune(r)
		}
	}
	end(false)
	return steps
}

// quoted is the quote that is open after a rune, 0 for none.
func quoted(open, r rune) rune {
	switch {
	case open == r:
		return 0
	case open == 0 && (r == '\'' || r == '"'):
		return r
	}
	return open
}

// words takes a step apart, without its quotes and with the values of variables.
func words(text string, lookup func(string) string) []string {
	var found []string
	var word strings.Builder
	var quote rune
	inWord := false
	end := func() {
		if inWord {
			found = append(found, word.String())
			word.Reset()
			inWord = false
		}
	}
	runes := []rune(text)
	for n := 0; n < len(runes); n++ {
		r := runes[n]
		after := quoted(quote, r)
		switch {
		case after != quote: // the quote itself
			inWord = true
		case quote == 0 && (r == ' ' || r == '\t'):
			end()
		case r == '$' && quote != '\'':
			name := variable(runes[n+1:])
			n += len(name)
			word.WriteString(value(name, lookup))
			inWord = true
		default:
			word.WriteRune(r)
			inWord = true
		}
		quote = after
	}
	end()
	return found
}

func value(name string, lookup func(string) string) string {
	if name == "" {
		return "$"
	}
	return lookup(name)
}

// variable is the name that follows a dollar, empty when there is none.
func variable(rest []rune) string {
	if len(rest) > 0 && rest[0] == '?' {
		return "?"
	}
	length := 0
	for length < len(rest) && (rest[length] == '_' ||
		rest[length] >= 'A' && rest[length] <= 'Z' ||
		rest[length] >= 'a' && rest[length] <= 'z' ||
		rest[length] >= '0' && rest[length] <= '9') {
		length++
	}
	return string(rest[:length])
}

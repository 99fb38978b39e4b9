package main

import "strings"

// step is one simple command of a script.
type step struct {
	words     []string
	onSuccess bool // after "&&"
}

// splitter takes a script apart into steps and words, with quotes and variables.
type splitter struct {
	lookup func(string) string
	steps  []step
	word   strings.Builder
	inWord bool
}

func split(text string, lookup func(string) string) []step {
	p := splitter{lookup: lookup, steps: []step{{}}}
	var quote rune
	runes := []rune(text)
	for n := 0; n < len(runes); n++ {
		r := runes[n]
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case r == '$' && quote != '\'':
			n += p.variable(runes[n+1:])
		case quote != 0:
			p.add(r)
		case r == '\'' || r == '"':
			quote, p.inWord = r, true
		case r == '&' && n+1 < len(runes) && runes[n+1] == '&':
			p.endStep(true)
			n++
		case r == ';' || r == '\n' || r == '\r':
			p.endStep(false)
		case r == ' ' || r == '\t':
			p.endWord()
		default:
			p.add(r)
		}
	}
	p.endWord()
	return p.steps
}

func (p *splitter) add(r rune) {
	p.word.WriteRune(r)
	p.inWord = true
}

// variable expands the name that follows a dollar and says how long it is.
func (p *splitter) variable(rest []rune) int {
	if len(rest) > 0 && rest[0] == '?' {
		p.word.WriteString(p.lookup("?"))
		p.inWord = true
		return 1
	}
	length := 0
	for length < len(rest) && (rest[length] == '_' ||
		rest[length] >= 'A' && rest[length] <= 'Z' ||
		rest[length] >= 'a' && rest[length] <= 'z' ||
		rest[length] >= '0' && rest[length] <= '9') {
		length++
	}
	if length == 0 {
		p.add('$')
		return 0
	}
	p.word.WriteString(p.lookup(string(rest[:length])))
	p.inWord = true
	return length
}

func (p *splitter) endWord() {
	if p.inWord {
		last := &p.steps[len(p.steps)-1]
		last.words = append(last.words, p.word.String())
		p.word.Reset()
		p.inWord = false
	}
}

func (p *splitter) endStep(onSuccess bool) {
	p.endWord()
	p.steps = append(p.steps, step{onSuccess: onSuccess})
}

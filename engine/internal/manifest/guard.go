package manifest

import (
	"bytes"
	"encoding/json"

	"go.yaml.in/yaml/v3"

	"tiphys.dev/engine/internal/defence"
	"tiphys.dev/engine/internal/fault"
)

const (
	// MaxDocument bounds one text that is parsed.
	MaxDocument = 32 << 20
	// MaxExpanded bounds a text after its aliases are written out.
	MaxExpanded = 16 << 20
	// MaxDepth bounds nesting; Kubernetes' deepest schemas stay far below.
	MaxDepth = 500
)

// Guard refuses a text whose aliases grow it beyond reason, before anything writes them out.
// A text that does not parse passes: whoever parses it says why.
func Guard(text []byte) error {
	if len(text) > MaxDocument {
		return fault.New(fault.Limit, "a document is over the limit of %d bytes", MaxDocument)
	}
	if !defence.On || !hasMark(text, '&') || !hasMark(text, '*') {
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	total := 0
	for {
		var document yaml.Node
		if decoder.Decode(&document) != nil {
			return nil
		}
		measure := expansion{sizes: map[*yaml.Node]int{}}
		total += measure.of(&document, 0)
		if measure.deep {
			return tooDeep()
		}
		if total > MaxExpanded {
			return fault.New(fault.Limit,
				"YAML aliases expand a document over the limit of %d bytes", MaxExpanded)
		}
	}
}

// hasMark looks for the sign of an anchor or an alias: at the start of a value, with a name
// right behind it. Prose and bullet lists do not pay for a second parse.
func hasMark(text []byte, sign byte) bool {
	for index := 0; ; index++ {
		next := bytes.IndexByte(text[index:], sign)
		if next < 0 {
			return false
		}
		index += next
		opens := index == 0 || bytes.IndexByte([]byte(" \t\n\r[{,:-"), text[index-1]) >= 0
		named := index+1 < len(text) && bytes.IndexByte([]byte(" \t\n\r,[]{}"), text[index+1]) < 0
		if opens && named {
			return true
		}
	}
}

type expansion struct {
	sizes map[*yaml.Node]int
	deep  bool
}

// of gives the size of a node with its aliases written out, capped so that it cannot overflow.
func (e *expansion) of(node *yaml.Node, depth int) int {
	if depth > MaxDepth {
		e.deep = true
		return 0
	}
	if size, known := e.sizes[node]; known {
		return size
	}
	size := len(node.Value) + 1
	if node.Alias != nil {
		size += e.of(node.Alias, depth+1)
	}
	for _, child := range node.Content {
		size = min(size+e.of(child, depth+1), 2*MaxExpanded)
	}
	e.sizes[node] = size
	return size
}

func guardDepth(document json.RawMessage) error {
	depth, inString := 0, false
	for index := 0; index < len(document); index++ {
		switch char := document[index]; {
		case inString && char == '\\':
			index++
		case char == '"':
			inString = !inString
		case inString:
		case char == '{' || char == '[':
			if depth++; depth > MaxDepth && defence.On {
				return tooDeep()
			}
		case char == '}' || char == ']':
			depth--
		}
	}
	return nil
}

func tooDeep() error {
	return fault.New(fault.Limit, "a document nests deeper than the limit of %d", MaxDepth)
}

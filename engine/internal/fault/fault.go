// Package fault holds the errors that leave the engine: each has a code that the caller can
// act on, and a text that never holds the content of a file.
package fault

import (
	"errors"
	"fmt"
)

// Code says what kind of failure ended a request.
type Code string

const (
	// Render is a source that does not become manifests.
	Render Code = "render"
	// Limit is a bound that was passed; the text names it.
	Limit Code = "limit"
	// Unsupported is something that this version refuses; the text names it.
	Unsupported Code = "unsupported"
	// Protocol is a request that the engine does not understand.
	Protocol Code = "protocol"
)

// Error is a failure with its code.
type Error struct {
	Code Code
	Text string
}

func (e *Error) Error() string { return e.Text }

// New makes an error of a code.
func New(code Code, format string, args ...any) error {
	return &Error{Code: code, Text: fmt.Sprintf(format, args...)}
}

// CodeOf finds the code in a chain of errors; what has none is a Render error.
func CodeOf(err error) Code {
	var known *Error
	if errors.As(err, &known) {
		return known.Code
	}
	return Render
}

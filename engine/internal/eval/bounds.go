// Package eval evaluates what users wrote in jq and Lua, one object after the other, each within
// a time and the memory that there is. What goes wrong on one object is that object's answer.
package eval

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Bounds runs the work on one item. The context ends with the reason when the item takes more
// than its time or too much memory; work that does not listen to it ends with the process.
type Bounds interface {
	Within(item int, limit time.Duration, work func(context.Context) error) error
}

// OverLimit is work that was ended: what it went over.
type OverLimit struct{ Reason string }

func (e *OverLimit) Error() string { return "over its " + e.Reason }

// strikes is how often a script may go over its limits before the rest of a request goes without
// it: a script that never ends would hold the lane for a second an object.
const strikes = 3

// mostStrikes is how often all expressions of a request together may.
const mostStrikes = 5

var errAllGivenUp = fmt.Errorf("not tried: others went over their limits %d times before", mostStrikes)

var errGivenUp = fmt.Errorf("not tried: it went over its limits on %d objects before", strikes)

// limited tells an answer that says nothing of its document, only that the limits are too narrow.
func limited(err error) bool {
	var over *OverLimit
	return errors.As(err, &over) || errors.Is(err, errGivenUp) || errors.Is(err, errAllGivenUp)
}

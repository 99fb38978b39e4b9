package server

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"time"

	"tiphys.dev/engine/internal/defence"
	"tiphys.dev/engine/internal/eval"
)

// watchdog ends the process when a running request takes more memory or time than it may. It
// looks at the runtime's own figures, for /proc is closed to it. The caller ends a late request
// itself, and earlier; this is for when the caller is gone.
//
// An evaluation is a request of many items. Each is asked to end first, and only what does not
// listen takes the process with it.
type watchdog struct {
	limit    int
	running  atomic.Int64
	deadline atomic.Int64
	item     atomic.Pointer[item]
	over     func(request int, item *int, reason string)
	wake     chan struct{}
}

// item is one document of an evaluation.
type item struct {
	number int
	end    time.Time
	limit  time.Duration
	cancel context.CancelCauseFunc
	asked  bool
}

const (
	pause = 10 * time.Millisecond
	// grace is how much longer an item may take that was asked to end.
	grace = 500 * time.Millisecond
	// soft is the part of the memory at which an item is asked to end.
	soft = 0.6
)

func newWatchdog(limit int, over func(request int, item *int, reason string)) *watchdog {
	return &watchdog{limit: limit, over: over, wake: make(chan struct{}, 1)}
}

// begin wakes the watchdog for a request; it rests between requests.
func (w *watchdog) begin(request int, start time.Time, deadlineMS int) {
	end := int64(0)
	if deadlineMS > 0 {
		end = start.UnixMilli() + int64(deadlineMS)
	}
	w.deadline.Store(end)
	w.running.Store(int64(request) + 1)
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *watchdog) end() { w.running.Store(0) }

// Within runs one item of an evaluation.
func (w *watchdog) Within(number int, limit time.Duration, work func(context.Context) error) error {
	cancelled, cancel := context.WithCancelCause(context.Background())
	late := &eval.OverLimit{Reason: fmt.Sprintf("limit of %s", limit)}
	ctx, stop := context.WithTimeoutCause(cancelled, limit, late)
	w.item.Store(&item{number: number, end: time.Now().Add(limit + grace), limit: limit, cancel: cancel})
	defer func() {
		w.item.Store(nil)
		stop()
		cancel(nil)
	}()
	err := work(ctx)
	if ctx.Err() == nil {
		return err
	}
	// Whatever the work made of it: it was ended.
	cause := context.Cause(ctx)
	var over *eval.OverLimit
	if errors.As(cause, &over) && over != late {
		debug.FreeOSMemory()
	}
	return cause
}

func (w *watchdog) watch() {
	for range w.wake {
		for {
			request := int(w.running.Load() - 1)
			if request < 0 {
				break
			}
			w.look(request)
			time.Sleep(pause)
		}
	}
}

func (w *watchdog) look(request int) {
	now, at := time.Now(), w.item.Load()
	var number *int
	if at != nil {
		number = &at.number
	}
	used := memoryInUse()
	memory := fmt.Sprintf("limit of %d MB of memory", w.limit>>20)
	if used > w.limit && defence.On {
		w.over(request, number, memory)
	}
	if end := w.deadline.Load(); end != 0 && now.UnixMilli() > end {
		w.over(request, nil, "deadline")
	}
	if at == nil {
		return
	}
	if now.After(at.end) {
		w.over(request, number, fmt.Sprintf("limit of %s", at.limit))
	}
	if !at.asked && float64(used) > soft*float64(w.limit) {
		// What earlier items left behind is not this one's.
		debug.FreeOSMemory()
		if float64(memoryInUse()) > soft*float64(w.limit) {
			at.asked = true
			at.cancel(&eval.OverLimit{Reason: memory})
		}
	}
}

func memoryInUse() int {
	sample := []metrics.Sample{
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(sample)
	return int(sample[0].Value.Uint64() - sample[1].Value.Uint64())
}

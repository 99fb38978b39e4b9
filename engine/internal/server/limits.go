package server

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Limits of one process. Bytes throughout.
type Limits struct {
	Memory int `json:"memory"`
	Input  int `json:"input"`
	Files  int `json:"files"`
	Output int `json:"output"`
}

// ReadLimits takes the environment's numbers, set by the process that starts the engine.
func ReadLimits() Limits {
	return Limits{
		Memory: number("TIPHYS_ENGINE_MEMORY", 768<<20),
		Input:  number("TIPHYS_ENGINE_INPUT", 128<<20),
		Files:  number("TIPHYS_ENGINE_FILES", 50_000),
		Output: number("TIPHYS_ENGINE_OUTPUT", 64<<20),
	}
}

func number(name string, otherwise int) int {
	value, err := strconv.Atoi(os.Getenv(name))
	if err != nil || value <= 0 || value > math.MaxInt32 {
		return otherwise
	}
	return value
}

// apply sets what the Go runtime holds by itself.
func (l Limits) apply() {
	runtime.GOMAXPROCS(min(2, runtime.NumCPU()))
	debug.SetMemoryLimit(int64(l.Memory) / 10 * 8)
	debug.SetMaxStack(256 << 20)
	// One huge allocation can keep the watchdog from running until it is filled: the kernel
	// refuses it at once. The margin lets the watchdog, which has better words, come first.
	data := uint64(l.Memory) + 512<<20
	_ = syscall.Setrlimit(unix.RLIMIT_DATA, &syscall.Rlimit{Cur: data, Max: data})
}

// watchdog ends the process when a running request takes more memory or time than it may. It
// looks at the runtime's own figures, for /proc is closed to it. The caller ends a late request
// itself, and earlier; this is for when the caller is gone.
type watchdog struct {
	limit    int
	running  atomic.Int64
	deadline atomic.Int64
	over     func(request int, reason string)
	wake     chan struct{}
}

func newWatchdog(limit int, over func(request int, reason string)) *watchdog {
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

const pause = 10 * time.Millisecond

func (w *watchdog) watch() {
	for range w.wake {
		for {
			request := int(w.running.Load() - 1)
			if request < 0 {
				break
			}
			if memoryInUse() > w.limit {
				w.over(request, fmt.Sprintf("limit of %d MB of memory", w.limit>>20))
			}
			if end := w.deadline.Load(); end != 0 && time.Now().UnixMilli() > end {
				w.over(request, "deadline")
			}
			time.Sleep(pause)
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

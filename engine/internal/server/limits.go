package server

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"

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

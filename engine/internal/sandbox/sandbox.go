// Package sandbox gives up the rights that rendering does not need. Before it runs everything
// that is ever opened has to be open.
package sandbox

import (
	"errors"
	"os"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"github.com/landlock-lsm/go-landlock/landlock"
	"golang.org/x/sys/unix"

	"tiphys.dev/engine/internal/defence"
)

// allowed is what the Go runtime and reading and writing open pipes take; everything else fails
// with EPERM, among it every way to open, create, connect, start or trace something.
var allowed = []string{
	"brk", "clock_getres", "clock_gettime", "clock_nanosleep", "close", "dup", "dup2", "dup3",
	"epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_wait", "eventfd2", "exit", "exit_group",
	"fcntl", "fstat", "futex", "getcpu", "getegid", "geteuid", "getgid", "getpid", "getppid",
	"getrandom", "getrusage", "gettid", "gettimeofday", "getuid", "madvise", "membarrier",
	"mincore", "mmap", "mprotect", "munmap", "nanosleep", "pipe2", "poll", "ppoll", "pread64",
	"read", "readv", "restart_syscall", "rseq", "rt_sigaction", "rt_sigprocmask",
	"rt_sigreturn", "sched_getaffinity", "sched_yield", "set_robust_list", "sigaltstack",
	"timer_create", "timer_delete", "timer_settime", "uname", "write", "writev",
}

// threadFlag tells a new thread from a new process.
const threadFlag = unix.CLONE_THREAD

// LockDown says what holds from now on and what the kernel could not give.
func LockDown() (granted, missing []string) {
	granted, missing = []string{}, []string{}
	if !defence.On {
		return granted, missing
	}
	note := func(name string, err error) {
		if err != nil {
			missing = append(missing, name+": "+err.Error())
		} else {
			granted = append(granted, name)
		}
	}
	// Landlock first: the filter below takes away its system calls.
	note("landlock", denyFiles())
	note("seccomp", denySystemCalls())
	return granted, missing
}

func denyFiles() error {
	config := landlock.V6
	if err := config.Restrict(); err != nil {
		// An older kernel: what it has is better than nothing, and is said.
		if landlock.V1.BestEffort().RestrictPaths() != nil {
			return err
		}
		return errors.New("only in part: " + err.Error())
	}
	return nil
}

func denySystemCalls() error {
	filter := seccomp.Filter{
		NoNewPrivs: true,
		Flag:       seccomp.FilterFlagTSync,
		Policy: seccomp.Policy{
			DefaultAction: seccomp.ActionErrno,
			Syscalls: []seccomp.SyscallGroup{{
				Action: seccomp.ActionAllow,
				Names:  known(allowed),
				NamesWithCondtions: []seccomp.NameWithConditions{{
					Name: "clone",
					Conditions: seccomp.ArgumentConditions{{
						Argument: 0, Operation: seccomp.BitsSet, Value: threadFlag,
					}},
				}, {
					// The runtime interrupts its own threads, and nobody else's.
					Name: "tgkill",
					Conditions: seccomp.ArgumentConditions{{
						Argument: 0, Operation: seccomp.Equal, Value: uint64(os.Getpid()),
					}},
				}},
			}},
		},
	}
	return seccomp.LoadFilter(filter)
}

// known leaves out names that this architecture does not have.
func known(names []string) []string {
	info, err := arch.GetInfo("")
	if err != nil {
		return names
	}
	var present []string
	for _, name := range names {
		if _, ok := info.SyscallNames[name]; ok {
			present = append(present, name)
		}
	}
	return present
}

package sandbox

import (
	"errors"
	"os"
	"syscall"
)

// Probe tries what has to fail after LockDown, and says how it failed: "" means that it did not.
func Probe() map[string]string {
	results := map[string]string{}
	note := func(name string, err error) {
		switch {
		case err == nil:
			results[name] = ""
		case errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES):
			results[name] = "denied"
		default:
			results[name] = err.Error()
		}
	}
	file, err := os.OpenFile("/tmp/tiphys-engine-probe", os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_ = file.Close()
		_ = os.Remove(file.Name())
	}
	note("write", err)
	file, err = os.Open("/etc/hostname")
	if err == nil {
		_ = file.Close()
	}
	note("read", err)
	for name, family := range map[string]int{"inet": syscall.AF_INET, "inet6": syscall.AF_INET6, "unix": syscall.AF_UNIX} {
		handle, err := syscall.Socket(family, syscall.SOCK_STREAM, 0)
		if err == nil {
			_ = syscall.Close(handle)
		}
		note("socket-"+name, err)
	}
	note("exec", syscall.Exec("/nonexistent/tiphys-probe", []string{"probe"}, nil))
	child, _, number := syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
	if number == 0 && child == 0 {
		syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0)
	}
	note("fork", asError(number))
	note("kill", syscall.Kill(os.Getppid(), 0))
	_, _, number = syscall.RawSyscall(syscall.SYS_TGKILL, uintptr(os.Getppid()), uintptr(os.Getppid()), 0)
	note("tgkill", asError(number))
	err = syscall.Mkdir("/tmp/tiphys-engine-probe.d", 0o700)
	if err == nil {
		_ = os.Remove("/tmp/tiphys-engine-probe.d")
	}
	note("mkdir", err)
	// Nobody has this number: where it is allowed nobody is stopped.
	note("ptrace", syscall.PtraceAttach(0))
	return results
}

func asError(number syscall.Errno) error {
	if number == 0 {
		return nil
	}
	return number
}

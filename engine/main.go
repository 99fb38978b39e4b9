// Command tiphys-engine renders manifests. It answers framed requests on standard input and
// output, and after its start can neither open files nor sockets nor start programs.
package main

import (
	"io"
	"log"
	"os"
	"syscall"

	// Templates may name time zones, and the process cannot read the system's.
	_ "time/tzdata"

	"tiphys.dev/engine/internal/server"
)

func main() {
	input, output, err := takePipes()
	if err != nil {
		log.Fatalf("tiphys-engine: %s", err)
	}
	if err := server.Run(input, output); err != nil {
		os.Exit(1)
	}
}

// takePipes moves the two pipes away from where libraries print: what they write to standard
// output would break the frames, and what they warn of may quote a user's text.
func takePipes() (io.Reader, io.Writer, error) {
	kept, err := syscall.Dup(1)
	if err != nil {
		return nil, nil, err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, nil, err
	}
	if err := syscall.Dup3(int(null.Fd()), 1, 0); err != nil {
		return nil, nil, err
	}
	os.Stdout, os.Stderr = null, null
	log.SetOutput(io.Discard)
	return os.Stdin, os.NewFile(uintptr(kept), "answers"), nil
}

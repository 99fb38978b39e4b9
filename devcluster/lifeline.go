package main

import (
	"fmt"
	"os"
)

// lifelineFD is the descriptor of the read end of a pipe whose write end only
// the supervisor holds. It reaches end of file when the supervisor is gone, in
// whatever way it went, so that no component outlives it.
const (
	lifelineFD  = 3
	lifelineEnv = "TIPHYS_DEVCLUSTER_LIFELINE"
)

func followLifeline() {
	if os.Getenv(lifelineEnv) == "" {
		return
	}
	pipe := os.NewFile(lifelineFD, "lifeline")
	go func() {
		_, _ = pipe.Read(make([]byte, 1))
		fmt.Fprintln(os.Stderr, "the supervisor is gone, stopping")
		os.Exit(1)
	}()
}

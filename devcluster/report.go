package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"
)

// Phases of an instance, as status.json names them.
const (
	phaseStarting = "starting"
	phaseAPIReady = "api-ready"
	phaseReady    = "ready"
	phaseStopping = "stopping"
	phaseStopped  = "stopped"
	phaseFailed   = "failed"
)

type componentStatus struct {
	PID      int `json:"pid"` // 0: not running
	Restarts int `json:"restarts"`
}

// report is what the supervisor tells the outside: a file, replaced whole at
// every change. It is true only while the instance's lock is held.
type report struct {
	file  string
	mutex sync.Mutex
	state struct {
		Phase      string                     `json:"phase"`
		Error      string                     `json:"error,omitempty"`
		Supervisor int                        `json:"supervisor"`
		Components map[string]componentStatus `json:"components"`
	}
}

func newReport(file string) *report {
	r := &report{file: file}
	r.state.Supervisor = os.Getpid()
	r.state.Components = map[string]componentStatus{}
	r.phase(phaseStarting)
	return r
}

func (r *report) phase(phase string) {
	r.change(func() { r.state.Phase = phase })
}

func (r *report) fail(err error) {
	r.change(func() { r.state.Phase, r.state.Error = phaseFailed, err.Error() })
}

func (r *report) component(name string, pid, restarts int) {
	r.change(func() { r.state.Components[name] = componentStatus{PID: pid, Restarts: restarts} })
}

func (r *report) change(apply func()) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	apply()
	data, err := json.Marshal(r.state)
	if err == nil {
		err = writeFile(r.file, data)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cannot write the status:", err)
	}
}

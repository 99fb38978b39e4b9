package container

import (
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	core "k8s.io/api/core/v1"
)

// Interval is how often a running container writes a line. It also writes one
// when it starts and one when it ends. The lines follow from the pod's status,
// so that they are the same whenever they are asked for.
const Interval = time.Second

const mostLines = 10000

// LogLine is one line that a container wrote.
type LogLine struct {
	at   time.Time
	text string
}

// LogRequest is the part of the kubelet's query that concerns lines.
type LogRequest struct {
	Follow     bool
	Previous   bool
	timestamps bool
	Tail       int // -1: all
	limit      int // bytes; -1: all
	Since      time.Time
}

// ParseLogRequest reads the query that the API server sends to a kubelet.
func ParseLogRequest(query url.Values, now time.Time) (LogRequest, error) {
	request := LogRequest{
		Follow:     query.Get("follow") == "true",
		Previous:   query.Get("previous") == "true",
		timestamps: query.Get("timestamps") == "true",
		Tail:       -1,
		limit:      -1,
	}
	for name, target := range map[string]*int{"tailLines": &request.Tail, "limitBytes": &request.limit} {
		if text := query.Get(name); text != "" {
			number, err := strconv.Atoi(text)
			if err != nil {
				return request, fmt.Errorf("%s is not a number", name)
			}
			*target = number
		}
	}
	if text := query.Get("sinceSeconds"); text != "" {
		seconds, err := strconv.Atoi(text)
		if err != nil {
			return request, fmt.Errorf("sinceSeconds is not a number")
		}
		request.Since = now.Add(-time.Duration(seconds) * time.Second)
	}
	if text := query.Get("sinceTime"); text != "" {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return request, fmt.Errorf("sinceTime is not a time")
		}
		request.Since = at
	}
	return request, nil
}

// LogLines is what a container has written until now.
func LogLines(container string, status core.ContainerStatus, previous bool, now time.Time) []LogLine {
	state := status.State
	if previous || state.Running == nil && state.Terminated == nil {
		state = status.LastTerminationState
	}
	switch {
	case state.Running != nil:
		return ticks(container, state.Running.StartedAt.Time, now)
	case state.Terminated != nil:
		lines := ticks(container, state.Terminated.StartedAt.Time, state.Terminated.FinishedAt.Time)
		return append(lines, LogLine{
			at:   state.Terminated.FinishedAt.Time,
			text: fmt.Sprintf("%s: exited with code %d", container, state.Terminated.ExitCode),
		})
	}
	return nil
}

func ticks(container string, start, end time.Time) []LogLine {
	count := max(int(end.Sub(start)/Interval), 0)
	lines := []LogLine{{at: start, text: container + ": started"}}
	for n := max(1, count-mostLines); n <= count; n++ {
		lines = append(lines, LogLine{
			at:   start.Add(time.Duration(n) * Interval),
			text: fmt.Sprintf("%s: running for %d s", container, n),
		})
	}
	return lines
}

// Choose keeps the lines that were asked for.
func (r LogRequest) Choose(lines []LogLine) []LogLine {
	for len(lines) > 0 && lines[0].at.Before(r.Since) {
		lines = lines[1:]
	}
	if r.Tail >= 0 && len(lines) > r.Tail {
		lines = lines[len(lines)-r.Tail:]
	}
	return lines
}

// After keeps the lines that were written after a time. The last line of a
// container that ended always counts: a status has only whole seconds, so that
// it can seem older than what was sent before it.
func After(lines []LogLine, seen time.Time, ended bool) []LogLine {
	for n, line := range lines {
		if line.at.After(seen) || ended && n == len(lines)-1 {
			return lines[n:]
		}
	}
	return nil
}

// Write sends lines and says whether more are wanted.
func (r *LogRequest) Write(out io.Writer, lines []LogLine) bool {
	for _, line := range lines {
		text := line.text + "\n"
		if r.timestamps {
			text = line.at.UTC().Format("2006-01-02T15:04:05.000000000Z07:00") + " " + text
		}
		if r.limit >= 0 {
			text = text[:min(len(text), r.limit)]
			r.limit -= len(text)
		}
		if _, err := io.WriteString(out, text); err != nil || r.limit == 0 {
			return false
		}
	}
	return true
}

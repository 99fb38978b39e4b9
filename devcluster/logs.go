package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	core "k8s.io/api/core/v1"
)

// Simulated containers write a line when they start, one every second while
// they run, and one when they end. The lines follow from the pod's status, so
// that they are the same whenever they are asked for.
const (
	logInterval = time.Second
	mostLines   = 10000
)

type logLine struct {
	at   time.Time
	text string
}

// logRequest is the part of the kubelet's query that concerns lines.
type logRequest struct {
	follow     bool
	previous   bool
	timestamps bool
	tail       int // -1: all
	limit      int // bytes; -1: all
	since      time.Time
}

func parseLogRequest(query url.Values, now time.Time) (logRequest, error) {
	request := logRequest{
		follow:     query.Get("follow") == "true",
		previous:   query.Get("previous") == "true",
		timestamps: query.Get("timestamps") == "true",
		tail:       -1,
		limit:      -1,
	}
	for name, target := range map[string]*int{"tailLines": &request.tail, "limitBytes": &request.limit} {
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
		request.since = now.Add(-time.Duration(seconds) * time.Second)
	}
	if text := query.Get("sinceTime"); text != "" {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return request, fmt.Errorf("sinceTime is not a time")
		}
		request.since = at
	}
	return request, nil
}

// logLines is what a container has written until now.
func logLines(container string, status core.ContainerStatus, previous bool, now time.Time) []logLine {
	state := status.State
	if previous || state.Running == nil && state.Terminated == nil {
		state = status.LastTerminationState
	}
	switch {
	case state.Running != nil:
		return ticks(container, state.Running.StartedAt.Time, now)
	case state.Terminated != nil:
		lines := ticks(container, state.Terminated.StartedAt.Time, state.Terminated.FinishedAt.Time)
		return append(lines, logLine{
			at:   state.Terminated.FinishedAt.Time,
			text: fmt.Sprintf("%s: exited with code %d", container, state.Terminated.ExitCode),
		})
	}
	return nil
}

func ticks(container string, start, end time.Time) []logLine {
	count := max(int(end.Sub(start)/logInterval), 0)
	lines := []logLine{{at: start, text: container + ": started"}}
	for n := max(1, count-mostLines); n <= count; n++ {
		lines = append(lines, logLine{
			at:   start.Add(time.Duration(n) * logInterval),
			text: fmt.Sprintf("%s: running for %d s", container, n),
		})
	}
	return lines
}

func (r logRequest) choose(lines []logLine) []logLine {
	for len(lines) > 0 && lines[0].at.Before(r.since) {
		lines = lines[1:]
	}
	if r.tail >= 0 && len(lines) > r.tail {
		lines = lines[len(lines)-r.tail:]
	}
	return lines
}

// write sends lines and says whether more are wanted.
func (r *logRequest) write(out io.Writer, lines []logLine) bool {
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

func (s podSource) serveLogs(response http.ResponseWriter, request *http.Request) {
	wanted, err := parseLogRequest(request.URL.Query(), time.Now())
	if err != nil {
		http.Error(response, err.Error(), http.StatusBadRequest)
		return
	}
	pod, container, err := s.container(request)
	if err != nil {
		http.Error(response, err.Error(), http.StatusNotFound)
		return
	}
	now := time.Now()
	lines := logLines(container.Name, statusOf(pod, container.Name), wanted.previous, now)
	if wanted.previous && len(lines) == 0 {
		http.Error(response, fmt.Sprintf("previous terminated container %q in pod %q not found", container.Name, pod.Name), http.StatusBadRequest)
		return
	}
	more := wanted.write(response, wanted.choose(lines))
	if more && wanted.follow && !wanted.previous {
		s.follow(request, response, wanted, container.Name, now)
	}
}

// follow sends what the container writes after a time, until it ends or the
// reader goes.
func (s podSource) follow(request *http.Request, response http.ResponseWriter, wanted logRequest, name string, after time.Time) {
	flush := http.NewResponseController(response)
	for flush.Flush() == nil && pause(request.Context(), logInterval/2) {
		pod, _, err := s.container(request)
		if err != nil {
			return
		}
		status := statusOf(pod, name)
		now := time.Now()
		wanted.since = after.Add(time.Nanosecond)
		wanted.tail = -1
		if !wanted.write(response, wanted.choose(logLines(name, status, false, now))) || status.State.Terminated != nil {
			return
		}
		after = now
	}
}

func statusOf(pod *core.Pod, container string) core.ContainerStatus {
	for _, statuses := range [][]core.ContainerStatus{pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses} {
		for _, status := range statuses {
			if status.Name == container {
				return status
			}
		}
	}
	return core.ContainerStatus{}
}

func pause(ctx context.Context, duration time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(duration):
		return true
	}
}

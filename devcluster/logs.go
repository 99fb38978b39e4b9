package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	core "k8s.io/api/core/v1"

	"tiphys.dev/devcluster/internal/container"
)

func (s podSource) serveLogs(response http.ResponseWriter, request *http.Request) {
	wanted, err := container.ParseLogRequest(request.URL.Query(), time.Now())
	if err != nil {
		http.Error(response, err.Error(), http.StatusBadRequest)
		return
	}
	pod, spec, err := s.container(request)
	if err != nil {
		http.Error(response, err.Error(), http.StatusNotFound)
		return
	}
	now := time.Now()
	status := statusOf(pod, spec.Name)
	lines := container.LogLines(spec.Name, status, wanted.Previous, now)
	if wanted.Previous && len(lines) == 0 {
		http.Error(response, fmt.Sprintf("previous terminated container %q in pod %q not found", spec.Name, pod.Name), http.StatusBadRequest)
		return
	}
	more := wanted.Write(response, wanted.Choose(lines))
	if more && wanted.Follow && !wanted.Previous && status.State.Terminated == nil {
		s.follow(request, response, wanted, spec.Name, now)
	}
}

// follow sends what the container writes after a time, until it ends or the
// reader goes.
func (s podSource) follow(request *http.Request, response http.ResponseWriter, wanted container.LogRequest, name string, after time.Time) {
	flush := http.NewResponseController(response)
	for flush.Flush() == nil && pause(request.Context(), container.Interval/2) {
		pod, _, err := s.container(request)
		if err != nil {
			return
		}
		status := statusOf(pod, name)
		now := time.Now()
		ended := status.State.Terminated != nil
		lines := container.After(container.LogLines(name, status, false, now), after, ended)
		if !wanted.Write(response, lines) || ended {
			return
		}
		after = now
	}
}

func statusOf(pod *core.Pod, name string) core.ContainerStatus {
	for _, statuses := range [][]core.ContainerStatus{pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses} {
		for _, status := range statuses {
			if status.Name == name {
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

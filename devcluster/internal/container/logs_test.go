package container

import (
	"bytes"
	"net/url"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func running() core.ContainerStatus {
	return core.ContainerStatus{State: core.ContainerState{
		Running: &core.ContainerStateRunning{StartedAt: meta.NewTime(start)},
	}}
}

func written(t *testing.T, query string, status core.ContainerStatus, now time.Time) string {
	t.Helper()
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	request, err := ParseLogRequest(values, now)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	request.Write(&out, request.Choose(LogLines("web", status, request.Previous, now)))
	return out.String()
}

func TestLogOfARunningContainer(t *testing.T) {
	now := start.Add(2500 * time.Millisecond)
	cases := map[string]string{
		"":                               "web: started\nweb: running for 1 s\nweb: running for 2 s\n",
		"tailLines=1":                    "web: running for 2 s\n",
		"tailLines=0":                    "",
		"limitBytes=5":                   "web: ",
		"sinceSeconds=2":                 "web: running for 1 s\nweb: running for 2 s\n",
		"sinceTime=2026-01-02T03:04:07Z": "web: running for 2 s\n",
		"tailLines=1&timestamps=true":    "2026-01-02T03:04:07.000000000Z web: running for 2 s\n",
		"previous=true":                  "",
	}
	for query, want := range cases {
		if got := written(t, query, running(), now); got != want {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
	}
}

func TestLogOfAnEndedContainer(t *testing.T) {
	ended := core.ContainerState{Terminated: &core.ContainerStateTerminated{
		ExitCode: 1, StartedAt: meta.NewTime(start), FinishedAt: meta.NewTime(start.Add(time.Second)),
	}}
	want := "web: started\nweb: running for 1 s\nweb: exited with code 1\n"
	later := start.Add(time.Hour)
	if got := written(t, "", core.ContainerStatus{State: ended}, later); got != want {
		t.Errorf("ended: got %q, want %q", got, want)
	}
	crashing := core.ContainerStatus{
		State:                core.ContainerState{Waiting: &core.ContainerStateWaiting{Reason: "CrashLoopBackOff"}},
		LastTerminationState: ended,
	}
	for _, query := range []string{"", "previous=true"} {
		if got := written(t, query, crashing, later); got != want {
			t.Errorf("crashing, %q: got %q, want %q", query, got, want)
		}
	}
}

func TestWhatFollowsHasTheEndAlways(t *testing.T) {
	seen := start.Add(1700 * time.Millisecond)
	lines := LogLines("web", running(), false, start.Add(3*time.Second))
	if got := After(lines, seen, false); len(got) != 2 || got[0].text != "web: running for 2 s" {
		t.Errorf("running: got %v", got)
	}
	if got := After(lines[:2], seen, false); got != nil {
		t.Errorf("nothing new: got %v", got)
	}
	if got := After(lines[:2], seen, true); len(got) != 1 || got[0].text != "web: running for 1 s" {
		t.Errorf("ended in the same second: got %v", got)
	}
}

func TestALongLogIsCut(t *testing.T) {
	lines := LogLines("web", running(), false, start.Add(100_000*time.Second))
	if len(lines) != mostLines+2 {
		t.Errorf("got %d lines", len(lines))
	}
}

func TestBadLogQueries(t *testing.T) {
	for _, query := range []string{"tailLines=x", "limitBytes=x", "sinceSeconds=x", "sinceTime=x"} {
		values, _ := url.ParseQuery(query)
		if _, err := ParseLogRequest(values, start); err == nil {
			t.Errorf("%s is accepted", query)
		}
	}
}

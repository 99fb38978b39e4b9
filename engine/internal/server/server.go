// Package server answers framed requests, one at a time: the libraries below keep globals.
package server

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"tiphys.dev/engine/internal/chart"
	"tiphys.dev/engine/internal/directory"
	"tiphys.dev/engine/internal/fault"
	"tiphys.dev/engine/internal/frame"
	"tiphys.dev/engine/internal/kustomize"
	"tiphys.dev/engine/internal/manifest"
	"tiphys.dev/engine/internal/sandbox"
	"tiphys.dev/engine/internal/tree"
)

// exitOverLimit is the status of a process that its watchdog ended.
const exitOverLimit = 3

// Server is one process' state between requests.
type Server struct {
	conn   *frame.Conn
	limits Limits
	log    *requestLog
	dog    *watchdog
	// current is the running request, for the log line of one that ends the process.
	current atomic.Pointer[running]
}

type running struct {
	request *Request
	start   time.Time
	bytes   int
	view    *tree.Tree
}

// Run serves until the caller closes its end.
func Run(reader io.Reader, writer io.Writer) error {
	limits := ReadLimits()
	limits.apply()
	log := openLog()
	granted, missing := sandbox.LockDown()
	conn := frame.NewConn(reader, writer, uint32(limits.Input))
	server := &Server{conn: conn, limits: limits, log: log}
	server.dog = newWatchdog(limits.Memory, server.overLimit)
	go server.dog.watch()
	hello := Hello{Type: "hello", Protocol: Version, Sandbox: granted, Missing: missing, Limits: limits}
	if err := conn.Write(hello, nil); err != nil {
		return err
	}
	for {
		var request Request
		body, err := conn.Read(&request)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := server.answer(&request, body); err != nil {
			return err
		}
	}
}

func (s *Server) overLimit(request int, reason string) {
	if now := s.current.Load(); now != nil {
		s.log.write(now.request, now.start, now.bytes, 0, now.view.Needs, string(fault.Limit))
	}
	s.conn.WriteLast(Failure{
		Type: "error", ID: request, Code: string(fault.Limit),
		Text: "the render is over its " + reason, Last: true,
	})
	os.Exit(exitOverLimit)
}

func (s *Server) answer(request *Request, body []byte) error {
	start := time.Now()
	view := tree.New(&callback{conn: s.conn, id: request.ID}, tree.Limits{Bytes: s.limits.Input, Files: s.limits.Files})
	s.current.Store(&running{request: request, start: start, bytes: len(body), view: view})
	s.dog.begin(request.ID, start, request.DeadlineMS)
	reads, output, err := s.perform(request, view, body)
	s.dog.end()
	if err != nil {
		code := fault.CodeOf(err)
		s.log.write(request, start, len(body), 0, view.Needs, string(code))
		return s.conn.Write(Failure{Type: "error", ID: request.ID, Code: string(code), Text: fault.Redact(err.Error())}, nil)
	}
	s.log.write(request, start, len(body), len(output), view.Needs, "ok")
	return s.conn.Write(Result{Type: "result", ID: request.ID, Reads: reads, Needs: view.Needs}, output)
}

func (s *Server) perform(request *Request, view *tree.Tree, body []byte) (reads *tree.Reads, output []byte, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fault.New(fault.Render, "%s failed on this source: %v", request.Op, panicked)
		}
	}()
	var objects []json.RawMessage
	if request.Op == "yaml" {
		objects, err = manifest.Documents(manifest.Text(body))
		return finish(objects, err, &tree.Reads{}, s.limits.Output)
	}
	if request.Op == "selftest" {
		output, err = json.Marshal(sandbox.Probe())
		return &tree.Reads{}, output, err
	}
	if err := view.Add(request.Entries, body); err != nil {
		return nil, nil, err
	}
	if err := checkPath(view, request.Path); err != nil {
		return nil, nil, err
	}
	switch request.Op {
	case "directory":
		var options directory.Options
		if err := decode(request.Options, &options); err != nil {
			return nil, nil, err
		}
		objects, err = directory.Render(view, request.Path, options)
		return finish(objects, err, view.Reads(), s.limits.Output)
	case "kustomize":
		objects, err = kustomize.Render(view, request.Path)
		return finish(objects, err, view.Reads(), s.limits.Output)
	case "helm":
		var options chart.Options
		if err := decode(request.Options, &options); err != nil {
			return nil, nil, err
		}
		notes := &chart.Notes{}
		objects, err = chart.Render(view, request.Path, options, notes)
		reads := view.Reads()
		reads.KubeVersion, reads.APIVersions, reads.AllVersions = notes.Reads()
		return finish(objects, err, reads, s.limits.Output)
	}
	return nil, nil, fault.New(fault.Protocol, "unknown operation %q", request.Op)
}

// checkPath says in the contract's words why a source's path is not one.
func checkPath(view *tree.Tree, name string) error {
	if strings.HasPrefix(name, "/") {
		return fault.New(fault.Render, "%s: app path is absolute", name)
	}
	kind := tree.Folder
	err := view.Quietly(func() (err error) {
		_, kind, err = view.Stat(name)
		return err
	})
	switch {
	case errors.Is(err, tree.ErrEscape):
		return fault.New(fault.Render, "%s: app path outside root: illegal filepath", name)
	case errors.Is(err, fs.ErrNotExist):
		return fault.New(fault.Render, "%s: app path does not exist", name)
	case err != nil:
		return err
	case kind != tree.Folder:
		return fault.New(fault.Render, "%s: app path is not a directory", name)
	}
	return nil
}

func decode(data json.RawMessage, options any) error {
	if err := json.Unmarshal(data, options); err != nil {
		return fault.New(fault.Protocol, "options: %s", err)
	}
	return nil
}

// finish joins the objects, which are JSON already, to one array.
func finish(objects []json.RawMessage, err error, reads *tree.Reads, limit int) (*tree.Reads, []byte, error) {
	if err != nil {
		return nil, nil, err
	}
	total := 2
	for _, object := range objects {
		total += len(object) + 1
	}
	if total > limit {
		return nil, nil, fault.New(fault.Limit, "the manifests are over the limit of %d bytes", limit)
	}
	output := append(make([]byte, 0, total), '[')
	for index, object := range objects {
		if index > 0 {
			output = append(output, ',')
		}
		output = append(output, object...)
	}
	return reads, append(output, ']'), nil
}

// callback asks the caller for what the tree does not hold.
type callback struct {
	conn *frame.Conn
	id   int
}

func (c *callback) Need(paths, folders []string) ([]tree.Entry, []byte, error) {
	if err := c.conn.Write(Need{Type: "need", ID: c.id, Paths: paths, Folders: folders}, nil); err != nil {
		return nil, nil, err
	}
	var answer Answer
	body, err := c.conn.Read(&answer)
	if err != nil {
		return nil, nil, err
	}
	if answer.ID != c.id {
		return nil, nil, fault.New(fault.Protocol, "answer %d to request %d", answer.ID, c.id)
	}
	return answer.Entries, body, nil
}

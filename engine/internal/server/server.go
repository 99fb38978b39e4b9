// Package server answers framed requests, one at a time: the libraries below keep globals.
package server

import (
	"errors"
	"io"
	"os"
	"sync/atomic"
	"time"

	"tiphys.dev/engine/internal/fault"
	"tiphys.dev/engine/internal/frame"
	"tiphys.dev/engine/internal/remote"
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

func (s *Server) overLimit(request int, item *int, reason string) {
	if now := s.current.Load(); now != nil {
		s.log.write(now.request, now.start, now.bytes, 0, now.view.Needs, string(fault.Limit))
	}
	s.conn.WriteLast(Failure{
		Type: "error", ID: request, Code: string(fault.Limit),
		Text: s.what() + " is over its " + reason, Last: true, Item: item,
	})
	os.Exit(exitOverLimit)
}

// what is the running work in an error's words.
func (s *Server) what() string {
	if now := s.current.Load(); now != nil && evaluations[now.request.Op] {
		return "the script"
	}
	return "the render"
}

func (s *Server) answer(request *Request, body []byte) error {
	start := time.Now()
	view := tree.New(&callback{conn: s.conn, id: request.ID}, tree.Limits{Bytes: s.limits.Input, Files: s.limits.Files})
	s.current.Store(&running{request: request, start: start, bytes: len(body), view: view})
	s.dog.begin(request.ID, start, request.DeadlineMS)
	done, err := s.perform(request, view, body)
	s.dog.end()
	var needed *remote.NeededError
	if errors.As(err, &needed) {
		s.log.write(request, start, len(body), 0, view.Needs, "remotes")
		return s.conn.Write(Remotes{Type: "remotes", ID: request.ID, Remotes: needed.Remotes}, nil)
	}
	if err != nil {
		code := fault.CodeOf(err)
		s.log.write(request, start, len(body), 0, view.Needs, string(code))
		return s.conn.Write(Failure{Type: "error", ID: request.ID, Code: string(code), Text: fault.Redact(err.Error())}, nil)
	}
	s.log.write(request, start, len(body), len(done.output), view.Needs, "ok")
	result := Result{
		Type: "result", ID: request.ID, Reads: done.reads, Needs: view.Needs, Warnings: done.warnings,
	}
	return s.conn.Write(result, done.output)
}

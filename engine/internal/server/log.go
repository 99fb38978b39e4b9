package server

import (
	"encoding/json"
	"os"
	"time"
)

// requestLog writes one JSON line per request to the file that TIPHYS_ENGINE_LOG names.
type requestLog struct {
	file *os.File
}

type logLine struct {
	Time         string  `json:"time"`
	Op           string  `json:"op"`
	Application  string  `json:"application,omitempty"`
	Path         string  `json:"path"`
	Milliseconds float64 `json:"ms"`
	BytesIn      int     `json:"bytesIn"`
	BytesOut     int     `json:"bytesOut"`
	Needs        int     `json:"needs"`
	Result       string  `json:"result"`
}

// openLog has to run before the process gives up opening files.
func openLog() *requestLog {
	name := os.Getenv("TIPHYS_ENGINE_LOG")
	if name == "" {
		return &requestLog{}
	}
	file, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return &requestLog{}
	}
	return &requestLog{file: file}
}

func (l *requestLog) write(request *Request, start time.Time, in, out, needs int, result string) {
	if l.file == nil {
		return
	}
	line, err := json.Marshal(logLine{
		Time: start.UTC().Format(time.RFC3339Nano), Op: request.Op,
		Application: request.Application, Path: request.Path,
		Milliseconds: float64(time.Since(start).Microseconds()) / 1000,
		BytesIn:      in, BytesOut: out, Needs: needs, Result: result,
	})
	if err == nil {
		_, _ = l.file.Write(append(line, '\n'))
	}
}

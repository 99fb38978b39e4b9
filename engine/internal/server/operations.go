package server

import (
	"encoding/json"
	"errors"
	"io/fs"
	"runtime"
	"strings"

	"tiphys.dev/engine/internal/chart"
	"tiphys.dev/engine/internal/directory"
	"tiphys.dev/engine/internal/eval"
	"tiphys.dev/engine/internal/fault"
	"tiphys.dev/engine/internal/frame"
	"tiphys.dev/engine/internal/kustomize"
	"tiphys.dev/engine/internal/manifest"
	"tiphys.dev/engine/internal/remote"
	"tiphys.dev/engine/internal/sandbox"
	"tiphys.dev/engine/internal/tree"
)

// evaluations are the operations that run what users wrote on documents.
var evaluations = map[string]bool{"jq": true, "lua": true, "links": true}

// done is what an operation gives: a JSON array, what it read for it, and what its user should know.
type done struct {
	output   []byte
	reads    *tree.Reads
	warnings []string
}

// perform runs one operation. A library that panics on a source fails that source only.
func (s *Server) perform(request *Request, view *tree.Tree, body []byte) (end done, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			// The runtime's own words only: other panics may quote the source.
			reason, _ := panicked.(runtime.Error)
			err = fault.New(fault.Render, "%s failed on this source: %v", request.Op, reason)
		}
	}()
	switch request.Op {
	case "yaml":
		documents, err := manifest.Documents(manifest.Text(body))
		return s.finish(documents, err)
	case "jq":
		var options eval.PathOptions
		if err := decode(request.Options, &options); err != nil {
			return end, err
		}
		return s.finish(eval.WithoutPaths(body, options, s.dog))
	case "lua":
		var options eval.HealthOptions
		if err := decode(request.Options, &options); err != nil {
			return end, err
		}
		return s.finish(eval.Health(body, options, s.dog))
	case "links":
		var options eval.LinkOptions
		if err := decode(request.Options, &options); err != nil {
			return end, err
		}
		return s.finish(eval.Links(body, options, s.dog))
	case "selftest":
		end.output, err = json.Marshal(sandbox.Probe())
		return end, err
	}
	if err := view.Add(request.Entries, body); err != nil {
		return end, err
	}
	if err := checkPath(view, request.Path); err != nil {
		return end, err
	}
	notes := chart.NewNotes()
	end, err = s.finish(render(request, view, remote.New(request.Mounts, view), notes))
	end.reads, end.warnings = view.Reads(), notes.Warnings()
	end.reads.KubeVersion, end.reads.APIVersions, end.reads.AllVersions = notes.Reads()
	return end, err
}

func render(request *Request, view *tree.Tree, mounts *remote.Mounts, notes *chart.Notes) ([]json.RawMessage, error) {
	switch request.Op {
	case "directory":
		var options directory.Options
		if err := decode(request.Options, &options); err != nil {
			return nil, err
		}
		return directory.Render(view, request.Path, options)
	case "kustomize":
		var options kustomize.Options
		if err := decode(request.Options, &options); err != nil {
			return nil, err
		}
		return kustomize.Render(view, request.Path, options, mounts, notes)
	case "helm":
		var options chart.Options
		if err := decode(request.Options, &options); err != nil {
			return nil, err
		}
		return chart.Render(view, request.Path, options, mounts, notes)
	}
	return nil, fault.New(fault.Protocol, "unknown operation %q", request.Op)
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
func (s *Server) finish(objects []json.RawMessage, err error) (done, error) {
	if err != nil {
		return done{}, err
	}
	total := 2
	for _, object := range objects {
		total += len(object) + 1
	}
	if total > s.limits.Output {
		return done{}, fault.New(fault.Limit, "the manifests are over the limit of %d bytes", s.limits.Output)
	}
	output := append(make([]byte, 0, total), '[')
	for index, object := range objects {
		if index > 0 {
			output = append(output, ',')
		}
		output = append(output, object...)
	}
	return done{output: append(output, ']')}, nil
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

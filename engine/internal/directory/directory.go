// Package directory reads a folder of plain YAML, JSON and Jsonnet files.
package directory

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"tiphys.dev/engine/internal/fault"
	"tiphys.dev/engine/internal/jsonnet"
	"tiphys.dev/engine/internal/manifest"
	"tiphys.dev/engine/internal/tree"
)

// Options are those of an Application's directory source. Libs are import paths from the root.
type Options struct {
	Recurse                bool               `json:"recurse"`
	Include                string             `json:"include"`
	Exclude                string             `json:"exclude"`
	DisableExtensionFilter bool               `json:"disableExtensionFilter"`
	MaxBytes               int                `json:"maxBytes"`
	Jsonnet                bool               `json:"jsonnet"`
	ExtVars                []jsonnet.Variable `json:"extVars"`
	TLAs                   []jsonnet.Variable `json:"tlas"`
	Libs                   []string           `json:"libs"`
}

const jsonnetSuffix = ".jsonnet"

var (
	candidate = regexp.MustCompile(`\.(yaml|yml|json|jsonnet)$`)
	skipMark  = []byte("+argocd:skip-file-rendering")
	headMarks = [][]byte{[]byte("apiVersion:"), []byte("kind:"), []byte("metadata:")}
)

// Render gives the objects of all files in the order of their paths.
func Render(view *tree.Tree, folder string, options Options) ([]json.RawMessage, error) {
	finder := &finder{view: view, options: options}
	if options.Include != "" {
		finder.include = compileGlob(options.Include)
	}
	if options.Exclude != "" {
		finder.exclude = compileGlob(options.Exclude)
	}
	if err := finder.walk(folder, ""); err != nil {
		return nil, err
	}
	if err := finder.prefetchLinks(); err != nil {
		return nil, err
	}
	parser := &parser{view: view, folder: folder, options: options}
	var objects []json.RawMessage
	total := 0
	for _, file := range finder.found {
		data, err := finder.read(file)
		if err != nil {
			return nil, err
		}
		if !strings.HasSuffix(file.relative, jsonnetSuffix) {
			total += len(data)
		}
		if options.MaxBytes > 0 && total > options.MaxBytes {
			return nil, fault.New(fault.Limit, "failed to get potentially valid manifests: "+
				"exceeded max combined manifest file size of %d bytes", options.MaxBytes)
		}
		found, err := parser.parse(file, data)
		if err != nil {
			return nil, err
		}
		objects = append(objects, found...)
	}
	return manifest.Expand(objects)
}

type file struct {
	full, relative string
	kind           tree.Kind
}

type finder struct {
	view             *tree.Tree
	options          Options
	include, exclude *regexp.Regexp
	found            []file
}

// walk goes depth first in the order of names, and enters no links.
func (f *finder) walk(folder, relative string) error {
	_, children, err := f.view.List(folder)
	if err != nil {
		return err
	}
	for _, child := range children {
		full, inside := path.Join(folder, child.Name), path.Join(relative, child.Name)
		switch {
		case child.Kind == tree.Folder && f.options.Recurse:
			if err := f.walk(full, inside); err != nil {
				return err
			}
		case child.Kind != tree.Folder && f.wanted(child.Name, inside):
			f.found = append(f.found, file{full: full, relative: inside, kind: child.Kind})
		}
	}
	return nil
}

// wanted applies the file name's ending, then exclude, then include; a bad pattern matches none.
func (f *finder) wanted(name, inside string) bool {
	if !f.options.DisableExtensionFilter && !candidate.MatchString(name) {
		return false
	}
	if f.exclude != nil && f.exclude.MatchString(inside) {
		return false
	}
	if f.options.Include == "" {
		return true
	}
	return f.include != nil && f.include.MatchString(inside)
}

// prefetchLinks asks for all that links point to in one call.
func (f *finder) prefetchLinks() error {
	return f.view.Quietly(func() error {
		var targets []string
		for _, file := range f.found {
			if file.kind != tree.Link {
				continue
			}
			if target, ok := f.view.Target(file.full); ok {
				targets = append(targets, target)
			}
		}
		return f.view.Prefetch(targets)
	})
}

// read gives the content; nothing for a link that leads to no file.
func (f *finder) read(file file) ([]byte, error) {
	data, err := f.view.Read(file.full)
	switch {
	case errors.Is(err, tree.ErrEscape):
		return nil, fault.New(fault.Render, "illegal filepath in symlink at %q", file.relative)
	case file.kind == tree.Link && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, tree.ErrNotRegular)):
		return nil, nil
	}
	return data, err
}

type parser struct {
	view    *tree.Tree
	folder  string
	options Options
	jsonnet *jsonnet.Evaluator
}

func (p *parser) parse(file file, data []byte) ([]json.RawMessage, error) {
	name := file.relative
	if bytes.Contains(data, skipMark) {
		return nil, nil
	}
	if strings.HasSuffix(name, jsonnetSuffix) {
		return p.evaluate(file, data)
	}
	text := manifest.Text(data)
	if strings.HasSuffix(name, ".json") {
		return parseJSON(path.Base(name), text)
	}
	objects, err := manifest.Objects(text)
	if err == nil {
		return objects, nil
	}
	if fault.CodeOf(err) == fault.Limit || len(objects) > 0 || looksLikeManifest(text) {
		return nil, fault.New(fault.CodeOf(err), "Failed to unmarshal %q: %s", path.Base(name), err)
	}
	return nil, nil
}

// evaluate gives the objects that a Jsonnet file stands for, none when it is switched off.
func (p *parser) evaluate(file file, data []byte) ([]json.RawMessage, error) {
	if !p.options.Jsonnet {
		return nil, nil
	}
	if p.jsonnet == nil {
		paths := append([]string{p.folder}, p.options.Libs...)
		p.jsonnet = jsonnet.New(p.view, paths, p.options.ExtVars, p.options.TLAs)
	}
	name := path.Base(file.relative)
	result, err := p.jsonnet.Evaluate(file.full, data)
	if err != nil {
		return nil, fault.New(fault.CodeOf(err), "Failed to evaluate jsonnet %q: %s", name, err)
	}
	objects, err := manifest.Generated(result)
	if err != nil {
		return nil, fault.New(fault.CodeOf(err), "Failed to unmarshal generated json %q: %s", name, err)
	}
	return objects, nil
}

// looksLikeManifest is the contract's guess at whether a broken file was meant to be applied.
func looksLikeManifest(text []byte) bool {
	for _, mark := range headMarks {
		if !bytes.Contains(text, mark) {
			return false
		}
	}
	return true
}

func parseJSON(name string, text []byte) ([]json.RawMessage, error) {
	object, err := manifest.SingleJSON(text)
	switch {
	case errors.Is(err, manifest.ErrSeveral):
		return nil, fault.New(fault.Render,
			"Found multiple objects in %q. Only single objects are allowed in JSON files.", name)
	case err != nil && manifest.IsImageManifest(text):
		return nil, nil
	case err != nil:
		return nil, fault.New(fault.CodeOf(err), "Failed to unmarshal %q: %s", name, err)
	}
	return []json.RawMessage{object}, nil
}

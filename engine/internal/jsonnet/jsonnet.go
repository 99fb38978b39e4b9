// Package jsonnet evaluates a file of the tree. What it imports comes out of the same tree.
package jsonnet

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/google/go-jsonnet"

	"tiphys.dev/engine/internal/fault"
	"tiphys.dev/engine/internal/tree"
)

// Variable is an external variable or a top-level argument; with Code its value is evaluated.
type Variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Code  bool   `json:"code"`
}

// Evaluator has what all files of a source share.
type Evaluator struct {
	vm       *jsonnet.VM
	importer *importer
}

// New takes import paths from the tree's root. As with `jsonnet -J` the last one wins, and a file
// beside the one that imports it wins over all.
func New(view *tree.Tree, paths []string, extVars, tlas []Variable) *Evaluator {
	importer := &importer{view: view, paths: slices.Clone(paths), found: map[string]jsonnet.Contents{}}
	slices.Reverse(importer.paths)
	vm := jsonnet.MakeVM()
	vm.Importer(importer)
	// What std.trace says may quote a secret, and nobody reads it.
	vm.SetTraceOut(io.Discard)
	for _, variable := range extVars {
		set(variable, vm.ExtVar, vm.ExtCode)
	}
	for _, variable := range tlas {
		set(variable, vm.TLAVar, vm.TLACode)
	}
	return &Evaluator{vm: vm, importer: importer}
}

func set(variable Variable, text, code func(name, value string)) {
	if variable.Code {
		code(variable.Name, variable.Value)
	} else {
		text(variable.Name, variable.Value)
	}
}

// Evaluate gives the JSON that a file stands for.
func (e *Evaluator) Evaluate(name string, text []byte) ([]byte, error) {
	result, err := e.vm.EvaluateSnippet(name, string(text))
	if e.importer.refused != nil {
		return nil, e.importer.refused
	}
	if err != nil {
		return nil, errors.New(strings.TrimSpace(err.Error()))
	}
	return []byte(result), nil
}

type importer struct {
	view  *tree.Tree
	paths []string
	found map[string]jsonnet.Contents
	// refused keeps a limit that Jsonnet would make a common error of.
	refused error
}

// Import looks beside the importing file, then in the import paths.
func (i *importer) Import(from, name string) (jsonnet.Contents, string, error) {
	if path.IsAbs(name) || strings.Contains(name, tree.Mount) {
		return jsonnet.Contents{}, "", refuse(name, "illegal filepath: it leads out of the repository")
	}
	folder, _ := path.Split(from)
	reason := "no match locally or in the Jsonnet library paths"
	for _, above := range append([]string{folder}, i.paths...) {
		candidate := "./" + name
		if above != "" {
			candidate = strings.TrimSuffix(above, "/") + "/" + name
		}
		if known, ok := i.found[candidate]; ok {
			return known, candidate, nil
		}
		data, err := i.view.Read(candidate)
		switch {
		case err == nil:
			contents := jsonnet.MakeContentsRaw(data)
			i.found[candidate] = contents
			return contents, candidate, nil
		case errors.Is(err, fs.ErrNotExist):
		case errors.Is(err, tree.ErrEscape):
			reason = "illegal filepath: it leads out of the repository"
		default:
			if fault.CodeOf(err) != fault.Render {
				i.refused = err
			}
			return jsonnet.Contents{}, "", err
		}
	}
	return jsonnet.Contents{}, "", refuse(name, reason)
}

func refuse(name, reason string) error {
	return fmt.Errorf("couldn't open import %q: %s", name, reason)
}

package chart

import (
	"errors"
	"path"
	"strings"

	"tiphys.dev/engine/internal/fault"
	"tiphys.dev/engine/internal/tree"
)

// listed turns the names of value files into paths: a pattern becomes the files that it matches,
// in their order and without those that are named outright, and a repeated file keeps its first
// place.
func listed(view *tree.Tree, folder string, options Options) ([]string, error) {
	explicit := map[string]bool{}
	for _, name := range options.ValueFiles {
		if err := checkName(name); err != nil {
			return nil, err
		}
		if !isPattern(name) {
			explicit[path.Clean(name)] = true
		}
	}
	var names []string
	seen := map[string]bool{}
	add := func(name string) {
		if key := path.Clean(name); !seen[key] {
			seen[key] = true
			names = append(names, name)
		}
	}
	for _, name := range options.ValueFiles {
		if !isPattern(name) {
			add(name)
			continue
		}
		matches, err := expand(view, folder, name)
		if err != nil {
			return nil, err
		}
		if len(matches) == 0 && !options.IgnoreMissingValueFiles {
			return nil, fault.New(fault.Render, "values file glob %q matched no files", name)
		}
		for _, match := range matches {
			if !explicit[path.Clean(match)] {
				add(match)
			}
		}
	}
	return names, nil
}

// checkName refuses what this version does not fetch.
func checkName(name string) error {
	if strings.Contains(name, "://") {
		return fault.New(fault.Unsupported,
			"spec.source.helm.valueFiles: remote value files are not supported by this version")
	}
	if strings.HasPrefix(name, "$") {
		return fault.New(fault.Unsupported,
			"spec.source.helm.valueFiles: '%s' refers to another source, which this version does not support", name)
	}
	return nil
}

func isPattern(name string) bool { return strings.ContainsAny(name, "*?[") }

// expand gives the files that a pattern matches, named as the pattern names them.
func expand(view *tree.Tree, folder, pattern string) ([]string, error) {
	prefix := ""
	if strings.HasPrefix(pattern, "/") {
		prefix = "/"
	}
	matcher := &matcher{view: view, folder: folder, pattern: pattern}
	steps := strings.Split(strings.Trim(pattern, "/"), "/")
	if err := matcher.match(prefix, steps, 0); err != nil {
		return nil, err
	}
	return matcher.found, nil
}

type matcher struct {
	view            *tree.Tree
	folder, pattern string
	found           []string
}

// match goes on from a folder, named as the pattern does, with the steps that are left.
func (m *matcher) match(name string, steps []string, depth int) error {
	if depth > maxDepth {
		return fault.New(fault.Limit, "values file glob %q goes deeper than the limit of %d", m.pattern, maxDepth)
	}
	step, rest := steps[0], steps[1:]
	if !isPattern(step) {
		return m.enter(join(name, step), rest, depth)
	}
	_, children, err := m.view.List(place(m.folder, name))
	if err != nil {
		return nil
	}
	if step == "**" && len(rest) > 0 {
		if err := m.match(name, rest, depth+1); err != nil {
			return err
		}
	}
	for _, child := range children {
		next := join(name, child.Name)
		if step == "**" && child.Kind == tree.Folder {
			if err := m.match(next, steps, depth+1); err != nil {
				return err
			}
			continue
		}
		hit, err := path.Match(strings.ReplaceAll(step, "**", "*"), child.Name)
		if err != nil {
			return fault.New(fault.Render, "values file glob %q is no pattern", m.pattern)
		}
		if hit && (step != "**" || len(rest) == 0) {
			if err := m.enter(next, rest, depth); err != nil {
				return err
			}
		}
	}
	return nil
}

// enter takes a file when no step is left, and otherwise goes on in a folder.
func (m *matcher) enter(name string, rest []string, depth int) error {
	_, kind, err := m.view.Stat(place(m.folder, name))
	if errors.Is(err, tree.ErrEscape) {
		return fault.New(fault.Render, "illegal filepath: glob match %q resolved to outside repository root", name)
	}
	if err != nil {
		return nil
	}
	if len(rest) == 0 {
		if kind == tree.File {
			m.found = append(m.found, name)
		}
		return nil
	}
	if kind != tree.Folder {
		return nil
	}
	return m.match(name, rest, depth+1)
}

func join(folder, name string) string {
	switch folder {
	case "", "/":
		return folder + name
	}
	return folder + "/" + name
}

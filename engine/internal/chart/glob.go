package chart

import (
	"errors"
	"path"
	"slices"
	"strings"

	"tiphys.dev/engine/internal/fault"
	"tiphys.dev/engine/internal/remote"
	"tiphys.dev/engine/internal/tree"
)

// listed turns the names of value files into paths: a pattern becomes the files that it matches,
// in their order and without those that are named outright, and a repeated file keeps its first
// place.
func (s *source) listed() ([]string, error) {
	explicit := map[string]bool{}
	for _, name := range s.options.ValueFiles {
		if !isPattern(name) {
			explicit[key(name)] = true
		}
	}
	var names []string
	seen := map[string]bool{}
	add := func(name string) {
		if !seen[key(name)] {
			seen[key(name)] = true
			names = append(names, name)
		}
	}
	for _, name := range s.options.ValueFiles {
		if !isPattern(name) {
			add(name)
			continue
		}
		matches, err := expand(s.view, s.folder, name)
		if err != nil {
			return nil, err
		}
		if len(matches) == 0 && !s.options.IgnoreMissingValueFiles {
			return nil, fault.New(fault.Render, "values file glob %q matched no files", shown(name))
		}
		for _, match := range matches {
			if !explicit[key(match)] {
				add(match)
			}
		}
	}
	return names, nil
}

// key is equal for two names of one file.
func key(name string) string {
	if strings.HasPrefix(name, tree.Mount) {
		return tree.Clean(name)
	}
	if remote.IsURL(name) {
		return name
	}
	return path.Clean(name)
}

func isPattern(name string) bool {
	return strings.ContainsAny(name, "*?[") && !remote.IsURL(name)
}

// expand gives the files that a pattern matches, named as the pattern names them.
func expand(view *tree.Tree, folder, pattern string) ([]string, error) {
	prefix, rest := "", pattern
	switch {
	case strings.HasPrefix(pattern, tree.Mount):
		prefix, rest, _ = strings.Cut(pattern, "/")
	case strings.HasPrefix(pattern, "/"):
		prefix = "/"
	}
	matcher := &matcher{view: view, folder: folder, pattern: shown(pattern)}
	steps := strings.Split(strings.Trim(rest, "/"), "/")
	if err := matcher.match(prefix, steps, 0); err != nil {
		return nil, err
	}
	slices.Sort(matcher.found)
	return slices.Compact(matcher.found), nil
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
		return fault.New(fault.Render, "illegal filepath: glob match %q resolved to outside repository root", shown(name))
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

// Package remote keeps what lies outside of a source's trees: where it is mounted, and what is
// named and not mounted yet. Nothing here fetches: the caller does, and asks again.
package remote

import (
	"path"
	"strings"

	"tiphys.dev/engine/internal/tree"
)

// Kind of a remote.
type Kind string

const (
	// Tree is a Git repository at a revision.
	Tree Kind = "tree"
	// File is behind an http or https URL.
	File Kind = "file"
	// Chart comes from a chart repository or a registry.
	Chart Kind = "chart"
)

// content is the name of the file in the tree of a File.
const content = "content"

// Remote is a name of something outside. Of a chart the revision is its version or a range.
type Remote struct {
	Kind     Kind   `json:"kind"`
	URL      string `json:"url"`
	Revision string `json:"revision"`
	Name     string `json:"name"`
}

// Mount says which tree beside the main one is what a remote led to.
type Mount struct {
	Remote
	Tree string `json:"tree"`
}

// Mounts are a request's, with what was asked for in vain.
type Mounts struct {
	known  map[Remote]string
	wanted []Remote
	seen   map[Remote]bool
}

// New takes what a request carries. What is read of the mounted trees is no part of the read-set.
func New(mounts []Mount, view *tree.Tree) *Mounts {
	known := make(map[Remote]string, len(mounts))
	for _, mount := range mounts {
		root := tree.Mount + mount.Tree
		known[mount.Remote] = root
		view.Ignore(root)
	}
	return &Mounts{known: known, seen: map[Remote]bool{}}
}

// Find gives the root of what a remote led to. What is not there is noted as needed.
func (m *Mounts) Find(wanted Remote) (root string, mounted bool) {
	if root, mounted = m.known[wanted]; mounted {
		return root, true
	}
	if !m.seen[wanted] {
		m.seen[wanted] = true
		m.wanted = append(m.wanted, wanted)
	}
	return "", false
}

// FindFile gives the path of a file behind a URL.
func (m *Mounts) FindFile(url string) (name string, mounted bool) {
	root, mounted := m.Find(Remote{Kind: File, URL: url})
	return path.Join(root, content), mounted
}

// Check ends a render that names what is not mounted, with all that is known by then.
func (m *Mounts) Check() error {
	if len(m.wanted) == 0 {
		return nil
	}
	return &NeededError{Remotes: m.wanted}
}

// NeededError is no failure: the caller fetches and asks again.
type NeededError struct{ Remotes []Remote }

func (e *NeededError) Error() string {
	names := make([]string, len(e.Remotes))
	for index, one := range e.Remotes {
		names[index] = string(one.Kind) + " " + one.Name
	}
	return "needed: " + strings.Join(names, ", ")
}

// IsURL tells the name of a file behind a URL from a path.
func IsURL(name string) bool { return strings.Contains(name, "://") }

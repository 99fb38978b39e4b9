package tree

import (
	"slices"
	"strings"
)

// Reads is what a render looked at; paths are relative to the root, "" is the root. Those in
// trees beside the main one begin with their mount.
type Reads struct {
	Files       []string `json:"files"`
	Listings    []string `json:"listings"`
	Absent      []string `json:"absent"`
	KubeVersion bool     `json:"kubeVersion"`
	APIVersions []string `json:"apiVersions"`
	AllVersions bool     `json:"allApiVersions"`
}

type recorder struct {
	files    map[string]struct{}
	listings map[string]struct{}
	absent   map[string]struct{}
	folders  map[string]struct{}
	ignored  map[string]bool
	paused   bool
}

func newRecorder() *recorder {
	return &recorder{
		files:    map[string]struct{}{},
		listings: map[string]struct{}{},
		absent:   map[string]struct{}{},
		folders:  map[string]struct{}{},
		ignored:  map[string]bool{},
	}
}

func (r *recorder) note(set map[string]struct{}, path string) {
	if !r.paused && !r.ignored[Root(path)] {
		set[path] = struct{}{}
	}
}

// Reads closes the record. A listing stands for everything below it, since the id of a Git tree
// does; a folder that was only asked whether it is one is proven by a file read below it, and
// otherwise by its own listing.
func (t *Tree) Reads() *Reads {
	r := t.recorder
	for folder := range r.folders {
		if folder != Root(folder) && !anyBelow(r.files, folder) {
			r.listings[folder] = struct{}{}
		}
	}
	return &Reads{
		Files:    r.outside(r.files, false),
		Listings: r.outside(r.listings, true),
		Absent:   r.outside(r.absent, false),
	}
}

func (r *recorder) outside(set map[string]struct{}, self bool) []string {
	kept := make([]string, 0, len(set))
	for path := range set {
		if !r.covered(path, self) {
			kept = append(kept, path)
		}
	}
	slices.Sort(kept)
	return kept
}

// covered says that a listed folder above the path speaks for it.
func (r *recorder) covered(path string, self bool) bool {
	root := Root(path)
	for path != root {
		if _, listed := r.listings[path]; listed && !self {
			return true
		}
		self = false
		path = parent(path)
	}
	_, listed := r.listings[root]
	return listed && !self
}

func anyBelow(set map[string]struct{}, folder string) bool {
	for path := range set {
		if strings.HasPrefix(path, folder+"/") {
			return true
		}
	}
	return false
}

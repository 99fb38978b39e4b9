// Package tree is the virtual file system that a render sees: one commit's tree, those that stand
// beside it, and nothing else. Entries arrive with the request; what is missing is asked of the
// caller, many at once. `..`, absolute paths and links are followed step by step and cannot leave
// the root that they started at, because above a root there is no node to go to.
package tree

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"tiphys.dev/engine/internal/defence"
	"tiphys.dev/engine/internal/fault"
)

// Kind of an entry, as in Git.
type Kind string

const (
	File   Kind = "file"
	Link   Kind = "link"
	Folder Kind = "folder"
	Absent Kind = "absent"
)

// maxLinks ends chains and circles of links.
const maxLinks = 40

// Entry is how a node travels; its content is in the frame's body, in the order of entries.
type Entry struct {
	Path     string          `json:"path"`
	Kind     Kind            `json:"kind"`
	Size     int             `json:"size,omitempty"`
	Children map[string]Kind `json:"children,omitempty"`
}

// Source answers for paths that the tree does not hold. `paths` are wanted alone, `folders`
// with their direct files.
type Source interface {
	Need(paths, folders []string) (entries []Entry, body []byte, err error)
}

// Mount begins the name of a tree that stands beside the main one: its root is the whole first
// step of a path. A name in a tree that begins so leads nowhere.
const Mount = "\x01"

// ErrEscape is a path or a link that leads out of the tree.
var ErrEscape = errors.New("illegal filepath")

// ErrNotRegular is a folder where a file was expected.
var ErrNotRegular = errors.New("is a directory")

type node struct {
	kind     Kind
	data     []byte
	loaded   bool
	children map[string]Kind
	listed   bool
}

// Limits bounds what one request may hold.
type Limits struct {
	Bytes int
	Files int
}

// Tree is one request's view. Not safe for several goroutines.
type Tree struct {
	nodes    map[string]*node
	source   Source
	recorder *recorder
	limits   Limits
	bytes    int
	// Needs counts the calls back.
	Needs int
}

// New makes an empty tree.
func New(source Source, limits Limits) *Tree {
	root := &node{kind: Folder, loaded: true}
	return &Tree{
		nodes:    map[string]*node{"": root},
		source:   source,
		recorder: newRecorder(),
		limits:   limits,
	}
}

// Add takes entries and their content.
func (t *Tree) Add(entries []Entry, body []byte) error {
	for _, entry := range entries {
		if entry.Size < 0 || entry.Size > len(body) {
			return fault.New(fault.Protocol, "entry %q is larger than its frame", entry.Path)
		}
		data := body[:entry.Size]
		body = body[entry.Size:]
		t.bytes += entry.Size
		t.put(entry, data)
	}
	if t.bytes > t.limits.Bytes {
		return fault.New(fault.Limit, "the source is over the limit of %d bytes", t.limits.Bytes)
	}
	if len(t.nodes) > t.limits.Files {
		return fault.New(fault.Limit, "the source is over the limit of %d files", t.limits.Files)
	}
	return nil
}

func (t *Tree) put(entry Entry, data []byte) {
	if entry.Kind != Absent {
		t.raise(parent(entry.Path))
	}
	if known, ok := t.nodes[entry.Path]; ok && known.listed && entry.Children == nil {
		return
	}
	t.nodes[entry.Path] = &node{
		kind:     entry.Kind,
		data:     data,
		loaded:   true,
		children: entry.Children,
		listed:   entry.Kind == Folder && entry.Children != nil,
	}
}

// raise notes that everything above a present entry is a real folder.
func (t *Tree) raise(folder string) {
	for {
		if _, ok := t.nodes[folder]; ok {
			return
		}
		t.nodes[folder] = &node{kind: Folder, loaded: true}
		folder = parent(folder)
	}
}

// Quietly runs without recording: for looking ahead, which must not widen the read-set.
func (t *Tree) Quietly(look func() error) error {
	before := t.recorder.paused
	t.recorder.paused = true
	defer func() { t.recorder.paused = before }()
	return look()
}

// Aloud records inside of Quietly: for what is read while looking ahead, and not again.
func (t *Tree) Aloud(look func() error) error {
	before := t.recorder.paused
	t.recorder.paused = false
	defer func() { t.recorder.paused = before }()
	return look()
}

// Read gives the content of a file, links followed.
func (t *Tree) Read(name string) ([]byte, error) {
	real, found, err := t.resolve(name)
	if err != nil {
		return nil, err
	}
	if found.kind == Folder {
		t.recorder.note(t.recorder.folders, real)
		return nil, &fs.PathError{Op: "read", Path: display(name), Err: ErrNotRegular}
	}
	t.recorder.note(t.recorder.files, real)
	return found.data, nil
}

// Stat says what a path is after following links, and where that is.
func (t *Tree) Stat(name string) (real string, kind Kind, err error) {
	real, found, err := t.resolve(name)
	if err != nil {
		return "", Absent, err
	}
	if found.kind == Folder {
		t.recorder.note(t.recorder.folders, real)
	} else {
		t.recorder.note(t.recorder.files, real)
	}
	return real, found.kind, nil
}

// Child is one name in a folder, links not followed.
type Child struct {
	Name string
	Kind Kind
}

// List gives a folder's entries in the order of their names.
func (t *Tree) List(name string) (real string, children []Child, err error) {
	real, found, err := t.resolve(name)
	if err != nil {
		return "", nil, err
	}
	if found.kind != Folder {
		t.recorder.note(t.recorder.files, real)
		return "", nil, &fs.PathError{Op: "list", Path: display(name), Err: errors.New("not a directory")}
	}
	t.recorder.note(t.recorder.listings, real)
	if !found.listed {
		if err := t.need(nil, []string{real}); err != nil {
			return "", nil, err
		}
		found = t.nodes[real]
	}
	for child, kind := range found.children {
		children = append(children, Child{Name: child, Kind: kind})
	}
	slices.SortFunc(children, func(a, b Child) int { return strings.Compare(a.Name, b.Name) })
	return real, children, nil
}

// Ignore leaves what is read of a tree beside the main one out of the read-set.
func (t *Tree) Ignore(mount string) { t.recorder.ignored[mount] = true }

// Prefetch asks for several paths in one call, so that reading them asks no more.
func (t *Tree) Prefetch(names []string) error {
	var paths, folders []string
	for _, name := range names {
		clean := Clean(name)
		if Root(clean) == clean {
			t.root(clean)
		}
		if node, ok := t.nodes[clean]; ok && (node.kind != Folder || node.listed) {
			continue
		}
		if t.knownAbsent(clean) {
			continue
		}
		folders = append(folders, clean)
		for up := parent(clean); up != Root(up); up = parent(up) {
			if _, ok := t.nodes[up]; !ok {
				paths = append(paths, up)
			}
		}
	}
	if len(folders) == 0 {
		return nil
	}
	return t.need(paths, folders)
}

// knownAbsent says that a listed folder above the path does not have it.
func (t *Tree) knownAbsent(name string) bool {
	for name != Root(name) {
		above := parent(name)
		if up, ok := t.nodes[above]; ok {
			if up.kind != Folder {
				return true
			}
			_, has := up.children[path.Base(name)]
			return up.listed && !has
		}
		name = above
	}
	return false
}

func (t *Tree) need(paths, folders []string) error {
	slices.Sort(paths)
	slices.Sort(folders)
	t.Needs++
	entries, body, err := t.source.Need(slices.Compact(paths), slices.Compact(folders))
	if err != nil {
		return err
	}
	if err := t.Add(entries, body); err != nil {
		return err
	}
	for _, wanted := range append(paths, folders...) {
		if _, ok := t.nodes[wanted]; !ok {
			t.nodes[wanted] = &node{kind: Absent, loaded: true}
		}
	}
	return nil
}

// resolve walks one name at a time. Every link on the way and the first missing name are noted.
func (t *Tree) resolve(name string) (string, *node, error) {
	root := Root(name)
	t.root(root)
	current, links := root, 0
	rest := strings.Split(strings.TrimPrefix(name, root), "/")
	for len(rest) > 0 {
		step := rest[0]
		rest = rest[1:]
		if step == "" || step == "." {
			continue
		}
		if step == ".." {
			if current == root && defence.On {
				return "", nil, Escape(name)
			}
			current = parent(current)
			continue
		}
		if strings.HasPrefix(step, Mount) {
			return "", nil, Escape(name)
		}
		next := path.Join(current, step)
		found, err := t.lookup(next, rest)
		if err != nil {
			return "", nil, err
		}
		switch found.kind {
		case Absent:
			t.recorder.note(t.recorder.absent, next)
			return "", nil, &fs.PathError{Op: "open", Path: display(name), Err: fs.ErrNotExist}
		case File:
			if len(rest) > 0 {
				t.recorder.note(t.recorder.files, next)
				return "", nil, &fs.PathError{Op: "open", Path: display(name), Err: fs.ErrNotExist}
			}
			current = next
		case Link:
			t.recorder.note(t.recorder.files, next)
			target := string(found.data)
			absolute := strings.HasPrefix(target, "/") && defence.On
			if links++; links > maxLinks || absolute {
				return "", nil, Escape(name)
			}
			rest = append(strings.Split(target, "/"), rest...)
		case Folder:
			current = next
		}
	}
	found := t.nodes[current]
	return current, found, nil
}

// lookup finds one node, asking for it, and in the same call for what follows, when unknown.
func (t *Tree) lookup(name string, rest []string) (*node, error) {
	if found, ok := t.nodes[name]; ok && found.loaded {
		return found, nil
	}
	if t.knownAbsent(name) {
		return &node{kind: Absent}, nil
	}
	if up := t.nodes[parent(name)]; up != nil && up.children[path.Base(name)] == Folder {
		found := &node{kind: Folder, loaded: true}
		t.nodes[name] = found
		return found, nil
	}
	var paths []string
	last := name
	for _, step := range rest {
		if step == ".." {
			break
		}
		if step == "" || step == "." {
			continue
		}
		paths = append(paths, last)
		last = path.Join(last, step)
	}
	if err := t.need(paths, []string{last}); err != nil {
		return nil, err
	}
	return t.nodes[name], nil
}

// root makes the root of a tree beside the main one known.
func (t *Tree) root(name string) {
	if _, ok := t.nodes[name]; !ok {
		t.nodes[name] = &node{kind: Folder, loaded: true}
	}
}

// Target gives where a link at a path points to, when it is known and stays inside.
func (t *Tree) Target(name string) (string, bool) {
	found, ok := t.nodes[name]
	if !ok || found.kind != Link || strings.HasPrefix(string(found.data), "/") {
		return "", false
	}
	root := Root(name)
	folder := strings.TrimPrefix(strings.TrimPrefix(parent(name), root), "/")
	target := path.Join(folder, string(found.data))
	if target == ".." || strings.HasPrefix(target, "../") {
		return "", false
	}
	return path.Join(root, target), true
}

package kustomize

import (
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"tiphys.dev/engine/internal/manifest"
	"tiphys.dev/engine/internal/tree"
)

// mount is where the tree's root appears to Kustomize. One name above the real root lets a
// path with too many `..` be seen as what it is; the name is what the contract puts into
// errors in place of a path on disk.
const mount = "/<path to cached source>"

var errReadOnly = errors.New("the source is read only")

// fileSystem lets Kustomize see the tree.
type fileSystem struct {
	view *tree.Tree
	// refused keeps the first reason that must not get lost when Kustomize tries elsewhere.
	refused error
}

var _ filesys.FileSystem = (*fileSystem)(nil)

func (f *fileSystem) inside(name string) (string, error) {
	clean := path.Clean(name)
	if clean != mount && !strings.HasPrefix(clean, mount+"/") {
		err := tree.Escape(name)
		f.refuse(err)
		return "", err
	}
	return strings.TrimPrefix(strings.TrimPrefix(clean, mount), "/"), nil
}

func (f *fileSystem) refuse(err error) {
	if f.refused == nil {
		f.refused = err
	}
}

// seen keeps an escape through a link.
func (f *fileSystem) seen(err error) error {
	if errors.Is(err, tree.ErrEscape) {
		f.refuse(err)
	}
	return err
}

func (f *fileSystem) ReadFile(name string) ([]byte, error) {
	inside, err := f.inside(name)
	if err != nil {
		return nil, err
	}
	data, err := f.view.Read(inside)
	if err != nil {
		return nil, f.seen(err)
	}
	if err := manifest.Guard(data); err != nil {
		f.refuse(err)
		return nil, err
	}
	return data, nil
}

func (f *fileSystem) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	inside, err := f.inside(name)
	if err != nil {
		return "", "", err
	}
	real, kind, err := f.view.Stat(inside)
	if err != nil {
		return "", "", f.seen(err)
	}
	full := path.Join(mount, real)
	if kind == tree.Folder {
		return filesys.ConfirmedDir(full), "", nil
	}
	return filesys.ConfirmedDir(path.Dir(full)), path.Base(full), nil
}

func (f *fileSystem) IsDir(name string) bool {
	inside, err := f.inside(name)
	if err != nil {
		return false
	}
	_, kind, err := f.view.Stat(inside)
	return f.seen(err) == nil && kind == tree.Folder
}

func (f *fileSystem) Exists(name string) bool {
	inside, err := f.inside(name)
	if err != nil {
		return false
	}
	_, _, err = f.view.Stat(inside)
	return f.seen(err) == nil
}

func (f *fileSystem) ReadDir(name string) ([]string, error) {
	inside, err := f.inside(name)
	if err != nil {
		return nil, err
	}
	_, children, err := f.view.List(inside)
	if err != nil {
		return nil, f.seen(err)
	}
	names := make([]string, 0, len(children))
	for _, child := range children {
		names = append(names, child.Name)
	}
	return names, nil
}

func (f *fileSystem) Glob(pattern string) ([]string, error) {
	folder, last := path.Split(pattern)
	if strings.ContainsAny(folder, `*?[`) {
		return nil, errors.New("a pattern in the name of a folder is not supported")
	}
	names, err := f.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var matched []string
	for _, name := range names {
		hit, err := path.Match(last, name)
		if err != nil {
			return nil, err
		}
		if hit {
			matched = append(matched, path.Join(folder, name))
		}
	}
	return matched, nil
}

func (f *fileSystem) Open(string) (filesys.File, error)   { return nil, errReadOnly }
func (f *fileSystem) Create(string) (filesys.File, error) { return nil, errReadOnly }
func (f *fileSystem) Mkdir(string) error                  { return errReadOnly }
func (f *fileSystem) MkdirAll(string) error               { return errReadOnly }
func (f *fileSystem) RemoveAll(string) error              { return errReadOnly }
func (f *fileSystem) WriteFile(string, []byte) error      { return errReadOnly }
func (f *fileSystem) Walk(name string, _ filepath.WalkFunc) error {
	return &os.PathError{Op: "walk", Path: name, Err: errReadOnly}
}

package kustomize

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"tiphys.dev/engine/internal/manifest"
	"tiphys.dev/engine/internal/tree"
)

// shownRoot is what the contract puts into errors in place of the main tree's path on disk.
const shownRoot = "<path to cached source>"

var errReadOnly = errors.New("the source is read only")

// place is where a tree appears to Kustomize: a folder of the root that no source can name, since
// its name is made for this render. So `..` out of one tree leads to no other. One tree has several
// places where charts in it inherit other namespaces.
type place struct {
	name, root, namespace string
	// remote is the repository that the tree is of.
	remote repository
}

// inside gives the path below the place's root.
func (p *place) inside(name string) string {
	return strings.TrimPrefix(strings.TrimPrefix(name, p.root), "/")
}

// path is where a path of the tree appears.
func (p *place) path(name string) string { return path.Join("/", p.name, p.inside(name)) }

// fileSystem lets Kustomize see the trees, with files of ours laid over them.
type fileSystem struct {
	view   *tree.Tree
	token  string
	places []*place
	files  map[string][]byte
	// edited stand in for files of the trees, which are read for the record all the same.
	edited map[string][]byte
	// origins say where a file of ours really came from, for Kustomize's own notes of that.
	origins map[string]func(*resource.Origin)
	// refused keeps the first reason that must not get lost when Kustomize tries elsewhere.
	refused error
}

var _ filesys.FileSystem = (*fileSystem)(nil)

func newFileSystem(view *tree.Tree) *fileSystem {
	var token [16]byte
	// It never fails: without a source of randomness the process ends.
	_, _ = rand.Read(token[:])
	return &fileSystem{
		view: view, token: "t" + hex.EncodeToString(token[:]),
		files: map[string][]byte{}, edited: map[string][]byte{}, origins: map[string]func(*resource.Origin){},
	}
}

// placeOf gives the place of a tree for charts that inherit a namespace.
func (f *fileSystem) placeOf(root, namespace string, remote repository) *place {
	for _, known := range f.places {
		if known.root == root && known.namespace == namespace {
			return known
		}
	}
	made := &place{name: f.name(len(f.places)), root: root, namespace: namespace, remote: remote}
	f.places = append(f.places, made)
	return made
}

func (f *fileSystem) name(number int) string { return f.token + "-" + strconv.Itoa(number) }

// lay puts a file of ours beside those of a folder.
func (f *fileSystem) lay(in *place, folder string, data []byte, origin func(*resource.Origin)) string {
	name := f.token + "-file-" + strconv.Itoa(len(f.files)) + ".yaml"
	f.files[path.Join(in.path(folder), name)] = data
	f.origins[name] = origin
	return name
}

// inside finds the place of a path and the path in the tree there.
func (f *fileSystem) inside(name string) (*place, string, error) {
	first, rest, _ := strings.Cut(strings.TrimPrefix(path.Clean(name), "/"), "/")
	for _, known := range f.places {
		if known.name == first && !strings.Contains(rest, tree.Mount) {
			return known, path.Join(known.root, rest), nil
		}
	}
	err := tree.Escape(name)
	f.refuse(err)
	return nil, "", err
}

var numbered = regexp.MustCompile(`-(?:file-)?\d+(?:\.yaml)?`)

// shown writes a text of Kustomize's with the names that its user knows.
func (f *fileSystem) shown(text string) string {
	for number := len(f.places) - 1; number >= 0; number-- {
		known, instead := f.places[number], shownRoot
		if known.root != "" {
			instead = redact(known.remote.url)
		}
		text = strings.ReplaceAll(text, "/"+known.name, instead)
		text = strings.ReplaceAll(text, known.name, instead)
	}
	if !strings.Contains(text, f.token) {
		return text
	}
	parts := strings.Split(text, f.token)
	for index := 1; index < len(parts); index++ {
		if found := numbered.FindStringIndex(parts[index]); found != nil && found[0] == 0 {
			parts[index] = parts[index][found[1]:]
		}
	}
	return strings.Join(parts, "<fetched>")
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
	if data, ok := f.files[path.Clean(name)]; ok {
		return data, nil
	}
	_, inside, err := f.inside(name)
	if err != nil {
		return nil, err
	}
	data, err := f.view.Read(inside)
	if err != nil {
		return nil, f.seen(err)
	}
	if edited, ok := f.edited[path.Clean(name)]; ok {
		return edited, nil
	}
	if err := manifest.Guard(data); err != nil {
		f.refuse(err)
		return nil, err
	}
	return data, nil
}

func (f *fileSystem) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	if _, ok := f.files[path.Clean(name)]; ok {
		return filesys.ConfirmedDir(path.Dir(path.Clean(name))), path.Base(name), nil
	}
	place, inside, err := f.inside(name)
	if err != nil {
		return "", "", err
	}
	real, kind, err := f.view.Stat(inside)
	if err != nil {
		return "", "", f.seen(err)
	}
	full := place.path(real)
	if kind == tree.Folder {
		return filesys.ConfirmedDir(full), "", nil
	}
	return filesys.ConfirmedDir(path.Dir(full)), path.Base(full), nil
}

func (f *fileSystem) IsDir(name string) bool {
	_, inside, err := f.inside(name)
	if err != nil {
		return false
	}
	_, kind, err := f.view.Stat(inside)
	return f.seen(err) == nil && kind == tree.Folder
}

func (f *fileSystem) Exists(name string) bool {
	if _, ok := f.files[path.Clean(name)]; ok {
		return true
	}
	_, inside, err := f.inside(name)
	if err != nil {
		return false
	}
	_, _, err = f.view.Stat(inside)
	return f.seen(err) == nil
}

func (f *fileSystem) ReadDir(name string) ([]string, error) {
	_, inside, err := f.inside(name)
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

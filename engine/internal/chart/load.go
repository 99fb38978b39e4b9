package chart

import (
	"bytes"
	"io/fs"
	"path"
	"strings"
	"time"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	"helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/ignore"

	"tiphys.dev/engine/internal/fault"
	"tiphys.dev/engine/internal/manifest"
	"tiphys.dev/engine/internal/tree"
)

// maxDepth bounds folders in folders, which links may make endless.
const maxDepth = 64

var utf8Mark = []byte{0xEF, 0xBB, 0xBF}

// load reads a chart's folder as Helm does from a disk: links followed, .helmignore honoured.
func load(view *tree.Tree, folder string) (*v2.Chart, error) {
	rules := ignore.Empty()
	if data, err := view.Read(path.Join(folder, ignore.HelmIgnore)); err == nil {
		parsed, err := ignore.Parse(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		rules = parsed
	}
	rules.AddDefaults()
	return read(view, folder, rules)
}

// loadPacked reads a chart that came out of an archive: nothing in it is left out.
func loadPacked(view *tree.Tree, folder string) (*v2.Chart, error) {
	return read(view, folder, ignore.Empty())
}

func read(view *tree.Tree, folder string, rules *ignore.Rules) (*v2.Chart, error) {
	reader := &reader{view: view, rules: rules}
	if err := reader.walk(folder, "", 0); err != nil {
		return nil, err
	}
	return loader.LoadFiles(reader.files)
}

type reader struct {
	view  *tree.Tree
	rules *ignore.Rules
	files []*archive.BufferedFile
}

func (r *reader) walk(folder, relative string, depth int) error {
	if depth > maxDepth {
		return fault.New(fault.Limit, "folders of the chart nest deeper than the limit of %d", maxDepth)
	}
	_, children, err := r.view.List(folder)
	if err != nil {
		return err
	}
	for _, child := range children {
		full, inside := path.Join(folder, child.Name), path.Join(relative, child.Name)
		kind := child.Kind
		if kind == tree.Link {
			if _, kind, err = r.view.Stat(full); err != nil {
				return err
			}
		}
		if r.rules.Ignore(inside, info{name: child.Name, folder: kind == tree.Folder}) {
			continue
		}
		if kind == tree.Folder {
			err = r.walk(full, inside, depth+1)
		} else {
			err = r.read(full, inside)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) read(full, inside string) error {
	data, err := r.view.Read(full)
	if err != nil {
		return err
	}
	data = bytes.TrimPrefix(data, utf8Mark)
	if isYAML(inside) && !strings.Contains("/"+inside, "/templates/") {
		if err := manifest.Guard(data); err != nil {
			return err
		}
	}
	r.files = append(r.files, &archive.BufferedFile{Name: inside, Data: data})
	return nil
}

func isYAML(name string) bool {
	return strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml") || strings.HasSuffix(name, ".lock")
}

// scan shows the notes every text of a chart that may be run as a template.
func scan(chart *v2.Chart, notes *Notes) {
	for _, group := range [][]*common.File{chart.Raw, chart.Templates, chart.Files} {
		for _, file := range group {
			notes.scan(file.Data)
		}
	}
	for _, dependency := range chart.Dependencies() {
		scan(dependency, notes)
	}
}

// info is what the ignore rules ask of an entry.
type info struct {
	name   string
	folder bool
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return 0 }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.folder }
func (i info) Sys() any           { return nil }
func (i info) Mode() fs.FileMode {
	if i.folder {
		return fs.ModeDir
	}
	return 0
}

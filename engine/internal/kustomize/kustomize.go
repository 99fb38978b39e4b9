// Package kustomize builds a kustomization that lies in the tree.
package kustomize

import (
	"encoding/json"
	"errors"
	"strings"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"

	"tiphys.dev/engine/internal/chart"
	"tiphys.dev/engine/internal/fault"
	"tiphys.dev/engine/internal/manifest"
	"tiphys.dev/engine/internal/remote"
	"tiphys.dev/engine/internal/tree"
)

// Render is `kustomize build` of a folder, without plugins, programs and network: files only from
// the trees, by default from the kustomization's own folder and below.
func Render(view *tree.Tree, folder string, options Options, mounts *remote.Mounts, notes *chart.Notes) ([]json.RawMessage, error) {
	files := newFileSystem(view)
	walker := &walker{view: view, files: files, options: options, mounts: mounts, notes: notes}
	err := view.Quietly(func() error { return walker.prepare(folder) })
	if err != nil {
		return nil, files.explain(err)
	}
	built, err := krusty.MakeKustomizer(options.krusty()).Run(files, files.places[0].path(folder))
	if err != nil {
		return nil, files.explain(err)
	}
	objects, err := files.objects(built, folder)
	if err != nil {
		return nil, files.explain(err)
	}
	return manifest.Expand(objects)
}

func (o Options) krusty() *krusty.Options {
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOptionUnspecified
	if o.Reorder != "" {
		options.Reorder = krusty.ReorderOption(o.Reorder)
	}
	if o.UnrestrictedFiles {
		options.LoadRestrictions = types.LoadRestrictionsNone
	}
	return options
}

func (f *fileSystem) objects(built resmap.ResMap, folder string) ([]json.RawMessage, error) {
	var objects []json.RawMessage
	for _, resource := range built.Resources() {
		if len(f.files)+len(f.places) > 1 {
			if err := f.tell(resource, folder); err != nil {
				return nil, err
			}
		}
		text, err := resource.AsYAML()
		if err != nil {
			return nil, err
		}
		if strings.Contains(string(text), f.token) {
			text = []byte(f.shown(string(text)))
		}
		found, err := manifest.Objects(text)
		if err != nil {
			return nil, err
		}
		objects = append(objects, found...)
	}
	return objects, nil
}

// explain keeps Kustomize's words, and puts first why the tree refused, if it did.
func (f *fileSystem) explain(err error) error {
	var needed *remote.NeededError
	if errors.As(err, &needed) {
		return err
	}
	text := f.shown(err.Error())
	if f.refused == nil {
		return fault.New(fault.CodeOf(err), "%s", text)
	}
	if why := f.shown(f.refused.Error()); errors.Is(f.refused, tree.ErrEscape) || !strings.Contains(text, why) {
		text = why + ": " + text
	}
	return fault.New(fault.CodeOf(f.refused), "%s", text)
}

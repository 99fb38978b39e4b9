// Package kustomize builds a kustomization that lies in the tree.
package kustomize

import (
	"encoding/json"
	"errors"
	"path"
	"strings"

	"sigs.k8s.io/kustomize/api/krusty"

	"tiphys.dev/engine/internal/chart"
	"tiphys.dev/engine/internal/fault"
	"tiphys.dev/engine/internal/manifest"
	"tiphys.dev/engine/internal/remote"
	"tiphys.dev/engine/internal/tree"
)

// Render is `kustomize build` of a folder with its default options: files only from the
// kustomization's own folder and below, no plugins, no Helm, no network.
func Render(view *tree.Tree, folder string, _ Options, _ *remote.Mounts, _ *chart.Notes) ([]json.RawMessage, error) {
	if err := lookAhead(view, folder); err != nil {
		return nil, err
	}
	files := &fileSystem{view: view}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, path.Join(mount, folder))
	if err != nil {
		return nil, explain(err, files.refused)
	}
	var objects []json.RawMessage
	for _, resource := range built.Resources() {
		text, err := resource.AsYAML()
		if err != nil {
			return nil, explain(err, nil)
		}
		found, err := manifest.Objects(text)
		if err != nil {
			return nil, err
		}
		objects = append(objects, found...)
	}
	return manifest.Expand(objects)
}

// explain keeps Kustomize's words, and puts first why the tree refused, if it did.
func explain(err, refused error) error {
	text := strings.ReplaceAll(err.Error(), mount, strings.TrimPrefix(mount, "/"))
	code := fault.Render
	if refused == nil {
		return fault.New(code, "%s", text)
	}
	code = fault.CodeOf(refused)
	if errors.Is(refused, tree.ErrEscape) || !strings.Contains(text, refused.Error()) {
		text = strings.ReplaceAll(refused.Error(), mount, strings.TrimPrefix(mount, "/")) + ": " + text
	}
	return fault.New(code, "%s", text)
}

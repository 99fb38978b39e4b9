package kustomize

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/resource"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/yaml"
)

// pathLists are fields that are lists of paths, pathObjects of objects with one.
var (
	pathLists   = append([]string{"crds", "configurations", "patchesStrategicMerge"}, mixedFields...)
	pathObjects = []string{"patches", "patchesJson6902", "replacements"}
	makers      = []string{"configMapGenerator", "secretGenerator"}
)

// rewrite lays a kustomization over one that names something outside of the trees.
func (w *walker) rewrite(one *kustomization, edits map[string]string, inflated inflated) error {
	fields := one.fields
	for _, field := range pathLists {
		exchange(fields[field], edits)
	}
	for _, field := range pathObjects {
		for _, object := range objects(fields[field]) {
			exchangeAt(object, "path", edits)
		}
	}
	if object, ok := fields["openapi"].(map[string]any); ok {
		exchangeAt(object, "path", edits)
	}
	for _, field := range makers {
		for _, object := range objects(fields[field]) {
			exchangeAt(object, "env", edits)
			exchange(object["envs"], edits)
			exchangeKeyed(object["files"], edits)
		}
	}
	inflated.edit(fields)
	text, err := yaml.Marshal(fields)
	if err != nil {
		return err
	}
	for _, name := range one.names {
		w.files.edited[one.at.path(name)] = text
	}
	return nil
}

func objects(value any) []map[string]any {
	entries, _ := value.([]any)
	var found []map[string]any
	for _, entry := range entries {
		if object, ok := entry.(map[string]any); ok {
			found = append(found, object)
		}
	}
	return found
}

func exchange(value any, edits map[string]string) {
	entries, _ := value.([]any)
	for index, entry := range entries {
		if text, ok := entry.(string); ok && edits[text] != "" {
			entries[index] = edits[text]
		}
	}
}

func exchangeAt(object map[string]any, field string, edits map[string]string) {
	if text, ok := object[field].(string); ok && edits[text] != "" {
		object[field] = edits[text]
	}
}

func exchangeKeyed(value any, edits map[string]string) {
	entries, _ := value.([]any)
	for index, entry := range entries {
		text, _ := entry.(string)
		key, name := keyed(text)
		if edits[name] != "" {
			entries[index] = key + "=" + edits[name]
		}
	}
}

// edit takes the charts out of a kustomization and puts in what they became.
func (i inflated) edit(fields map[string]any) {
	if i.fields {
		delete(fields, "helmCharts")
		delete(fields, "helmGlobals")
		delete(fields, "helmChartInflationGenerator")
	}
	if len(i.resources) > 0 {
		entries, _ := fields["resources"].([]any)
		for _, name := range i.resources {
			entries = append(entries, name)
		}
		fields["resources"] = entries
	}
	if len(i.generators) == 0 {
		return
	}
	entries, _ := fields["generators"].([]any)
	kept := []any{}
	for _, entry := range entries {
		text, _ := entry.(string)
		instead, changed := i.generators[text]
		switch {
		case !changed:
			kept = append(kept, entry)
		case instead != "":
			kept = append(kept, instead)
		}
	}
	fields["generators"] = kept
}

func originOfURL(url string) func(*resource.Origin) {
	return func(origin *resource.Origin) { origin.Path = redact(url) }
}

// originOfChart is what Kustomize notes for a chart that it rendered itself.
func originOfChart(file string) func(*resource.Origin) {
	return func(origin *resource.Origin) {
		origin.ConfiguredIn = path.Join(path.Dir(origin.Path), path.Base(file))
		origin.Path = ""
		origin.ConfiguredBy = kyaml.ResourceIdentifier{
			TypeMeta: kyaml.TypeMeta{APIVersion: "builtin", Kind: chartKind},
		}
	}
}

// tell puts the names that a user knows into Kustomize's note of where an object came from.
func (f *fileSystem) tell(built *resource.Resource, folder string) error {
	origin, err := built.GetOrigin()
	if err != nil || origin == nil {
		return err
	}
	if change := f.origins[path.Base(origin.Path)]; change != nil {
		change(origin)
	}
	f.locate(&origin.Path, origin, folder)
	f.locate(&origin.ConfiguredIn, origin, folder)
	return built.SetOrigin(origin)
}

// locate turns a way into another place into a path from the root of its repository, or, where the
// place is of the same tree, from the folder that is built.
func (f *fileSystem) locate(name *string, origin *resource.Origin, folder string) {
	steps := strings.Split(*name, "/")
	for _, known := range f.places {
		at := slices.Index(steps, known.name)
		if at < 0 {
			continue
		}
		inside := path.Join(steps[at+1:]...)
		if known.root != "" {
			origin.Repo, origin.Ref = redact(known.remote.url), known.remote.revision
			*name = inside
		} else if way, err := filepath.Rel("/"+folder, "/"+inside); err == nil {
			*name = way
		}
		return
	}
}

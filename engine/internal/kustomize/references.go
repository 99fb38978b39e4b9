package kustomize

import (
	"bytes"
	"encoding/json"
	"path"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"

	"tiphys.dev/engine/internal/manifest"
	"tiphys.dev/engine/internal/tree"
)

var fileNames = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// mixedFields name files, further kustomizations, or both.
var mixedFields = []string{
	"resources", "bases", "components", "generators", "transformers", "validators",
}

// references are the fields of a kustomization that name what lies elsewhere.
type references struct {
	Namespace      string                `json:"namespace"`
	CRDs           []string              `json:"crds"`
	Configurations []string              `json:"configurations"`
	StrategicMerge []string              `json:"patchesStrategicMerge"`
	Patches        []fileRef             `json:"patches"`
	JSONPatches    []fileRef             `json:"patchesJson6902"`
	Replacements   []fileRef             `json:"replacements"`
	ConfigMaps     []generatorRef        `json:"configMapGenerator"`
	Secrets        []generatorRef        `json:"secretGenerator"`
	OpenAPI        fileRef               `json:"openapi"`
	HelmGlobals    *types.HelmGlobals    `json:"helmGlobals"`
	HelmCharts     []types.HelmChart     `json:"helmCharts"`
	HelmOld        []types.HelmChartArgs `json:"helmChartInflationGenerator"`
}

type fileRef struct {
	Path string `json:"path"`
}

type generatorRef struct {
	Files []string `json:"files"`
	Envs  []string `json:"envs"`
	Env   string   `json:"env"`
}

// files are the references that are never folders.
func (r *references) files() []string {
	names := append([]string{r.OpenAPI.Path}, r.CRDs...)
	names = append(names, r.Configurations...)
	names = append(names, r.StrategicMerge...)
	for _, group := range [][]fileRef{r.Patches, r.JSONPatches, r.Replacements} {
		for _, entry := range group {
			names = append(names, entry.Path)
		}
	}
	for _, generator := range append(append([]generatorRef{}, r.ConfigMaps...), r.Secrets...) {
		names = append(append(names, generator.Env), generator.Envs...)
		for _, entry := range generator.Files {
			_, name := keyed(entry)
			names = append(names, name)
		}
	}
	return names
}

// keyed parts `key=path`; without a key it is the last name of the path.
func keyed(entry string) (key, name string) {
	if before, after, found := strings.Cut(entry, "="); found && !isURL(entry) {
		return before, after
	}
	return path.Base(entry), entry
}

// charts are those of the field in use and of the one before it.
func (r *references) charts() ([]types.HelmChart, types.HelmGlobals) {
	var globals types.HelmGlobals
	if r.HelmGlobals != nil {
		globals = *r.HelmGlobals
	}
	charts := append([]types.HelmChart{}, r.HelmCharts...)
	if len(r.HelmOld) > 0 {
		old, oldGlobals := types.SplitHelmParameters(r.HelmOld)
		charts = append(charts, old...)
		if r.HelmGlobals == nil {
			globals = oldGlobals
		}
	}
	return charts, globals
}

// kustomization is one that was found, parsed loosely: what is wrong with it, Kustomize says better.
type kustomization struct {
	at     *place
	folder string
	// names are the file's name and, where that is a link, what it leads to.
	names      []string
	references references
	fields     map[string]any
}

// list gives the texts of a field.
func (k *kustomization) list(field string) []string {
	entries, _ := k.fields[field].([]any)
	var texts []string
	for _, entry := range entries {
		if text, ok := entry.(string); ok {
			texts = append(texts, text)
		}
	}
	return texts
}

// read gives nothing where there is no kustomization that can be parsed.
func read(view *tree.Tree, at *place, folder string) (*kustomization, error) {
	if err := view.Prefetch([]string{folder}); err != nil {
		return nil, err
	}
	for _, name := range fileNames {
		data, err := view.Read(path.Join(folder, name))
		if err != nil {
			continue
		}
		if err := manifest.Guard(data); err != nil {
			return nil, err
		}
		found := &kustomization{at: at, folder: folder, names: []string{path.Join(folder, name)}}
		encoded, err := yaml.YAMLToJSON(data)
		if err != nil || json.Unmarshal(encoded, &found.references) != nil {
			return nil, nil
		}
		decoder := json.NewDecoder(bytes.NewReader(encoded))
		decoder.UseNumber()
		if decoder.Decode(&found.fields) != nil || found.fields == nil {
			return nil, nil
		}
		if real, _, err := view.Stat(found.names[0]); err == nil {
			found.names = append(found.names, real)
		}
		return found, nil
	}
	return nil, nil
}

// below places an entry in a folder; nothing for text, and for what leads outside.
func below(folder, entry string) (string, bool) {
	root := tree.Root(folder)
	inside := strings.TrimPrefix(strings.TrimPrefix(folder, root), "/")
	name := path.Join(inside, entry)
	if entry == "" || strings.ContainsAny(entry, "\n"+tree.Mount) || path.IsAbs(entry) ||
		name == ".." || strings.HasPrefix(name, "../") {
		return "", false
	}
	if name == "." {
		name = ""
	}
	return path.Join(root, name), true
}

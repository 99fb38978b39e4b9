package kustomize

import (
	"path"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"

	"tiphys.dev/engine/internal/fault"
	"tiphys.dev/engine/internal/manifest"
	"tiphys.dev/engine/internal/tree"
)

// maxLevels bounds how deep overlays may stand on one another.
const maxLevels = 64

var (
	fileNames = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}
	// remotePattern is what Kustomize would hand to git or an HTTP client.
	remotePattern = regexp.MustCompile(`(?i)^(?:git::|[a-z][a-z0-9+.-]*://|github\.com[:/]|[a-z][a-z0-9-]*@[^/]*[:/])`)
)

// references are the fields of a kustomization that name other files.
type references struct {
	Resources      []string       `json:"resources"`
	Bases          []string       `json:"bases"`
	Components     []string       `json:"components"`
	CRDs           []string       `json:"crds"`
	Configurations []string       `json:"configurations"`
	Generators     []string       `json:"generators"`
	Transformers   []string       `json:"transformers"`
	Validators     []string       `json:"validators"`
	StrategicMerge []string       `json:"patchesStrategicMerge"`
	Patches        []fileRef      `json:"patches"`
	JSONPatches    []fileRef      `json:"patchesJson6902"`
	Replacements   []fileRef      `json:"replacements"`
	ConfigMaps     []generatorRef `json:"configMapGenerator"`
	Secrets        []generatorRef `json:"secretGenerator"`
	OpenAPI        fileRef        `json:"openapi"`
	HelmCharts     []any          `json:"helmCharts"`
	HelmGenerators []any          `json:"helmChartInflationGenerator"`
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
			_, after, found := strings.Cut(entry, "=")
			if !found {
				after = entry
			}
			names = append(names, after)
		}
	}
	return names
}

// mixed are the references that may be files or further kustomizations.
func (r *references) mixed() []string {
	var names []string
	for _, group := range [][]string{r.Resources, r.Bases, r.Components, r.Generators, r.Transformers, r.Validators} {
		names = append(names, group...)
	}
	return names
}

// lookAhead finds what a kustomization will read, level by level, so that one call fetches a
// level, and refuses what would need a network before anything tries it.
func lookAhead(view *tree.Tree, folder string) error {
	return view.Quietly(func() error {
		level := []string{folder}
		visited := map[string]bool{}
		for depth := 0; len(level) > 0; depth++ {
			if depth > maxLevels {
				return fault.New(fault.Limit, "kustomizations stand more than %d levels deep", maxLevels)
			}
			wanted, next, err := scan(view, level, visited)
			if err != nil {
				return err
			}
			if err := view.Prefetch(wanted); err != nil {
				return err
			}
			level = level[:0]
			for _, name := range next {
				if _, kind, err := view.Stat(name); err == nil && kind == tree.Folder {
					level = append(level, name)
				}
			}
		}
		return nil
	})
}

func scan(view *tree.Tree, level []string, visited map[string]bool) (wanted, next []string, err error) {
	for _, folder := range level {
		if visited[folder] {
			continue
		}
		visited[folder] = true
		found, err := read(view, folder)
		if err != nil {
			return nil, nil, err
		}
		if found == nil {
			continue
		}
		mixed := found.mixed()
		for _, entry := range append(found.files(), mixed...) {
			if remotePattern.MatchString(entry) {
				return nil, nil, fault.New(fault.Unsupported,
					"kustomization in '%s' names '%s': remote resources are not supported by this version",
					folder, redact(entry))
			}
		}
		if len(found.HelmCharts)+len(found.HelmGenerators) > 0 {
			return nil, nil, fault.New(fault.Unsupported,
				"kustomization in '%s' has helmCharts, which this version does not render", folder)
		}
		wanted = append(wanted, join(folder, found.files())...)
		wanted = append(wanted, join(folder, mixed)...)
		next = append(next, join(folder, mixed)...)
	}
	return wanted, next, nil
}

// read parses a folder's kustomization loosely: what is wrong with it, Kustomize says better.
func read(view *tree.Tree, folder string) (*references, error) {
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
		found := &references{}
		if yaml.Unmarshal(data, found) != nil {
			return nil, nil
		}
		return found, nil
	}
	return nil, nil
}

// join places entries in a folder and leaves out those that are text, empty or lead outside.
func join(folder string, entries []string) []string {
	var names []string
	for _, entry := range entries {
		name := path.Join(folder, entry)
		inline := entry == "" || strings.ContainsAny(entry, "\n") || path.IsAbs(entry)
		if !inline && name != ".." && !strings.HasPrefix(name, "../") {
			names = append(names, name)
		}
	}
	return names
}

var userInfo = regexp.MustCompile(`//[^/@]*@`)

// redact takes a user and password out of a URL.
func redact(entry string) string {
	return userInfo.ReplaceAllString(entry, "//")
}

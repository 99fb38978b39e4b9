package kustomize

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/kustomize/kyaml/yaml/merge2"
	jsonyaml "sigs.k8s.io/yaml"

	"tiphys.dev/engine/internal/chart"
	"tiphys.dev/engine/internal/fault"
	"tiphys.dev/engine/internal/manifest"
	"tiphys.dev/engine/internal/remote"
	"tiphys.dev/engine/internal/tree"
)

const chartKind = "HelmChartInflationGenerator"

var mergeOptions = []string{"merge", "override", "replace"}

// inflated is what the charts of one kustomization became.
type inflated struct {
	// fields says that the kustomization's own fields had charts.
	fields    bool
	resources []string
	// generators are what to write in place of configurations, nothing where all was a chart.
	generators map[string]string
}

// inflateAll renders the charts that a kustomization's fields and generators name. Without
// `--enable-helm` they stay, and Kustomize says that it is missing.
func (w *walker) inflateAll(one *kustomization, inherited string) (inflated, error) {
	done := inflated{generators: map[string]string{}}
	if !w.options.EnableHelm {
		return done, nil
	}
	charts, globals := one.references.charts()
	done.fields = len(charts) > 0
	for _, chart := range charts {
		if chart.Namespace == "" {
			chart.Namespace = inherited
		}
		if err := w.inflate(one, chart, globals, &done); err != nil {
			return done, err
		}
	}
	for _, entry := range one.list("generators") {
		if err := w.generator(one, entry, &done); err != nil {
			return done, err
		}
	}
	return done, nil
}

// generator renders the charts in a generator's configuration, a file or the text itself.
func (w *walker) generator(one *kustomization, entry string, done *inflated) error {
	text, inline := []byte(entry), strings.Contains(entry, "\n")
	if !inline {
		name, ok := below(one.folder, entry)
		if !ok {
			return nil
		}
		data, err := w.view.Read(name)
		if err != nil {
			return nil
		}
		text = data
	}
	if !bytes.Contains(text, []byte(chartKind)) {
		return nil
	}
	documents, err := manifest.Documents(text)
	if err != nil {
		return nil
	}
	var others [][]byte
	found := false
	for _, document := range documents {
		var configured struct {
			APIVersion string `json:"apiVersion"`
			Kind       string `json:"kind"`
			types.HelmGlobals
			types.HelmChart
		}
		if json.Unmarshal(document, &configured) != nil || configured.Kind != chartKind || configured.APIVersion != "builtin" {
			others = append(others, document)
			continue
		}
		// The document's own metadata is no part of the chart.
		found = true
		if err := w.inflate(one, configured.HelmChart, configured.HelmGlobals, done); err != nil {
			return err
		}
	}
	switch rest := bytes.Join(others, []byte("\n---\n")); {
	case !found || !w.edit:
	case len(others) == 0:
		done.generators[entry] = ""
	default:
		done.generators[entry] = w.files.lay(one.at, one.folder, rest, nil)
	}
	return nil
}

// inflate renders one chart in the second round; in the first it only finds it.
func (w *walker) inflate(one *kustomization, wanted types.HelmChart, globals types.HelmGlobals, done *inflated) error {
	w.charts = true
	objects, err := w.chart(one, wanted, globals)
	if err != nil {
		text := fmt.Sprintf("kustomization in '%s': chart '%s': ", one.at.inside(one.folder), wanted.Name)
		return fault.New(fault.CodeOf(err), "%s%s", text, err)
	}
	if !w.edit {
		return nil
	}
	text, err := marked(objects)
	if err != nil {
		return err
	}
	if len(objects) > 0 {
		name := w.files.lay(one.at, one.folder, text, originOfChart(one.names[0]))
		done.resources = append(done.resources, name)
	}
	return nil
}

func (w *walker) chart(one *kustomization, wanted types.HelmChart, globals types.HelmGlobals) ([]json.RawMessage, error) {
	if wanted.Name == "" {
		return nil, errors.New("chart name cannot be empty")
	}
	if wanted.ValuesMerge != "" && !slices.Contains(mergeOptions, wanted.ValuesMerge) {
		return nil, fmt.Errorf("valuesMerge must be one of %v", mergeOptions)
	}
	if isURL(wanted.ValuesFile) {
		// Asked for together with the chart.
		w.mounts.FindFile(wanted.ValuesFile)
	}
	folder, packed, err := w.find(one, wanted, globals)
	if err != nil || folder == "" {
		return nil, err
	}
	values, err := w.values(one, wanted, folder)
	if err != nil || !w.edit {
		return nil, err
	}
	options := chart.Options{
		ReleaseName: wanted.ReleaseName, Namespace: wanted.Namespace,
		SkipCRDs: !wanted.IncludeCRDs, SkipTests: wanted.SkipTests, SkipHooks: wanted.SkipHooks,
		KubeVersion: w.options.KubeVersion, APIVersions: w.options.APIVersions,
	}
	if wanted.KubeVersion != "" {
		options.KubeVersion = wanted.KubeVersion
	}
	if len(wanted.ApiVersions) > 0 {
		options.APIVersions = wanted.ApiVersions
	}
	return chart.Inflate(w.view, chart.Inflation{
		Folder: folder, Packed: packed, NameTemplate: wanted.NameTemplate, Values: values,
	}, options, w.notes)
}

// find looks in the folder of charts before it asks for the chart. An empty folder and no error is
// a chart that is not mounted yet.
func (w *walker) find(one *kustomization, wanted types.HelmChart, globals types.HelmGlobals) (folder string, packed bool, err error) {
	home := globals.ChartHome
	if home == "" {
		home = types.HelmDefaultHome
	}
	if wanted.Version != "" && wanted.Repo != "" {
		home += "/" + wanted.Name + "-" + wanted.Version
	}
	name := home + "/" + wanted.Name
	place, ok := below(one.folder, name)
	if !ok {
		return "", false, fault.New(fault.Render, "illegal filepath: '%s' leads out of the repository", name)
	}
	real, kind, err := w.view.Stat(place)
	switch {
	case err == nil && kind == tree.Folder:
		return real, false, nil
	case errors.Is(err, tree.ErrEscape):
		return "", false, err
	case wanted.Repo == "":
		return "", false, fault.New(fault.Render,
			"no repo specified for pull, no chart found at '%s/%s'", shownRoot, one.at.inside(place))
	}
	version := wanted.Version
	if version == "" && wanted.Devel {
		version = ">0.0.0-0"
	}
	root, mounted := w.mounts.Find(remote.Remote{
		Kind: remote.Chart, URL: wanted.Repo, Revision: version, Name: wanted.Name,
	})
	if !mounted {
		return "", false, nil
	}
	return root, true, nil
}

// values are the texts that the chart gets, each over the one before.
func (w *walker) values(one *kustomization, wanted types.HelmChart, folder string) ([][]byte, error) {
	var base []byte
	var err error
	if wanted.ValuesFile != "" {
		base, err = w.load(one, wanted.ValuesFile)
	} else if base, err = w.view.Read(path.Join(folder, "values.yaml")); errors.Is(err, fs.ErrNotExist) {
		base, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	texts := [][]byte{base}
	if len(wanted.ValuesInline) > 0 {
		if texts[0], err = inlined(base, wanted); err != nil {
			return nil, err
		}
	}
	for _, name := range wanted.AdditionalValuesFiles {
		text, err := w.load(one, name)
		if err != nil {
			return nil, fmt.Errorf("could not load additionalValuesFile: %w", err)
		}
		texts = append(texts, text)
	}
	return texts, nil
}

// inlined joins the values of a file and those in the kustomization, as `valuesMerge` says.
func inlined(base []byte, wanted types.HelmChart) ([]byte, error) {
	inline, err := jsonyaml.Marshal(wanted.ValuesInline)
	if err != nil || wanted.ValuesMerge == "replace" {
		return inline, err
	}
	if err := manifest.Guard(base); err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(base)) == 0 {
		return inline, nil
	}
	file, err := yaml.Parse(string(base))
	if err != nil {
		return nil, fmt.Errorf("could not parse the values file: %w", manifest.WithoutContent(err))
	}
	over, err := yaml.FromMap(wanted.ValuesInline)
	if err != nil {
		return nil, err
	}
	if wanted.ValuesMerge == "merge" {
		file, over = over, file
	}
	// The first wins over the second.
	merged, err := merge2.Merge(over, file, yaml.MergeOptions{})
	if err != nil {
		return nil, fmt.Errorf("could not merge values: %w", manifest.WithoutContent(err))
	}
	if merged == nil {
		return nil, nil
	}
	text, err := merged.String()
	return []byte(text), err
}

// load reads a file that a chart names, from where Kustomize would read it.
func (w *walker) load(one *kustomization, name string) ([]byte, error) {
	if isURL(name) {
		w.remotes = true
		file, mounted := w.mounts.FindFile(name)
		if !mounted {
			return nil, nil
		}
		return w.view.Read(file)
	}
	place, ok := below(one.folder, name)
	if !ok {
		return nil, fault.New(fault.Render, "illegal filepath: '%s' leads out of the repository", name)
	}
	real, _, err := w.view.Stat(place)
	if err != nil {
		return nil, err
	}
	if one.folder != one.at.root && !w.options.UnrestrictedFiles && !strings.HasPrefix(real, one.folder+"/") {
		return nil, fault.New(fault.Render, "security; file '%s/%s' is not in or below '%s/%s'",
			shownRoot, one.at.inside(real), shownRoot, one.at.inside(one.folder))
	}
	return w.view.Read(place)
}

// marked writes objects as Kustomize takes those of a chart: it sets no namespace on them.
func marked(objects []json.RawMessage) ([]byte, error) {
	var out bytes.Buffer
	for _, object := range objects {
		node, err := yaml.Parse(string(object))
		if err != nil {
			return nil, manifest.WithoutContent(err)
		}
		if err := node.PipeE(yaml.SetAnnotation(konfig.HelmGeneratedAnnotation, "true")); err != nil {
			return nil, manifest.WithoutContent(err)
		}
		text, err := node.String()
		if err != nil {
			return nil, manifest.WithoutContent(err)
		}
		out.WriteString("---\n" + text)
	}
	return out.Bytes(), nil
}

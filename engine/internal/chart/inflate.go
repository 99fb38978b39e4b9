package chart

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"text/template"
	"time"

	"helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"

	"tiphys.dev/engine/internal/fault"
	"tiphys.dev/engine/internal/manifest"
	"tiphys.dev/engine/internal/tree"
)

// Inflation is a chart in a kustomization: where it is, and its values, each over the one before.
type Inflation struct {
	Folder       string
	Packed       bool
	NameTemplate string
	Values       [][]byte
}

const madeName = "a chart in the kustomization has no releaseName, so its release has another name at every render"

// Inflate is the `helm template` that Kustomize would start.
func Inflate(view *tree.Tree, wanted Inflation, options Options, notes *Notes) ([]json.RawMessage, error) {
	read := load
	if wanted.Packed {
		read = loadPacked
	}
	chart, err := read(view, wanted.Folder)
	if err != nil {
		return nil, err
	}
	if err := whole(chart); err != nil {
		return nil, err
	}
	given := map[string]any{}
	for _, text := range wanted.Values {
		if err := manifest.Guard(text); err != nil {
			return nil, err
		}
		notes.scan(text)
		layer, err := loader.LoadValues(bytes.NewReader(text))
		if err != nil {
			return nil, fmt.Errorf("failed to parse values: %w", manifest.WithoutContent(err))
		}
		given = loader.MergeMaps(given, layer)
	}
	if options.ReleaseName, err = releaseName(wanted, chart, options.ReleaseName, notes); err != nil {
		return nil, err
	}
	if options.Namespace == "" {
		options.Namespace = "default"
	}
	return instantiate(chart, given, options, notes)
}

// whole refuses a chart with dependencies that are not in it: nobody fetches those of a chart that
// Kustomize renders.
func whole(chart *v2.Chart) error {
	var names []string
	for _, dependency := range missing(chart) {
		names = append(names, dependency.Name)
	}
	if len(names) == 0 {
		return nil
	}
	return incomplete(names)
}

func releaseName(wanted Inflation, chart *v2.Chart, name string, notes *Notes) (string, error) {
	switch {
	case name != "" && wanted.NameTemplate != "":
		return "", fault.New(fault.Render, "cannot set --name-template and also specify a name")
	case name != "":
		return name, nil
	case wanted.NameTemplate == "":
		notes.warn("--generate-name", madeName)
		return fmt.Sprintf("%s-%d", path.Base(chart.Name()), time.Now().Unix()), nil
	}
	var out bytes.Buffer
	err := notes.template(wanted.NameTemplate, func(parsed *template.Template) error {
		return parsed.Execute(&out, nil)
	})
	return out.String(), err
}

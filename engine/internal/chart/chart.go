// Package chart is `helm template`: Helm's own libraries, with no cluster and no network.
package chart

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	chartapi "helm.sh/helm/v4/pkg/chart"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	release "helm.sh/helm/v4/pkg/release/v1"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"
	k8sversion "k8s.io/apimachinery/pkg/util/version"

	"tiphys.dev/engine/internal/fault"
	"tiphys.dev/engine/internal/manifest"
	"tiphys.dev/engine/internal/remote"
	"tiphys.dev/engine/internal/tree"
)

// Options are those of an Application's Helm source, with the cluster's facts.
type Options struct {
	ReleaseName             string          `json:"releaseName"`
	Namespace               string          `json:"namespace"`
	ValueFiles              []string        `json:"valueFiles"`
	IgnoreMissingValueFiles bool            `json:"ignoreMissingValueFiles"`
	Values                  string          `json:"values"`
	Parameters              []Parameter     `json:"parameters"`
	FileParameters          []FileParameter `json:"fileParameters"`
	SkipCRDs                bool            `json:"skipCrds"`
	SkipTests               bool            `json:"skipTests"`
	// SkipHooks is for charts in kustomizations; no field of an Application asks for it.
	SkipHooks            bool     `json:"-"`
	SkipSchemaValidation bool     `json:"skipSchemaValidation"`
	KubeVersion          string   `json:"kubeVersion"`
	APIVersions          []string `json:"apiVersions"`
}

// source is one chart as it is asked for.
type source struct {
	view    *tree.Tree
	folder  string
	options Options
	mounts  *remote.Mounts
	notes   *Notes
}

// Render gives CRDs, then manifests in Helm's order of kinds, then hooks.
func Render(view *tree.Tree, folder string, options Options, mounts *remote.Mounts, notes *Notes) ([]json.RawMessage, error) {
	source := &source{view: view, folder: folder, options: options, mounts: mounts, notes: notes}
	chart, err := load(view, folder)
	if err != nil {
		return nil, err
	}
	if err := source.complete(chart); err != nil {
		return nil, err
	}
	given, err := source.values()
	if err != nil {
		return nil, err
	}
	if err := mounts.Check(); err != nil {
		return nil, err
	}
	return instantiate(chart, given, options, notes)
}

// instantiate is `helm template` of a chart that is whole.
func instantiate(chart *v2.Chart, given map[string]any, options Options, notes *Notes) ([]json.RawMessage, error) {
	if kind := chart.Metadata.Type; kind != "" && kind != "application" {
		return nil, fault.New(fault.Render, "%s charts are not installable", kind)
	}
	facts, err := facts(options)
	if err != nil {
		return nil, err
	}
	scan(chart, notes)
	files, err := execute(chart, given, options, watch(facts, notes))
	if err != nil {
		return nil, err
	}
	return collect(chart, files, options)
}

// facts are the capabilities that Helm's command would have with the same flags.
func facts(options Options) (*common.Capabilities, error) {
	facts := common.DefaultCapabilities.Copy()
	facts.APIVersions = append(slices.Clone(facts.APIVersions), options.APIVersions...)
	if options.KubeVersion == "" {
		return facts, nil
	}
	parsed, err := k8sversion.ParseGeneric(options.KubeVersion)
	if err != nil {
		return nil, fault.New(fault.Render, "could not parse kubernetes version %s: %s", options.KubeVersion, err)
	}
	short := fmt.Sprintf("%d.%d.%d", parsed.Major(), parsed.Minor(), parsed.Patch())
	version, err := common.ParseKubeVersion(short)
	if err != nil {
		return nil, err
	}
	facts.KubeVersion = *version
	return facts, nil
}

func execute(chart *v2.Chart, given map[string]any, options Options, watched *capabilities) (map[string]string, error) {
	if err := chartutil.ProcessDependencies(chart, given); err != nil {
		return nil, fmt.Errorf("chart dependencies processing failed: %w", err)
	}
	top, err := util.ToRenderValuesWithSchemaValidation(chartapi.Charter(chart), given, common.ReleaseOptions{
		Name: options.ReleaseName, Namespace: options.Namespace, Revision: 1, IsInstall: true,
	}, watched.helm, options.SkipSchemaValidation)
	if err != nil {
		return nil, err
	}
	top["Capabilities"] = watched
	if wanted := chart.Metadata.KubeVersion; wanted != "" {
		version := watched.KubeVersion()
		if !chartutil.IsCompatibleRange(wanted, version.String()) {
			return nil, fault.New(fault.Render,
				"chart requires kubeVersion: %s which is incompatible with Kubernetes %s", wanted, version.Version)
		}
	}
	helm := engine.Engine{CustomTemplateFuncs: watched.notes.functions()}
	return helm.Render(chart, top)
}

const notesSuffix = "NOTES.txt"

func collect(chart *v2.Chart, files map[string]string, options Options) ([]json.RawMessage, error) {
	for name, text := range files {
		if strings.HasSuffix(name, notesSuffix) {
			delete(files, name)
			continue
		}
		if err := manifest.Guard([]byte(text)); err != nil {
			return nil, err
		}
	}
	hooks, manifests, err := releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	if err != nil {
		return nil, manifest.WithoutContent(err)
	}
	output := &output{}
	if !options.SkipCRDs {
		for _, crd := range chart.CRDObjects() {
			output.add(crd.Filename, crd.File.Data)
		}
	}
	for _, entry := range manifests {
		output.add(entry.Name, []byte(entry.Content))
	}
	for _, hook := range hooks {
		isTest := slices.Contains(hook.Events, release.HookTest)
		if !options.SkipHooks && !(options.SkipTests && isTest) {
			output.add(hook.Path, []byte(hook.Manifest))
		}
	}
	if output.err != nil {
		return nil, output.err
	}
	return manifest.Expand(output.objects)
}

type output struct {
	objects []json.RawMessage
	err     error
}

func (o *output) add(name string, text []byte) {
	if o.err != nil {
		return
	}
	found, err := manifest.Objects(text)
	if err != nil {
		o.err = fault.New(fault.CodeOf(err), "failed to unmarshal manifest of %s: %s", name, err)
		return
	}
	o.objects = append(o.objects, found...)
}

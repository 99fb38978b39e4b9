package chart

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/strvals"

	"tiphys.dev/engine/internal/fault"
	"tiphys.dev/engine/internal/manifest"
	"tiphys.dev/engine/internal/tree"
)

// Parameter is one `--set` or `--set-string`.
type Parameter struct {
	Name        string `json:"name"`
	Value       string `json:"value"`
	ForceString bool   `json:"forceString"`
}

// FileParameter is one `--set-file`.
type FileParameter struct {
	Name string `json:"name"`
	Path string `json:"path"`
}

// values merges what the source gives over the chart's own: files in their order, then the
// inline text, then parameters, forced strings and file parameters.
func values(view *tree.Tree, folder string, options Options, notes *Notes) (map[string]any, error) {
	merged := map[string]any{}
	add := func(text []byte, name string) error {
		if err := manifest.Guard(text); err != nil {
			return err
		}
		notes.scan(text)
		layer, err := loader.LoadValues(bytes.NewReader(text))
		if err != nil {
			return fmt.Errorf("failed to parse %s: %w", name, manifest.WithoutContent(err))
		}
		merged = loader.MergeMaps(merged, layer)
		return nil
	}
	texts, err := valueFiles(view, folder, options)
	if err != nil {
		return nil, err
	}
	for _, text := range texts {
		if err := add(text.data, text.name); err != nil {
			return nil, err
		}
	}
	if options.Values != "" {
		if err := add([]byte(options.Values), "values"); err != nil {
			return nil, err
		}
	}
	return merged, parameters(view, folder, options, notes, merged)
}

type namedText struct {
	name string
	data []byte
}

// valueFiles reads each file once, all that lie outside the chart in one call.
func valueFiles(view *tree.Tree, folder string, options Options) ([]namedText, error) {
	names, err := listed(view, folder, options)
	if err != nil {
		return nil, err
	}
	var wanted []string
	for _, name := range append(slices.Clone(names), filePaths(options)...) {
		wanted = append(wanted, place(folder, name))
	}
	if err := view.Prefetch(inside(wanted)); err != nil {
		return nil, err
	}
	var texts []namedText
	for _, name := range names {
		data, err := view.Read(place(folder, name))
		if errors.Is(err, fs.ErrNotExist) && options.IgnoreMissingValueFiles {
			continue
		}
		if err != nil {
			return nil, pathError(name, err)
		}
		texts = append(texts, namedText{name: name, data: data})
	}
	return texts, nil
}

func filePaths(options Options) []string {
	var names []string
	for _, parameter := range options.FileParameters {
		names = append(names, parameter.Path)
	}
	return names
}

func inside(names []string) []string {
	var kept []string
	for _, name := range names {
		if clean := path.Clean(name); clean != ".." && !strings.HasPrefix(clean, "../") {
			kept = append(kept, clean)
		}
	}
	return kept
}

// place puts a name beside the chart, or at the root of the repository when it begins with `/`.
// It is not cleaned: the tree follows `..` step by step.
func place(folder, name string) string {
	if strings.HasPrefix(name, "/") {
		return strings.TrimLeft(name, "/")
	}
	if folder == "" {
		return name
	}
	return folder + "/" + name
}

func pathError(name string, err error) error {
	if errors.Is(err, tree.ErrEscape) {
		return fault.New(fault.Render, "illegal filepath: file '%s' resolved to outside repository root", name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.Render, "open %s: no such file or directory", name)
	}
	return err
}

func parameters(view *tree.Tree, folder string, options Options, notes *Notes, merged map[string]any) error {
	for _, forced := range []bool{false, true} {
		for _, parameter := range last(options.Parameters, forced) {
			notes.scan([]byte(parameter.Value))
			text := parameter.Name + "=" + escapeCommas(parameter.Value)
			parse, flag := strvals.ParseInto, "--set"
			if forced {
				parse, flag = strvals.ParseIntoString, "--set-string"
			}
			if err := parse(text, merged); err != nil {
				return fault.New(fault.Render, "failed parsing %s data of parameter '%s'", flag, parameter.Name)
			}
		}
	}
	for _, parameter := range options.FileParameters {
		read := func(name []rune) (any, error) {
			data, err := view.Read(place(folder, string(name)))
			if err != nil {
				return nil, pathError(string(name), err)
			}
			notes.scan(data)
			return string(data), nil
		}
		if err := strvals.ParseIntoFile(parameter.Name+"="+escapeCommas(parameter.Path), merged, read); err != nil {
			return fmt.Errorf("failed parsing --set-file data of parameter '%s': %w", parameter.Name, err)
		}
	}
	return nil
}

// last keeps one value per name, the last, at the name's first place.
func last(all []Parameter, forced bool) []Parameter {
	var kept []Parameter
	at := map[string]int{}
	for _, parameter := range all {
		if parameter.ForceString != forced {
			continue
		}
		if index, known := at[parameter.Name]; known {
			kept[index] = parameter
			continue
		}
		at[parameter.Name] = len(kept)
		kept = append(kept, parameter)
	}
	return kept
}

// escapeCommas keeps a value one value, unless it is a list in braces.
func escapeCommas(value string) string {
	if strings.HasPrefix(value, "{") && strings.HasSuffix(value, "}") {
		return value
	}
	var out strings.Builder
	for index := 0; index < len(value); index++ {
		if value[index] == ',' && (index == 0 || value[index-1] != '\\') {
			out.WriteByte('\\')
		}
		out.WriteByte(value[index])
	}
	return out.String()
}

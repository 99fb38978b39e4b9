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
	"tiphys.dev/engine/internal/remote"
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
func (s *source) values() (map[string]any, error) {
	merged := map[string]any{}
	add := func(text []byte, name string) error {
		if err := manifest.Guard(text); err != nil {
			return err
		}
		s.notes.scan(text)
		layer, err := loader.LoadValues(bytes.NewReader(text))
		if err != nil {
			return fmt.Errorf("failed to parse %s: %w", name, manifest.WithoutContent(err))
		}
		merged = loader.MergeMaps(merged, layer)
		return nil
	}
	texts, err := s.valueFiles()
	if err != nil {
		return nil, err
	}
	for _, text := range texts {
		if err := add(text.data, text.name); err != nil {
			return nil, err
		}
	}
	if s.options.Values != "" {
		if err := add([]byte(s.options.Values), "values"); err != nil {
			return nil, err
		}
	}
	return merged, s.parameters(merged)
}

type namedText struct {
	name string
	data []byte
}

// valueFiles reads each file once, all that lie outside the chart in one call.
func (s *source) valueFiles() ([]namedText, error) {
	names, err := s.listed()
	if err != nil {
		return nil, err
	}
	var wanted []string
	for _, name := range append(slices.Clone(names), filePaths(s.options)...) {
		wanted = append(wanted, s.place(name))
	}
	if err := s.view.Prefetch(inside(wanted)); err != nil {
		return nil, err
	}
	var texts []namedText
	for _, name := range names {
		if remote.IsURL(name) && s.place(name) == "" {
			continue
		}
		data, err := s.view.Read(s.place(name))
		if errors.Is(err, fs.ErrNotExist) && s.options.IgnoreMissingValueFiles && !remote.IsURL(name) {
			continue
		}
		if err != nil {
			return nil, pathError(name, err)
		}
		texts = append(texts, namedText{name: shown(name), data: data})
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
		if strings.HasPrefix(name, tree.Mount) {
			kept = append(kept, tree.Clean(name))
			continue
		}
		if clean := path.Clean(name); name != "" && clean != ".." && !strings.HasPrefix(clean, "../") {
			kept = append(kept, clean)
		}
	}
	return kept
}

// place puts a name beside the chart, at the root of the repository when it begins with `/`, in
// the tree that it names, or where the file behind a URL is mounted: "" when it is not yet. It is
// not cleaned: the tree follows `..` step by step.
func (s *source) place(name string) string {
	if remote.IsURL(name) {
		mounted, ok := s.mounts.FindFile(name)
		if !ok {
			return ""
		}
		return mounted
	}
	return place(s.folder, name)
}

func place(folder, name string) string {
	if strings.HasPrefix(name, tree.Mount) {
		return name
	}
	if strings.HasPrefix(name, "/") {
		return "./" + strings.TrimLeft(name, "/")
	}
	if folder == "" {
		return "./" + name
	}
	return folder + "/" + name
}

// shown is a name as its user wrote it.
func shown(name string) string {
	if rest, found := strings.CutPrefix(name, tree.Mount); found {
		return "$" + rest
	}
	return name
}

func pathError(name string, err error) error {
	if errors.Is(err, tree.ErrEscape) {
		return fault.New(fault.Render, "illegal filepath: file '%s' resolved to outside repository root", shown(name))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.Render, "open %s: no such file or directory", shown(name))
	}
	return err
}

func (s *source) parameters(merged map[string]any) error {
	for _, forced := range []bool{false, true} {
		for _, parameter := range last(s.options.Parameters, forced) {
			s.notes.scan([]byte(parameter.Value))
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
	for _, parameter := range s.options.FileParameters {
		read := func(name []rune) (any, error) {
			file := s.place(string(name))
			if file == "" {
				return "", nil
			}
			data, err := s.view.Read(file)
			if err != nil {
				return nil, pathError(string(name), err)
			}
			s.notes.scan(data)
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

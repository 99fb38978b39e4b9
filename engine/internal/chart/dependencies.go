package chart

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	"helm.sh/helm/v4/pkg/chart/v2"

	"tiphys.dev/engine/internal/fault"
	"tiphys.dev/engine/internal/remote"
	"tiphys.dev/engine/internal/tree"
)

const localScheme = "file://"

// complete adds what `helm dependency build` would put into charts/ when something is missing
// there: charts of the same tree at once, others where they are mounted. What nobody can fetch
// is an error in Helm's words.
func (s *source) complete(chart *v2.Chart) error {
	missing := missing(chart)
	if len(missing) == 0 {
		return nil
	}
	var nowhere []string
	for _, dependency := range missing {
		if !fetchable(dependency.Repository) && !slices.Contains(nowhere, dependency.Name) {
			nowhere = append(nowhere, dependency.Name)
		}
	}
	if len(nowhere) > 0 {
		return incomplete(nowhere)
	}
	if err := checkLock(chart); err != nil {
		return err
	}
	for _, dependency := range missing {
		if err := s.add(chart, dependency, locked(chart, dependency)); err != nil {
			return err
		}
	}
	return nil
}

// incomplete is what Helm says of dependencies that are nowhere.
func incomplete(names []string) error {
	return fault.New(fault.Render, "an error occurred while checking for chart dependencies. You may need to "+
		"run `helm dependency build` to fetch missing dependencies: "+
		"found in Chart.yaml, but missing in charts/ directory: %s", strings.Join(names, ", "))
}

// missing are the dependencies of whose name there is no chart.
func missing(chart *v2.Chart) []*v2.Dependency {
	var missing []*v2.Dependency
	for _, wanted := range chart.Metadata.Dependencies {
		present := slices.ContainsFunc(chart.Dependencies(), func(dependency *v2.Chart) bool {
			return dependency.Metadata.Name == wanted.Name
		})
		if !present {
			missing = append(missing, wanted)
		}
	}
	return missing
}

func fetchable(repository string) bool {
	for _, prefix := range []string{"https://", "http://", "oci://", localScheme, "@", "alias:"} {
		if strings.HasPrefix(repository, prefix) {
			return true
		}
	}
	return false
}

// add puts one dependency beneath the chart, once for each version, whatever its aliases.
func (s *source) add(chart *v2.Chart, dependency *v2.Dependency, version string) error {
	var found *v2.Chart
	var err error
	if strings.HasPrefix(dependency.Repository, localScheme) {
		found, err = s.local(dependency)
	} else {
		found, err = s.mounted(dependency, version)
	}
	if err != nil || found == nil {
		return err
	}
	for _, present := range chart.Dependencies() {
		if present.Metadata.Name == found.Metadata.Name && present.Metadata.Version == found.Metadata.Version {
			return nil
		}
	}
	chart.AddDependency(found)
	return nil
}

// local loads a chart that lies beside this one in the tree.
func (s *source) local(dependency *v2.Dependency) (*v2.Chart, error) {
	name := strings.TrimPrefix(dependency.Repository, localScheme)
	folder := "./" + s.folder + "/" + name
	if strings.HasPrefix(s.folder, tree.Mount) {
		folder = s.folder + "/" + name
	}
	real, kind, err := s.view.Stat(folder)
	if path.IsAbs(name) || errors.Is(err, fs.ErrNotExist) || err == nil && kind != tree.Folder {
		return nil, fault.New(fault.Render, "directory %s not found", name)
	}
	if err != nil {
		return nil, pathError(dependency.Repository, err)
	}
	found, err := load(s.view, real)
	if err != nil {
		return nil, fmt.Errorf("dependency %q: %w", dependency.Name, err)
	}
	constraint, err := semver.NewConstraint(dependency.Version)
	if err != nil {
		return nil, fault.New(fault.Render,
			"dependency %q has an invalid version/constraint format", dependency.Name)
	}
	version, err := semver.NewVersion(found.Metadata.Version)
	if err != nil || !constraint.Check(version) {
		return nil, fault.New(fault.Render, "can't get a valid version for 1 subchart(s): "+
			"%q (repository %q, version %q). Make sure a matching chart version exists in the repo, "+
			"or change the version constraint in Chart.yaml",
			dependency.Name, dependency.Repository, dependency.Version)
	}
	return found, nil
}

// mounted loads what the caller fetched; nothing when it has not yet.
func (s *source) mounted(dependency *v2.Dependency, version string) (*v2.Chart, error) {
	root, ok := s.mounts.Find(remote.Remote{
		Kind: remote.Chart, URL: dependency.Repository, Revision: version, Name: dependency.Name,
	})
	if !ok {
		return nil, nil
	}
	found, err := loadPacked(s.view, root)
	if err != nil {
		return nil, fmt.Errorf("dependency %q: %w", dependency.Name, err)
	}
	return found, nil
}

// locked gives the version that the lock file has for a dependency, or what Chart.yaml asks for.
func locked(chart *v2.Chart, dependency *v2.Dependency) string {
	if chart.Lock == nil {
		return dependency.Version
	}
	all, locks := chart.Metadata.Dependencies, chart.Lock.Dependencies
	if at := slices.Index(all, dependency); at < len(locks) && locks[at].Name == dependency.Name {
		return locks[at].Version
	}
	for _, lock := range locks {
		if lock.Name == dependency.Name {
			return lock.Version
		}
	}
	return dependency.Version
}

// checkLock refuses a lock file that was made for other dependencies. Where one is named by its
// repository's name the lock was made with the URL behind it, which is not known here.
func checkLock(chart *v2.Chart) error {
	if chart.Lock == nil {
		return nil
	}
	wanted := chart.Metadata.Dependencies
	for _, dependency := range wanted {
		if strings.HasPrefix(dependency.Repository, "@") || strings.HasPrefix(dependency.Repository, "alias:") {
			return nil
		}
	}
	if digest([2][]*v2.Dependency{wanted, chart.Lock.Dependencies}) == chart.Lock.Digest {
		return nil
	}
	if chart.Metadata.APIVersion != v2.APIVersionV1 {
		return fault.New(fault.Render, "the lock file (Chart.lock) is out of sync with the dependencies "+
			"file (Chart.yaml). Please update the dependencies with 'helm dependency update'")
	}
	// The form of Helm 2, which such charts may still have.
	if digest(map[string][]*v2.Dependency{"dependencies": wanted}) == chart.Lock.Digest {
		return nil
	}
	return fault.New(fault.Render, "the lock file (requirements.lock) is out of sync with the "+
		"dependencies file (requirements.yaml). Please update the dependencies")
}

func digest(value any) string {
	encoded, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(bytes.TrimSpace(encoded))
	return "sha256:" + hex.EncodeToString(sum[:])
}

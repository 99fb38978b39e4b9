package kustomize

import (
	"path"
	"regexp"
	"strings"

	"tiphys.dev/engine/internal/chart"
	"tiphys.dev/engine/internal/defence"
	"tiphys.dev/engine/internal/fault"
	"tiphys.dev/engine/internal/manifest"
	"tiphys.dev/engine/internal/remote"
	"tiphys.dev/engine/internal/tree"
)

// maxLevels bounds how deep overlays may stand on one another.
const maxLevels = 64

// walker goes through all kustomizations of a build before Kustomize does, level by level, so that
// one call fetches a level. It finds what lies outside of the trees; and when all of that is there,
// it goes again and lays over every kustomization that needs it one that names only what is in the
// trees, charts rendered: Kustomize itself would start `git`, `helm` and an HTTP client.
type walker struct {
	view    *tree.Tree
	files   *fileSystem
	options Options
	mounts  *remote.Mounts
	notes   *chart.Notes
	seen    map[visit]bool
	// remotes and charts say what the first round found; edit is the second round.
	remotes, charts, edit bool
}

type visit struct {
	at     *place
	folder string
}

func (w *walker) prepare(folder string) error {
	start := visit{w.files.placeOf("", "", repository{}), folder}
	if err := w.round(start); err != nil {
		return err
	}
	if err := w.mounts.Check(); err != nil {
		return err
	}
	if !w.remotes && !w.charts {
		return nil
	}
	w.edit = true
	return w.round(start)
}

func (w *walker) round(start visit) error {
	w.seen = map[visit]bool{}
	level := []visit{start}
	for depth := 0; len(level) > 0; depth++ {
		if depth > maxLevels {
			return fault.New(fault.Limit, "kustomizations stand more than %d levels deep", maxLevels)
		}
		found, err := w.readAll(level)
		if err != nil {
			return err
		}
		if err := w.prefetch(found); err != nil {
			return err
		}
		level = level[:0]
		for _, one := range found {
			next, err := w.follow(one)
			if err != nil {
				return err
			}
			level = append(level, next...)
		}
	}
	return nil
}

func (w *walker) readAll(level []visit) ([]*kustomization, error) {
	var found []*kustomization
	for _, next := range level {
		if w.seen[next] {
			continue
		}
		w.seen[next] = true
		one, err := read(w.view, next.at, next.folder)
		if err != nil {
			return nil, err
		}
		if one != nil {
			found = append(found, one)
		}
	}
	return found, nil
}

// prefetch asks for all that a level names in the trees, in one call.
func (w *walker) prefetch(level []*kustomization) error {
	var wanted []string
	for _, one := range level {
		for _, entry := range one.references.files() {
			if name, ok := below(one.folder, entry); ok && !isURL(entry) {
				wanted = append(wanted, name)
			}
		}
		for _, field := range mixedFields {
			for _, entry := range one.list(field) {
				if name, ok := w.known(one, entry); ok {
					wanted = append(wanted, name)
				}
			}
		}
	}
	return w.view.Prefetch(wanted)
}

// known gives where an entry is, in the same tree or in one that is mounted.
func (w *walker) known(one *kustomization, entry string) (string, bool) {
	if isDownload(entry) {
		return "", false
	}
	if spec, ok := parseRepository(entry); ok {
		root, mounted := w.mounts.Find(spec.remote())
		return path.Join(root, spec.folder), mounted
	}
	return below(one.folder, entry)
}

func (r repository) remote() remote.Remote {
	return remote.Remote{Kind: remote.Tree, URL: r.url, Revision: r.revision}
}

// follow gives the kustomizations that one names, and edits it in the second round.
func (w *walker) follow(one *kustomization) ([]visit, error) {
	inherited := one.at.namespace
	if w.edit && w.charts && one.references.Namespace != "" {
		inherited = one.references.Namespace
	}
	var next []visit
	edits := map[string]string{}
	for _, field := range mixedFields {
		for _, entry := range one.list(field) {
			found, instead, err := w.entry(one, field, entry, inherited)
			if err != nil {
				return nil, err
			}
			next = append(next, found...)
			if instead != "" {
				edits[entry] = instead
			}
		}
	}
	for _, entry := range one.references.files() {
		if !isURL(entry) {
			continue
		}
		instead, err := w.download(one, entry)
		if err != nil {
			return nil, err
		}
		edits[entry] = instead
	}
	var inflated inflated
	err := w.view.Aloud(func() (err error) {
		inflated, err = w.inflateAll(one, inherited)
		return err
	})
	if err != nil {
		return nil, err
	}
	if w.edit && len(edits)+len(inflated.resources)+len(inflated.generators) > 0 {
		return next, w.rewrite(one, edits, inflated)
	}
	return next, nil
}

// entry follows one name of a file or a kustomization, and says what to write in its place.
func (w *walker) entry(one *kustomization, field, entry, inherited string) (next []visit, instead string, err error) {
	if field != "components" && isDownload(entry) {
		instead, err = w.download(one, entry)
		return nil, instead, err
	}
	if spec, ok := parseRepository(entry); ok {
		w.remotes = true
		root, mounted := w.mounts.Find(spec.remote())
		if !mounted {
			return nil, "", nil
		}
		at := w.files.placeOf(root, inherited, spec)
		folder := path.Join(root, spec.folder)
		// Where it is can be behind links: the next kustomization is known by its real folder.
		if real, kind, err := w.view.Stat(folder); err == nil && kind == tree.Folder {
			next = append(next, visit{at, real})
		}
		return next, relative(one, at, folder), nil
	}
	name, ok := below(one.folder, entry)
	if !ok {
		return nil, "", nil
	}
	real, kind, err := w.view.Stat(name)
	if err != nil || kind != tree.Folder {
		// A file, or nothing: Kustomize has the words for it.
		return nil, "", nil
	}
	if inherited == one.at.namespace {
		return []visit{{one.at, real}}, "", nil
	}
	at := w.files.placeOf(one.at.root, inherited, one.at.remote)
	return []visit{{at, real}}, relative(one, at, name), nil
}

// relative is a way from a kustomization to a folder in another place.
func relative(one *kustomization, at *place, folder string) string {
	from := strings.Trim(one.at.path(one.folder), "/")
	up := strings.Repeat("../", strings.Count(from, "/")+1)
	return up + strings.Trim(at.path(folder), "/")
}

// download gives the name of a file of ours with the content behind a URL.
func (w *walker) download(one *kustomization, url string) (string, error) {
	w.remotes = true
	name, mounted := w.mounts.FindFile(url)
	if !mounted || !w.edit {
		return "", nil
	}
	data, err := w.view.Read(name)
	if err != nil {
		return "", err
	}
	if err := manifest.Guard(data); err != nil {
		return "", err
	}
	return w.files.lay(one.at, one.folder, data, originOfURL(url)), nil
}

var userInfo = regexp.MustCompile(`//[^/@]*@`)

// redact takes a user and password out of a URL.
func redact(entry string) string {
	if !defence.On {
		return entry
	}
	return userInfo.ReplaceAllString(entry, "//")
}

package tree

import (
	"errors"
	"io/fs"
	"slices"
	"testing"
)

// table is a source that holds everything and counts what it is asked.
type table struct {
	entries map[string]Entry
	data    map[string]string
	asked   [][]string
}

func newTable(files map[string]string, links map[string]string) *table {
	source := &table{entries: map[string]Entry{}, data: map[string]string{}}
	put := func(name, text string, kind Kind) {
		source.entries[name] = Entry{Path: name, Kind: kind, Size: len(text)}
		source.data[name] = text
		for name != Root(name) {
			above := parent(name)
			folder, ok := source.entries[above]
			if !ok {
				folder = Entry{Path: above, Kind: Folder, Children: map[string]Kind{}}
			}
			folder.Children[name[len(above)+min(1, len(above)):]] = kind
			source.entries[above] = folder
			name, kind = above, Folder
		}
	}
	for name, text := range files {
		put(name, text, File)
	}
	for name, target := range links {
		put(name, target, Link)
	}
	return source
}

func (s *table) Need(paths, folders []string) ([]Entry, []byte, error) {
	s.asked = append(s.asked, append(slices.Clone(paths), folders...))
	var entries []Entry
	var body []byte
	add := func(name string) {
		if entry, ok := s.entries[name]; ok {
			entries = append(entries, entry)
			body = append(body, s.data[name]...)
		}
	}
	for _, name := range paths {
		add(name)
	}
	for _, name := range folders {
		add(name)
		for child, kind := range s.entries[name].Children {
			if kind != Folder {
				add(name + "/" + child)
			}
		}
	}
	return entries, body, nil
}

func view(source Source) *Tree { return New(source, Limits{Bytes: 1 << 20, Files: 1000}) }

func TestReadFollowsLinksInside(t *testing.T) {
	source := newTable(
		map[string]string{"real/deep/a.txt": "hello", "b.txt": "b"},
		map[string]string{"app/link": "../real/deep", "app/far": "link/../../b.txt", "app/file": "./link/a.txt"},
	)
	for name, want := range map[string]string{
		"app/link/a.txt": "hello", "app/file": "hello", "app/link/../deep/a.txt": "hello",
		"./app//link/./a.txt": "hello",
	} {
		got, err := view(source).Read(name)
		if err != nil || string(got) != want {
			t.Errorf("Read(%q) = %q, %v", name, got, err)
		}
	}
}

func TestDotDotBehindALinkIsPhysical(t *testing.T) {
	source := newTable(map[string]string{"real/x": "beside", "app/x": "wrong"}, map[string]string{"app/link": "../real/deep", "real/deep/y": "z"})
	got, err := view(source).Read("app/link/../x")
	if err != nil || string(got) != "beside" {
		t.Fatalf("got %q, %v", got, err)
	}
}

func TestNothingLeaves(t *testing.T) {
	source := newTable(
		map[string]string{"app/a.txt": "a"},
		map[string]string{
			"up": "..", "app/out": "../../x", "app/abs": "/etc/passwd", "app/self": "self",
			"app/one": "two", "app/two": "one", "app/hop": "../up/x",
		},
	)
	for _, name := range []string{
		"..", "../x", "app/../../x", "up", "up/x", "app/out", "app/abs", "app/self", "app/one",
		"app/hop", "app/out/a/b",
	} {
		if _, err := view(source).Read(name); !errors.Is(err, ErrEscape) {
			t.Errorf("Read(%q): %v", name, err)
		}
	}
}

func TestReadsAreExact(t *testing.T) {
	source := newTable(
		map[string]string{"a/x": "1", "a/y": "2", "b/z": "3", "c/deep/w": "4"},
		map[string]string{"a/link": "../b"},
	)
	tree := view(source)
	_, _ = tree.Read("a/x")
	_, _ = tree.Read("a/link/z")
	_, _ = tree.Read("a/none/deeper")
	_, _ = tree.Read("a/y/behind")
	_, _, _ = tree.Stat("c/deep")
	_, _, _ = tree.Stat("b")
	reads := tree.Reads()
	for name, pair := range map[string][2][]string{
		"files":    {reads.Files, {"a/link", "a/x", "a/y", "b/z"}},
		"listings": {reads.Listings, {"c/deep"}},
		"absent":   {reads.Absent, {"a/none"}},
	} {
		if !slices.Equal(pair[0], pair[1]) {
			t.Errorf("%s: %v, not %v", name, pair[0], pair[1])
		}
	}
}

func TestAListingStandsForWhatIsBelow(t *testing.T) {
	tree := view(newTable(map[string]string{"a/x": "1", "a/b/y": "2", "ab/z": "3"}, nil))
	_, _ = tree.Read("a/b/y")
	_, _ = tree.Read("a/none")
	_, _ = tree.Read("ab/z")
	_, _, _ = tree.List("a/b")
	_, _, _ = tree.List("a")
	reads := tree.Reads()
	if !slices.Equal(reads.Listings, []string{"a"}) || !slices.Equal(reads.Files, []string{"ab/z"}) || len(reads.Absent) != 0 {
		t.Errorf("%+v", reads)
	}
}

func TestQuietLooksLeaveNoTrace(t *testing.T) {
	tree := view(newTable(map[string]string{"a": "1"}, nil))
	_ = tree.Quietly(func() error { _, err := tree.Read("a"); return err })
	if reads := tree.Reads(); len(reads.Files) != 0 {
		t.Errorf("%+v", reads)
	}
}

func TestPrefetchAsksOnce(t *testing.T) {
	source := newTable(map[string]string{"a/b/x": "1", "c/y": "2"}, nil)
	tree := view(source)
	if err := tree.Prefetch([]string{"a/b", "c/y", "d/none"}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a/b/x", "c/y"} {
		if _, err := tree.Read(name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"d/none", "a/b/none"} {
		if _, err := tree.Read(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := tree.Prefetch([]string{"a/b", "c/y", "d/none", "a/b/none"}); err != nil || len(source.asked) != 1 {
		t.Errorf("asked %v, %v", source.asked, err)
	}
}

func TestLimits(t *testing.T) {
	source := newTable(map[string]string{"a": "12345", "b": "12345"}, nil)
	tree := New(source, Limits{Bytes: 8, Files: 100})
	if _, err := tree.Read("a"); err != nil {
		t.Fatal(err)
	}
	if _, err := tree.Read("b"); err == nil {
		t.Error("ten bytes passed a limit of eight")
	}
}

func TestTreesBesideTheMainOne(t *testing.T) {
	source := newTable(
		map[string]string{"a.txt": "main", "\x01v/a.txt": "values", "\x01v/d/b.txt": "b", "\x01w/s": "secret"},
		map[string]string{
			"\x01v/l": "d/b.txt", "\x01v/up": "../a.txt", "\x01v/d/far": "../../\x01w/s",
			"over": "\x01w/s", "dots": "./\x01w/s",
		},
	)
	for name, want := range map[string]string{
		"\x01v/a.txt": "values", "\x01v/l": "b", "\x01v/d/../a.txt": "values", "a.txt": "main",
	} {
		got, err := view(source).Read(name)
		if err != nil || string(got) != want {
			t.Errorf("Read(%q) = %q, %v", name, got, err)
		}
	}
	for _, name := range []string{
		"\x01v/..", "\x01v/../a.txt", "\x01v/up", "\x01v/d/far", "\x01v/d/../../\x01w/s",
		"over", "dots", "./\x01w/s",
	} {
		if _, err := view(source).Read(name); !errors.Is(err, ErrEscape) {
			t.Errorf("Read(%q): %v", name, err)
		}
	}
}

func TestReadsOfTreesBesideTheMainOne(t *testing.T) {
	source := newTable(map[string]string{"x": "", "\x01v/d/a": "", "\x01v/e/b": "", "\x01w/c": ""}, nil)
	tree := view(source)
	tree.Ignore("\x01w")
	_, _, _ = tree.List("")
	_, _ = tree.Read("\x01v/d/a")
	_, _, _ = tree.List("\x01v/e")
	_, _, _ = tree.Stat("\x01v")
	_, _ = tree.Read("\x01v/none")
	_, _ = tree.Read("\x01w/c")
	_, _ = tree.Read("\x01w/none")
	_, _, _ = tree.List("\x01w")
	reads := tree.Reads()
	if !slices.Equal(reads.Files, []string{"\x01v/d/a"}) || !slices.Equal(reads.Listings, []string{"", "\x01v/e"}) ||
		!slices.Equal(reads.Absent, []string{"\x01v/none"}) {
		t.Errorf("%+v", reads)
	}
}

func TestPrefetchOfATreeBesideTheMainOne(t *testing.T) {
	source := newTable(map[string]string{"\x01v/d/a": "1", "\x01v/b": "2"}, nil)
	tree := view(source)
	if err := tree.Prefetch([]string{"\x01v", "\x01v/d/a"}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"\x01v/b", "\x01v/d/a"} {
		if _, err := tree.Read(name); err != nil {
			t.Error(err)
		}
	}
	if len(source.asked) != 1 {
		t.Errorf("asked %q", source.asked)
	}
}

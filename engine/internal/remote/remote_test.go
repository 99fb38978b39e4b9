package remote

import (
	"errors"
	"testing"

	"tiphys.dev/engine/internal/tree"
)

func TestWhatIsMissingIsAskedForOnceAndAtOnce(t *testing.T) {
	here := Remote{Kind: Chart, URL: "https://example.com", Revision: "1.0.0", Name: "db"}
	view := tree.New(nil, tree.Limits{})
	mounts := New([]Mount{{Remote: here, Tree: "m"}}, view)
	if root, ok := mounts.Find(here); !ok || root != "\x01m" {
		t.Errorf("%q %v", root, ok)
	}
	if err := mounts.Check(); err != nil {
		t.Error(err)
	}
	other := here
	other.Revision = "2.0.0"
	for range 2 {
		if _, ok := mounts.Find(other); ok {
			t.Error("another version is another chart")
		}
		if _, ok := mounts.FindFile("https://example.com/v.yaml"); ok {
			t.Error("nobody mounted the file")
		}
	}
	var needed *NeededError
	if !errors.As(mounts.Check(), &needed) || len(needed.Remotes) != 2 {
		t.Errorf("%v", needed)
	}
}

func TestAMountedFileHasOneName(t *testing.T) {
	file := Remote{Kind: File, URL: "https://example.com/v.yaml"}
	mounts := New([]Mount{{Remote: file, Tree: "f"}}, tree.New(nil, tree.Limits{}))
	if name, ok := mounts.FindFile(file.URL); !ok || name != "\x01f/content" {
		t.Errorf("%q %v", name, ok)
	}
}

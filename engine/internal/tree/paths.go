package tree

import (
	"fmt"
	"path"
	"strings"
)

// Root gives the root that a path begins at: "" for the main tree.
func Root(name string) string {
	if !strings.HasPrefix(name, Mount) {
		return ""
	}
	root, _, _ := strings.Cut(name, "/")
	return root
}

// parent gives the folder above; a root is its own.
func parent(name string) string {
	cut := strings.LastIndexByte(name, '/')
	if cut < 0 {
		return Root(name)
	}
	return name[:cut]
}

// Clean removes `.` and `..` without leaving the root that the path begins at.
func Clean(name string) string {
	root := Root(name)
	inside := strings.TrimPrefix(path.Clean("/"+strings.TrimPrefix(name, root)), "/")
	return path.Join(root, inside)
}

func display(name string) string {
	return strings.TrimPrefix(Clean(name), Mount)
}

// Escape is the error for a path that leaves the tree.
func Escape(name string) error {
	return fmt.Errorf("%w: '%s' leads out of the repository", ErrEscape, strings.TrimPrefix(name, Mount))
}

package chart

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"unsafe"

	"helm.sh/helm/v4/pkg/chart/common"
)

// Notes is what the charts of a render read of the cluster's capabilities, and what they called.
type Notes struct {
	kubeVersion bool
	asked       map[string]struct{}
	all         bool
	handed      map[*string]bool
	guarded     bool
	called      map[string]struct{}
	warnings    []string
}

// NewNotes makes the notes of one render, whatever the number of its charts.
func NewNotes() *Notes {
	return &Notes{
		asked: map[string]struct{}{}, handed: map[*string]bool{}, called: map[string]struct{}{},
	}
}

// Reads closes the notes. A list of versions that was handed out and never asked with `Has`
// went somewhere that cannot be followed, and counts as read whole.
func (n *Notes) Reads() (kubeVersion bool, asked []string, all bool) {
	all = n.all
	for _, used := range n.handed {
		all = all || !used
	}
	asked = []string{}
	for name := range n.asked {
		asked = append(asked, name)
	}
	slices.Sort(asked)
	return n.kubeVersion, asked, all
}

// open is a use of the versions other than `.APIVersions.Has`: a loop, a variable, a function.
var open = regexp.MustCompile(`APIVersions(?:[^.A-Za-z0-9_]|\.(?:[^H]|H[^a]|Ha[^s])|$)`)

// scan looks for such a use in a text that may be run as a template.
func (n *Notes) scan(text []byte) {
	n.guarded = n.guarded || open.Match(text)
}

// current receives the notes of `Has`: a slice has no place for a pointer to them, and one
// request runs at a time.
var current *Notes

// versions is what templates see as `.Capabilities.APIVersions`.
type versions []string

// Has notes the name that was asked for.
func (v versions) Has(name string) bool {
	current.asked[name] = struct{}{}
	current.handed[unsafe.SliceData(v)] = true
	return slices.Contains(v, name)
}

// capabilities is what templates see as `.Capabilities`: methods in place of Helm's fields, so
// that every read is seen. Templates cannot tell the two apart.
type capabilities struct {
	helm  *common.Capabilities
	notes *Notes
}

func watch(helm *common.Capabilities, notes *Notes) *capabilities {
	current = notes
	return &capabilities{helm: helm, notes: notes}
}

// KubeVersion notes that the cluster's version was read.
func (c *capabilities) KubeVersion() *common.KubeVersion {
	c.notes.kubeVersion = true
	return &c.helm.KubeVersion
}

// APIVersions hands out a copy of its own, so that the use of each can be told.
func (c *capabilities) APIVersions() versions {
	list := append(make(versions, 0, len(c.helm.APIVersions)+1), c.helm.APIVersions...)
	c.notes.handed[unsafe.SliceData(list)] = false
	c.notes.all = c.notes.all || c.notes.guarded
	return list
}

// HelmVersion is a fact of this program and no read.
func (c *capabilities) HelmVersion() any { return c.helm.HelmVersion }

// MarshalJSON is `toJson .Capabilities`: it reads everything.
func (c *capabilities) MarshalJSON() ([]byte, error) {
	c.notes.kubeVersion, c.notes.all = true, true
	return json.Marshal(c.helm)
}

// String is `print .Capabilities`.
func (c *capabilities) String() string {
	c.notes.kubeVersion, c.notes.all = true, true
	return fmt.Sprint(*c.helm)
}

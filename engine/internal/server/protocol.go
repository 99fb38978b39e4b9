package server

import (
	"encoding/json"

	"tiphys.dev/engine/internal/remote"
	"tiphys.dev/engine/internal/tree"
)

// Version of the protocol; the caller refuses another one.
const Version = 2

// Hello is the first frame, once per process.
type Hello struct {
	Type     string   `json:"type"`
	Protocol int      `json:"protocol"`
	Sandbox  []string `json:"sandbox"`
	Missing  []string `json:"missing"`
	Limits   Limits   `json:"limits"`
}

// Request asks for one operation; the entries' contents are the frame's body.
type Request struct {
	ID          int             `json:"id"`
	Op          string          `json:"op"`
	Application string          `json:"application"`
	Path        string          `json:"path"`
	Options     json.RawMessage `json:"options"`
	DeadlineMS  int             `json:"deadlineMs"`
	Entries     []tree.Entry    `json:"entries"`
	Mounts      []remote.Mount  `json:"mounts"`
}

// Need asks the caller for entries while a request runs.
type Need struct {
	Type    string   `json:"type"`
	ID      int      `json:"id"`
	Paths   []string `json:"paths"`
	Folders []string `json:"folders"`
}

// Answer to Need. Paths that are not there are left out, or have the kind "absent".
type Answer struct {
	ID      int          `json:"id"`
	Entries []tree.Entry `json:"entries"`
}

// Remotes ends a request that names what is not mounted: the caller fetches it and asks again.
type Remotes struct {
	Type    string          `json:"type"`
	ID      int             `json:"id"`
	Remotes []remote.Remote `json:"remotes"`
}

// Result ends a request; the manifests are the frame's body, a JSON array.
type Result struct {
	Type     string      `json:"type"`
	ID       int         `json:"id"`
	Reads    *tree.Reads `json:"reads,omitempty"`
	Needs    int         `json:"needs"`
	Warnings []string    `json:"warnings,omitempty"`
}

// Failure ends a request; Last says that it ends the process too. Item is the document that an
// evaluation was at.
type Failure struct {
	Type string `json:"type"`
	ID   int    `json:"id"`
	Code string `json:"code"`
	Text string `json:"text"`
	Last bool   `json:"last,omitempty"`
	Item *int   `json:"item,omitempty"`
}

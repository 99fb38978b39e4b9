package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// ErrSeveral is a JSON file with more than one value.
var ErrSeveral = errors.New("more than one object")

// SingleJSON reads a file that has to hold exactly one Kubernetes object.
func SingleJSON(text []byte) (json.RawMessage, error) {
	if len(text) > MaxDocument {
		return nil, Guard(text)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	var object json.RawMessage
	if err := decoder.Decode(&object); err != nil {
		return nil, WithoutContent(err)
	}
	if err := guardDepth(object); err != nil {
		return nil, err
	}
	if err := checkObject(object); err != nil {
		return nil, err
	}
	var next json.RawMessage
	if err := decoder.Decode(&next); !errors.Is(err, io.EOF) {
		return nil, ErrSeveral
	}
	return object, nil
}

// IsImageManifest says that a JSON file is an OCI image manifest, which lies beside the
// manifests in a folder that came out of a registry.
func IsImageManifest(text []byte) bool {
	var head struct {
		SchemaVersion int              `json:"schemaVersion"`
		Config        *json.RawMessage `json:"config"`
		Layers        *json.RawMessage `json:"layers"`
	}
	err := json.Unmarshal(text, &head)
	return err == nil && head.SchemaVersion != 0 && head.Config != nil && head.Layers != nil
}

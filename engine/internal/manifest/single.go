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

// Generated reads what a program made: one Kubernetes object or an array of them.
func Generated(text []byte) ([]json.RawMessage, error) {
	if err := guardDepth(text); err != nil {
		return nil, err
	}
	objects := []json.RawMessage{bytes.TrimSpace(text)}
	if bytes.HasPrefix(objects[0], []byte("[")) {
		if err := json.Unmarshal(text, &objects); err != nil {
			return nil, WithoutContent(err)
		}
	}
	var kept []json.RawMessage
	for _, object := range objects {
		if bytes.Equal(object, []byte("null")) {
			continue
		}
		if err := checkObject(object); err != nil {
			return nil, err
		}
		kept = append(kept, object)
	}
	return kept, nil
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

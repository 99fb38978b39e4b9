// Package manifest turns YAML and JSON text into Kubernetes objects as JSON, with the
// semantics of sigs.k8s.io/yaml and the documents split as kubectl does.
package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"

	"tiphys.dev/engine/internal/fault"
)

// ErrNoKind is a document that is no Kubernetes object.
var ErrNoKind = errors.New("Object 'Kind' is missing")

// ErrNoObject is a document that is no mapping.
var ErrNoObject = errors.New("document is not an object")

// Documents gives every document as JSON, empty and null ones dropped. With an error come the
// documents before it.
func Documents(text []byte) ([]json.RawMessage, error) {
	if err := Guard(text); err != nil {
		return nil, err
	}
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	var documents []json.RawMessage
	for {
		extension := runtime.RawExtension{}
		if err := decoder.Decode(&extension); err != nil {
			if errors.Is(err, io.EOF) {
				return documents, nil
			}
			return documents, WithoutContent(err)
		}
		raw := bytes.TrimSpace(extension.Raw)
		if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
			continue
		}
		if err := guardDepth(raw); err != nil {
			return documents, err
		}
		documents = append(documents, raw)
	}
}

// Objects gives every document as a Kubernetes object. With an error come those before it.
func Objects(text []byte) ([]json.RawMessage, error) {
	documents, failure := Documents(text)
	for index, document := range documents {
		if err := checkObject(document); err != nil {
			return documents[:index], err
		}
	}
	return documents, failure
}

func checkObject(document json.RawMessage) error {
	var head struct {
		Kind any `json:"kind"`
	}
	if document[0] != '{' {
		return ErrNoObject
	}
	if err := json.Unmarshal(document, &head); err != nil {
		return WithoutContent(err)
	}
	if kind, ok := head.Kind.(string); !ok || kind == "" {
		return ErrNoKind
	}
	return nil
}

// Expand replaces every object that has an `items` array by its items, and drops an empty List.
func Expand(objects []json.RawMessage) ([]json.RawMessage, error) {
	expanded := make([]json.RawMessage, 0, len(objects))
	for _, object := range objects {
		if !bytes.Contains(object, []byte(`"items"`)) {
			expanded = append(expanded, object)
			continue
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(object, &fields); err != nil {
			return nil, WithoutContent(err)
		}
		items, has := fields["items"]
		switch {
		case has && items[0] == '[':
			var members []json.RawMessage
			if err := json.Unmarshal(items, &members); err != nil {
				return nil, WithoutContent(err)
			}
			for _, member := range members {
				if err := checkObject(member); err != nil {
					return nil, err
				}
			}
			expanded = append(expanded, members...)
		case has && string(items) == "null" && fields["spec"] == nil && fields["status"] == nil:
		default:
			expanded = append(expanded, object)
		}
	}
	return expanded, nil
}

// Text gives UTF-8: a byte order mark tells UTF-16, and is removed.
func Text(data []byte) []byte {
	marked := bytes.HasPrefix(data, []byte{0xEF, 0xBB, 0xBF}) ||
		bytes.HasPrefix(data, []byte{0xFE, 0xFF}) ||
		bytes.HasPrefix(data, []byte{0xFF, 0xFE})
	if !marked {
		return data
	}
	decoder := unicode.BOMOverride(transform.Nop)
	text, _, err := transform.Bytes(decoder, data)
	if err != nil {
		return data
	}
	return text
}

// WithoutContent keeps where a parser stopped and drops the value that it quotes.
func WithoutContent(err error) error {
	var known *fault.Error
	if errors.As(err, &known) {
		return err
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fault.New(fault.Render, "invalid JSON at byte %d", syntax.Offset)
	}
	return fault.New(fault.Render, "%s", fault.Redact(err.Error()))
}

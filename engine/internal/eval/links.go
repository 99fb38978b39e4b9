package eval

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"text/template"
	"time"

	"github.com/Masterminds/sprig/v3"
	"github.com/expr-lang/expr"
)

// LinkOptions are links as they are configured, each with its time on one document.
type LinkOptions struct {
	Links     []Link `json:"links"`
	TimeoutMS int    `json:"timeoutMs"`
}

// Link is Go templates, and a condition of expr that decides whether there is one.
type Link struct {
	Title       string `json:"title"`
	URL         string `json:"url"`
	Description string `json:"description,omitempty"`
	IconClass   string `json:"iconClass,omitempty"`
	Condition   string `json:"if,omitempty"`
}

// Made is what became of a link: nothing where its condition does not hold, or why it failed.
type Made struct {
	Link  *Link  `json:"link,omitempty"`
	Error string `json:"error,omitempty"`
}

// unwanted functions would tell of the process and the network.
var unwanted = []string{"env", "expandenv", "getHostByName"}

var linkFunctions = func() template.FuncMap {
	functions := template.FuncMap(maps.Clone(sprig.TxtFuncMap()))
	for _, name := range unwanted {
		delete(functions, name)
	}
	return functions
}()

// Links makes the links of each document.
func Links(body []byte, options LinkOptions, bounds Bounds) ([]json.RawMessage, error) {
	var documents []map[string]any
	if err := json.Unmarshal(body, &documents); err != nil {
		return nil, errors.New("the body is no array of objects")
	}
	limit := time.Duration(options.TimeoutMS) * time.Millisecond
	answers := make([]json.RawMessage, len(documents))
	for index, document := range documents {
		made := make([]Made, len(options.Links))
		for number, link := range options.Links {
			err := bounds.Within(index, limit, func(context.Context) error {
				found, err := link.on(document)
				made[number].Link = found
				return err
			})
			if err != nil {
				made[number] = Made{Error: err.Error()}
			}
		}
		encoded, err := encode(made)
		if err != nil {
			return nil, err
		}
		answers[index] = encoded
	}
	return answers, nil
}

func (l Link) on(document map[string]any) (*Link, error) {
	if l.Condition != "" {
		holds, err := holds(l.Condition, document)
		if err != nil || !holds {
			return nil, err
		}
	}
	var made Link
	for _, part := range []struct {
		text string
		to   *string
	}{{l.Title, &made.Title}, {l.URL, &made.URL}, {l.Description, &made.Description}} {
		filled, err := fill(part.text, document)
		if err != nil {
			return nil, err
		}
		*part.to = filled
	}
	made.IconClass = l.IconClass
	return &made, nil
}

func holds(condition string, document map[string]any) (bool, error) {
	program, err := expr.Compile(condition)
	if err != nil {
		return false, errors.New("the condition cannot be read")
	}
	value, err := expr.Run(program, document)
	if err != nil {
		return false, errors.New("the condition failed")
	}
	holds, ok := value.(bool)
	if !ok {
		return false, errors.New("the condition is neither true nor false")
	}
	return holds, nil
}

// fill never quotes the document in an error.
func fill(text string, document map[string]any) (string, error) {
	read, err := template.New("link").Funcs(linkFunctions).Parse(text)
	if err != nil {
		return "", errors.New("the template cannot be read")
	}
	var filled strings.Builder
	if err := read.Execute(&filled, document); err != nil {
		return "", errors.New("the template failed")
	}
	return filled.String(), nil
}

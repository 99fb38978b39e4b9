package eval

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"time"

	"github.com/itchyny/gojq"

	"tiphys.dev/engine/internal/fault"
)

// PathOptions are the expressions whose paths go, each with its time on one document.
type PathOptions struct {
	Expressions []string `json:"expressions"`
	TimeoutMS   int      `json:"timeoutMs"`
}

// Pruned is one document's answer: null where nothing went.
type Pruned struct {
	Document json.RawMessage `json:"document"`
	Skipped  []Skipped       `json:"skipped,omitempty"`
}

// Skipped is an expression that could not be used; the document stayed as it was.
type Skipped struct {
	Expression int    `json:"expression"`
	Reason     string `json:"reason"`
	Limited    bool   `json:"limited,omitempty"`
}

type expression struct {
	code    *gojq.Code
	err     error
	strikes int
}

// WithoutPaths deletes from each document the paths that each expression names.
func WithoutPaths(body []byte, options PathOptions, bounds Bounds) ([]json.RawMessage, error) {
	documents, err := documentsOf(body)
	if err != nil {
		return nil, err
	}
	expressions := make([]*expression, len(options.Expressions))
	for index, text := range options.Expressions {
		code, err := compile(text)
		expressions[index] = &expression{code: code, err: err}
	}
	limit := time.Duration(options.TimeoutMS) * time.Millisecond
	answers := make([]json.RawMessage, len(documents))
	for index, document := range documents {
		answer, err := prune(index, document, expressions, limit, bounds)
		if err != nil {
			return nil, err
		}
		if answers[index], err = encode(answer); err != nil {
			return nil, err
		}
	}
	return answers, nil
}

func struck(expressions []*expression) (total int) {
	for _, one := range expressions {
		total += one.strikes
	}
	return total
}

func prune(item int, document any, expressions []*expression, limit time.Duration, bounds Bounds) (Pruned, error) {
	var answer Pruned
	left := document
	for index, one := range expressions {
		var result any
		err := errAllGivenUp
		if struck(expressions) < mostStrikes {
			result, err = one.apply(item, left, limit, bounds)
		}
		if err != nil {
			answer.Skipped = append(answer.Skipped, Skipped{index, err.Error(), limited(err)})
			continue
		}
		left = result
	}
	if reflect.DeepEqual(left, document) {
		return answer, nil
	}
	encoded, err := encode(left)
	answer.Document = encoded
	return answer, err
}

func (e *expression) apply(item int, document any, limit time.Duration, bounds Bounds) (result any, err error) {
	if e.err != nil {
		return nil, e.err
	}
	if e.strikes >= strikes {
		return nil, errGivenUp
	}
	err = bounds.Within(item, limit, func(ctx context.Context) error {
		value, _ := e.code.RunWithContext(ctx, document).Next()
		if failed, ok := value.(error); ok {
			return errors.New(told(failed))
		}
		result = value
		return nil
	})
	if limited(err) {
		e.strikes++
	}
	return result, err
}

// compile makes the deletion of what an expression names. It is read by itself first, so that it
// cannot close the parenthesis that it is put into. Without a loader there are no modules, no
// environment and no input.
func compile(text string) (*gojq.Code, error) {
	if _, err := gojq.Parse(text); err != nil {
		return nil, errors.New("is no jq expression: " + err.Error())
	}
	query, err := gojq.Parse("del(" + text + "\n)")
	if err != nil {
		return nil, errors.New("names no paths: " + err.Error())
	}
	code, err := gojq.Compile(query)
	if err != nil {
		return nil, errors.New("is no jq expression: " + err.Error())
	}
	return code, nil
}

// told is an error of jq without the value that it quotes, which may be secret.
func told(err error) string {
	var own gojq.ValueError
	if errors.As(err, &own) {
		return "the expression raised an error"
	}
	text, _, _ := strings.Cut(err.Error(), ":")
	text, _, _ = strings.Cut(text, "(")
	return strings.TrimSpace(text)
}

func documentsOf(body []byte) ([]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	// Numbers stay as they were written.
	decoder.UseNumber()
	var documents []any
	if err := decoder.Decode(&documents); err != nil {
		return nil, fault.New(fault.Protocol, "the body is no array of documents")
	}
	return documents, nil
}

func encode(value any) (json.RawMessage, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, fault.New(fault.Render, "the answer is no JSON")
	}
	return bytes.TrimRight(buffer.Bytes(), "\n"), nil
}

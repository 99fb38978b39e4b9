package eval

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/parse"
)

// HealthOptions are a script, what it may use and its time on one document.
type HealthOptions struct {
	Script    string `json:"script"`
	OpenLibs  bool   `json:"openLibs"`
	TimeoutMS int    `json:"timeoutMs"`
}

// Verdict is what a script says of a document.
type Verdict struct {
	Status  string `json:"status"`
	Message string `json:"message"`
	Limited bool   `json:"limited,omitempty"`
}

const (
	unknown = "Unknown"
	invalid = "Lua returned an invalid health status"
	// A script has no business with deep recursion, and its data stack grows as it needs.
	callDepth, firstStack, mostStack = 200, 512, 1 << 18
)

var statuses = map[string]bool{
	"Healthy": true, "Suspended": true, "Progressing": true,
	"Missing": true, "Degraded": true, unknown: true,
}

// Health runs the script on each document; null where it says nothing.
func Health(body []byte, options HealthOptions, bounds Bounds) ([]json.RawMessage, error) {
	documents, err := documentsOf(body)
	if err != nil {
		return nil, err
	}
	limit := time.Duration(options.TimeoutMS) * time.Millisecond
	answers := make([]json.RawMessage, len(documents))
	script, over := compileLua(options.Script, limit, bounds), 0
	for index, document := range documents {
		var verdict *Verdict
		err := script.err
		switch {
		case over >= strikes:
			err = errGivenUp
		case err == nil:
			verdict, err = script.judge(index, document, options.OpenLibs, limit, bounds)
		}
		if limited(err) {
			over++
		}
		if err != nil {
			verdict = &Verdict{unknown, "the health script failed: " + err.Error(), limited(err)}
		}
		if answers[index], err = encode(verdict); err != nil {
			return nil, err
		}
	}
	return answers, nil
}

type luaScript struct {
	code *lua.FunctionProto
	err  error
}

func compileLua(text string, limit time.Duration, bounds Bounds) (script luaScript) {
	script.err = bounds.Within(0, limit, func(context.Context) error {
		chunk, err := parse.Parse(strings.NewReader(text), "<string>")
		if err != nil {
			return errors.New(strings.TrimSpace(err.Error()))
		}
		script.code, err = lua.Compile(chunk, "<string>")
		return err
	})
	return script
}

func (s luaScript) judge(item int, document any, openLibs bool, limit time.Duration, bounds Bounds) (verdict *Verdict, err error) {
	err = bounds.Within(item, limit, func(ctx context.Context) error {
		state := newState(ctx, openLibs)
		defer state.Close()
		state.SetGlobal("obj", toLua(state, document))
		state.Push(state.NewFunctionFromProto(s.code))
		if err := state.PCall(0, lua.MultRet, nil); err != nil {
			return luaError(err)
		}
		var err error
		verdict, err = verdictOf(state.Get(-1))
		return err
	})
	return verdict, err
}

// verdictOf takes nil and an empty table for no verdict.
func verdictOf(value lua.LValue) (*Verdict, error) {
	if value == lua.LNil {
		return nil, nil
	}
	table, ok := value.(*lua.LTable)
	if !ok {
		return nil, errors.New("it returned a " + value.Type().String() + ", not a table")
	}
	if key, _ := table.Next(lua.LNil); key == lua.LNil {
		return nil, nil
	}
	message := table.RawGetString("message")
	if message != lua.LNil && message.Type() != lua.LTString {
		return nil, errors.New("its message is a " + message.Type().String() + ", not a string")
	}
	status := lua.LVAsString(table.RawGetString("status"))
	if !statuses[status] {
		return &Verdict{Status: unknown, Message: invalid}, nil
	}
	return &Verdict{Status: status, Message: lua.LVAsString(message)}, nil
}

// luaError is the script's error with its line, without the stack.
func luaError(err error) error {
	var known *lua.ApiError
	if errors.As(err, &known) && known.Object != nil && known.Object.Type() == lua.LTString {
		return errors.New(known.Object.String())
	}
	if errors.As(err, &known) && known.Object != nil && known.Object != lua.LNil {
		return errors.New("it raised a " + known.Object.Type().String())
	}
	return errors.New("it cannot go on")
}

func toLua(state *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case bool:
		return lua.LBool(value)
	case string:
		return lua.LString(value)
	case json.Number:
		number, _ := value.Float64()
		return lua.LNumber(number)
	case []any:
		table := state.CreateTable(len(value), 0)
		for _, item := range value {
			table.Append(toLua(state, item))
		}
		return table
	case map[string]any:
		table := state.CreateTable(0, len(value))
		// In order, so that a script that loops says the same each time.
		for _, key := range slices.Sorted(maps.Keys(value)) {
			table.RawSetString(key, toLua(state, value[key]))
		}
		return table
	}
	return lua.LNil
}

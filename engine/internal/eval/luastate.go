package eval

import (
	"context"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// mostRepeated bounds what string.rep makes in one step, which no other limit can see coming.
const mostRepeated = 8 << 20

// Of the base library what reads files, prints or looks into the interpreter is taken away; of the os
// library only the time is left.
var (
	deniedBase = []string{
		"_printregs", "collectgarbage", "dofile", "loadfile", "module", "newproxy",
	}
	allowedOS = map[string]bool{"clock": true, "date": true, "difftime": true, "time": true}
)

func newState(ctx context.Context, openLibs bool) *lua.LState {
	state := lua.NewState(lua.Options{
		SkipOpenLibs: true, CallStackSize: callDepth, MinimizeStackMemory: true,
		RegistrySize: firstStack, RegistryMaxSize: mostStack,
	})
	open := map[string]lua.LGFunction{
		lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable, lua.OsLibName: lua.OpenOs,
	}
	if openLibs {
		open[lua.StringLibName], open[lua.MathLibName] = lua.OpenString, lua.OpenMath
		open[lua.CoroutineLibName] = lua.OpenCoroutine
	}
	for name, library := range open {
		state.Push(state.NewFunction(library))
		state.Push(lua.LString(name))
		state.Call(1, 0)
	}
	for _, name := range deniedBase {
		state.SetGlobal(name, lua.LNil)
	}
	state.SetGlobal("print", state.NewFunction(func(*lua.LState) int { return 0 }))
	state.SetGlobal("require", state.NewFunction(require))
	keepOnly(state, lua.OsLibName, allowedOS)
	if openLibs {
		library := state.GetGlobal(lua.StringLibName).(*lua.LTable)
		library.RawSetString("rep", state.NewFunction(repeat))
	}
	// Last, for opening the libraries is no work of the script.
	state.SetContext(ctx)
	return state
}

func keepOnly(state *lua.LState, name string, allowed map[string]bool) {
	library := state.GetGlobal(name).(*lua.LTable)
	kept := state.NewTable()
	library.ForEach(func(key, value lua.LValue) {
		if allowed[key.String()] {
			kept.RawSet(key, value)
		}
	})
	state.SetGlobal(name, kept)
}

// require gives a library that is open already; nothing is ever loaded.
func require(state *lua.LState) int {
	name := state.CheckString(1)
	library, ok := state.GetGlobal(name).(*lua.LTable)
	if !ok || name == lua.BaseLibName || name == "obj" {
		state.RaiseError("there is no library %q here", name)
	}
	state.Push(library)
	return 1
}

func repeat(state *lua.LState) int {
	text, count := state.CheckString(1), max(state.CheckInt(2), 0)
	if len(text) > 0 && count > mostRepeated/len(text) {
		state.RaiseError("string.rep makes no more than %d bytes", mostRepeated)
	}
	state.Push(lua.LString(strings.Repeat(text, count)))
	return 1
}

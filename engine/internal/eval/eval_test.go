package eval

import (
	"context"
	"strings"
	"testing"
	"time"
)

// plain bounds work by its time only.
type plain struct{ calls int }

func (p *plain) Within(_ int, limit time.Duration, work func(context.Context) error) error {
	p.calls++
	late := &OverLimit{"limit of " + limit.String()}
	ctx, stop := context.WithTimeoutCause(context.Background(), limit, late)
	defer stop()
	err := work(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func pruned(t *testing.T, body string, expressions ...string) string {
	t.Helper()
	answers, err := WithoutPaths([]byte(body), PathOptions{Expressions: expressions, TimeoutMS: 200}, &plain{})
	if err != nil {
		t.Fatal(err)
	}
	return joined(answers)
}

func joined[T ~[]byte](parts []T) string {
	texts := make([]string, len(parts))
	for index, part := range parts {
		texts[index] = string(part)
	}
	return strings.Join(texts, " ")
}

func TestPathsAreDeleted(t *testing.T) {
	cases := []struct{ body, expression, want string }{
		{`[{"a":1,"b":2}]`, ".a", `{"document":{"b":2}}`},
		{`[{"a":1},{"b":1}]`, ".a", `{"document":{}} {"document":null}`},
		{`[{"l":[{"n":"x"},{"n":"y"}]}]`, `.l[] | select(.n == "x")`, `{"document":{"l":[{"n":"y"}]}}`},
		{`[{"l":[1,2,3,4]}]`, ".l[1:3]", `{"document":{"l":[1,4]}}`},
		// Numbers stay as they were written, and so does HTML.
		{`[{"a":1,"n":1.0,"big":12345678901234567890,"t":"<&>"}]`, ".a", `{"document":{"big":12345678901234567890,"n":1.0,"t":"<&>"}}`},
		{`[{"a":1}]`, ".a, .b", `{"document":{}}`},
		{`[{"a":1}]`, "select($ENV == {} and env == {}) | .a", `{"document":{}}`},
	}
	for _, one := range cases {
		if got := pruned(t, one.body, one.expression); got != one.want {
			t.Errorf("%s on %s: %s, not %s", one.expression, one.body, got, one.want)
		}
	}
}

func TestAnExpressionThatCannotBeUsedIsSkipped(t *testing.T) {
	for expression, reason := range map[string]string{
		".a |":                        "is no jq expression",
		".a) | (.b":                   "is no jq expression",
		"nosuch(.a)":                  "is no jq expression",
		`import "m" as m; .a`:         "names no paths",
		"input":                       "input",
		".secret | .[]":               "cannot iterate over",
		`.secret | error`:             "raised an error",
		"until(true==false; [.]+[1])": "limit of 200ms",
	} {
		got := pruned(t, `[{"a":1,"secret":"s3cret"}]`, expression, ".a")
		if !strings.Contains(got, reason) || strings.Contains(got, "s3cret\\\"") {
			t.Errorf("%s: %s", expression, got)
		}
		if !strings.Contains(got, `"document":{"secret":"s3cret"}`) {
			t.Errorf("%s stopped the others: %s", expression, got)
		}
	}
}

func TestAnEndlessExpressionIsGivenUp(t *testing.T) {
	bounds := &plain{}
	options := PathOptions{Expressions: []string{"def f: f; f"}, TimeoutMS: 20}
	answers, err := WithoutPaths([]byte(`[1,2,3,4,5,6]`), options, bounds)
	if err != nil {
		t.Fatal(err)
	}
	if bounds.calls != strikes || !strings.Contains(string(answers[5]), "not tried") {
		t.Errorf("%d calls, %s", bounds.calls, answers[5])
	}
}

func TestManyEndlessExpressionsAreGivenUpTogether(t *testing.T) {
	bounds := &plain{}
	texts := []string{"def f: f; f", "def g: g; g", "def h: h; h", ".a"}
	answers, err := WithoutPaths([]byte(`[{"a":1},{"a":1},{"a":1}]`), PathOptions{Expressions: texts, TimeoutMS: 20}, bounds)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(answers[0]), `"document":{}`) || !strings.Contains(string(answers[2]), "others went over") {
		t.Errorf("%s %s", answers[0], answers[2])
	}
	// Five that were late, and `.a` while there was time.
	if bounds.calls > mostStrikes+1 {
		t.Errorf("%d calls", bounds.calls)
	}
}

func judged(t *testing.T, object, script string, openLibs bool) string {
	t.Helper()
	options := HealthOptions{Script: script, OpenLibs: openLibs, TimeoutMS: 300}
	answers, err := Health([]byte("["+object+"]"), options, &plain{})
	if err != nil {
		t.Fatal(err)
	}
	return string(answers[0])
}

func TestHealthScripts(t *testing.T) {
	cases := []struct {
		name, script, want string
		open               bool
	}{
		{"status", `return {status = obj.s, message = "m"}`, `{"status":"Healthy","message":"m"}`, false},
		{"no message", `return {status = "Degraded"}`, `{"status":"Degraded","message":""}`, false},
		{"nothing", `return nil`, `null`, false},
		{"no return", `local x = obj.s`, `null`, false},
		{"empty table", `return {}`, `null`, false},
		{"bad status", `return {status = "Fine"}`, `{"status":"Unknown","message":"Lua returned an invalid health status"}`, false},
		{"only a message", `return {message = "m"}`, `{"status":"Unknown","message":"Lua returned an invalid health status"}`, false},
		{"last value", `return {status = "Degraded"}, {status = "Healthy"}`, `{"status":"Healthy","message":""}`, false},
		{"lists", `local n = 0; for i, c in ipairs(obj.l) do n = n + c.v end
			if n == 3 and #obj.l == 2 and obj.none == nil and obj.missing == nil then return {status = "Healthy"} end`,
			`{"status":"Healthy","message":""}`, false},
		{"time", `if os.time() > 0 and os.date("%Y") ~= nil then return {status = "Healthy"} end`, `{"status":"Healthy","message":""}`, false},
		{"required", `local os = require("os"); return {status = os.time() > 0 and "Healthy" or "Degraded"}`, `{"status":"Healthy","message":""}`, false},
		{"table", `local t = {}; table.insert(t, "Healthy"); return {status = t[1]}`, `{"status":"Healthy","message":""}`, false},
		{"string", `return {status = string.sub("Healthyx", 1, 7), message = tostring(math.floor(1.5))}`, `{"status":"Healthy","message":"1"}`, true},
		{"string closed", `return {status = string == nil and math == nil and "Healthy" or "Degraded"}`, `{"status":"Healthy","message":""}`, false},
		{"nothing dangerous", `return {status = (io == nil and debug == nil and package == nil and dofile == nil
			and loadfile == nil and os.getenv == nil and os.execute == nil and os.exit == nil) and "Healthy" or "Degraded"}`,
			`{"status":"Healthy","message":""}`, true},
	}
	for _, one := range cases {
		got := judged(t, `{"s":"Healthy","none":null,"l":[{"v":1},{"v":2}]}`, one.script, one.open)
		if got != one.want {
			t.Errorf("%s: %s, not %s", one.name, got, one.want)
		}
	}
}

func TestAScriptThatFailsIsUnknownWithItsReason(t *testing.T) {
	for script, reason := range map[string]string{
		`return {`:         "syntax error",
		`return "Healthy"`: "a string, not a table",
		`return {status = "Healthy", message = 1}`: "message is a number",
		`error("by hand")`:                         "<string>:1: by hand",
		`error({})`:                                "raised a table",
		`return obj.a.b.c`:                         "attempt to index",
		`while true do end`:                        "over its limit of 300ms",
		`while true do pcall(function() while true do end end) end`: "over its limit of 300ms",
		`local function f() return 1 + f() end; return f()`:         "stack overflow",
		`require("socket")`:                      "no library",
		`return {status = string.rep("x", 1e9)}`: "no more than",
		`return {status = ("x"):rep(1e9)}`:       "no more than",
	} {
		got := judged(t, `{}`, script, true)
		if !strings.HasPrefix(got, `{"status":"Unknown","message":"the health script failed: `) || !strings.Contains(got, reason) {
			t.Errorf("%s: %s", script, got)
		}
	}
}

func TestOneObjectKnowsNothingOfAnother(t *testing.T) {
	script := `if leaked then return {status = "Degraded"} end; leaked = true; return {status = "Healthy"}`
	answers, err := Health([]byte(`[{},{}]`), HealthOptions{Script: script, TimeoutMS: 300}, &plain{})
	if err != nil || string(answers[1]) != `{"status":"Healthy","message":""}` {
		t.Errorf("%s %v", answers, err)
	}
}

func TestAnEndlessScriptIsGivenUp(t *testing.T) {
	bounds := &plain{}
	options := HealthOptions{Script: `while true do end`, TimeoutMS: 20}
	answers, err := Health([]byte(`[1,2,3,4,5]`), options, bounds)
	if err != nil {
		t.Fatal(err)
	}
	// One call more: the script is compiled within the same bounds.
	if bounds.calls != strikes+1 || !strings.Contains(string(answers[4]), "not tried") {
		t.Errorf("%d calls, %s", bounds.calls, answers[4])
	}
}

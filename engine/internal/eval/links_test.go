package eval

import "testing"

func made(t *testing.T, body string, links ...Link) string {
	t.Helper()
	answers, err := Links([]byte(body), LinkOptions{Links: links, TimeoutMS: 1000}, &plain{})
	if err != nil {
		t.Fatal(err)
	}
	return joined(answers)
}

func TestLinksAreFilled(t *testing.T) {
	body := `[{"app":{"metadata":{"name":"shop","labels":{"env":"prod"}}}}]`
	cases := []struct {
		link Link
		want string
	}{
		{Link{Title: "T {{.app.metadata.name | upper}}", URL: "https://x/{{.app.metadata.name}}", IconClass: "fa"},
			`[{"link":{"title":"T SHOP","url":"https://x/shop","iconClass":"fa"}}]`},
		{Link{Title: "T", URL: "u", Description: "{{ .app.metadata.labels.env }}", Condition: `app.metadata.labels.env == "prod"`},
			`[{"link":{"title":"T","url":"u","description":"prod"}}]`},
		{Link{Title: "T", URL: "u", Condition: `app.metadata.labels.env == "dev"`}, `[{}]`},
		{Link{Title: "T", URL: "u", Condition: `app.metadata.name`}, `[{"error":"the condition is neither true nor false"}]`},
		{Link{Title: "T", URL: "u", Condition: `app.metadata.nothing.more`}, `[{"error":"the condition failed"}]`},
		{Link{Title: "T", URL: "u", Condition: `((`}, `[{"error":"the condition cannot be read"}]`},
		{Link{Title: "{{", URL: "u"}, `[{"error":"the template cannot be read"}]`},
		{Link{Title: "T", URL: `{{ fail "SECRET" }}`}, `[{"error":"the template failed"}]`},
		{Link{Title: "T", URL: `{{ env "HOME" }}`}, `[{"error":"the template cannot be read"}]`},
		{Link{Title: "T", URL: `{{ getHostByName "x" }}`}, `[{"error":"the template cannot be read"}]`},
	}
	for _, one := range cases {
		if got := made(t, body, one.link); got != one.want {
			t.Errorf("%v: %s, not %s", one.link, got, one.want)
		}
	}
}

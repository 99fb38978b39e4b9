package kustomize

import "testing"

func TestEveryFormOfARepository(t *testing.T) {
	for text, want := range map[string]repository{
		"github.com/org/repo":                                     {"https://github.com/org/repo", "", "."},
		"github.com/org/repo//deep/base?ref=v1":                   {"https://github.com/org/repo", "v1", "deep/base"},
		"github.com/org/repo/deep/base?ref=v1":                    {"https://github.com/org/repo", "v1", "deep/base"},
		"GitHub.com/org/repo":                                     {"https://github.com/org/repo", "", "."},
		"https://github.com/org/repo.git/base?version=v2":         {"https://github.com/org/repo.git", "v2", "base"},
		"https://github.com/org/repo?ref=a&version=b&timeout=90s": {"https://github.com/org/repo", "a", "."},
		"https://example.com/team/repo.git//base?submodules=0":    {"https://example.com/team/repo.git", "", "base"},
		"https://example.com:8443/a/b/c//d":                       {"https://example.com:8443/a/b/c", "", "d"},
		"https://user:secret@example.com/a/b//d":                  {"https://user:secret@example.com/a/b", "", "d"},
		"git::https://example.com/a/b//d":                         {"https://example.com/a/b", "", "d"},
		"ssh://git@example.com/a/b.git//d":                        {"ssh://git@example.com/a/b.git", "", "d"},
		"ssh://git@example.com:2222/a/b/d":                        {"ssh://git@example.com:2222/a/b", "", "d"},
		"git@example.com:a/b.git//d?ref=v1":                       {"git@example.com:a/b.git", "v1", "d"},
		"git@github.com:org/repo":                                 {"git@github.com:org/repo", "", "."},
		"ssh://git@github.com/org/repo//d":                        {"git@github.com:org/repo", "", "d"},
		"github.com:org/repo":                                     {"https://github.com/org/repo", "", "."},
		"https://u@dev.azure.com/o/p/_git/repo/d/e?ref=x":         {"https://u@dev.azure.com/o/p/_git/repo", "x", "d/e"},
		"file:///srv/repo.git//d":                                 {"file:///srv/repo.git", "", "d"},
		"HTTPS://example.com/a/b":                                 {"https://example.com/a/b", "", "."},
	} {
		if got, ok := parseRepository(text); !ok || got != want {
			t.Errorf("%q: %+v %v, not %+v", text, got, ok, want)
		}
	}
}

func TestWhatIsNoRepository(t *testing.T) {
	for _, text := range []string{
		"", ".", "../base", "base.yaml", "/etc/passwd", "https://example.com", "https://example.com/a",
		"https://example.com/a/b//../../x", "git::base", "a@b", "ssh://git@example.com/one", "c:\\x",
		"<path>/x", "github.com",
	} {
		if got, ok := parseRepository(text); ok {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func TestFilesBehindURLs(t *testing.T) {
	for text, want := range map[string]bool{
		"https://raw.githubusercontent.com/o/r/main/a.yaml":        true,
		"https://github.com/o/r/releases/download/v1/install.yaml": true,
		"https://github.com/o/r/releases/download/v1/install":      true,
		"https://example.com/a":                                    true,
		"https://example.com/a/b.json":                             true,
		"https://example.com/net?k8s-version=1.16":                 true,
		"https://example.com/a/net?k8s-version=1.16":               true,
		"https://example.com/a/b.yml?token=x":                      true,
		"https://github.com/o/r":                                   false,
		"https://github.com/o/r/tree/x.yaml?ref=v1":                false,
		"https://example.com/a/b":                                  false,
		"https://example.com/a/b.git":                              false,
		"https://example.com/a/b//c.yaml":                          false,
		"https://dev.azure.com/o/p/_git/r/d":                       false,
		"git@example.com:a/b":                                      false,
		"base":                                                     false,
	} {
		if got := isDownload(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

package kustomize

import (
	"net/url"
	"path"
	"regexp"
	"strings"
)

// repository is a Git repository as a kustomization names it, and a folder in it.
type repository struct {
	url, revision, folder string
}

var (
	schemes  = []string{"ssh://", "https://", "http://", "file://"}
	userName = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9-]*@`)
	isFile   = regexp.MustCompile(`(?i)\.(ya?ml|json)$`)
	// download are the ways in which hosts of repositories give out single files.
	download = regexp.MustCompile(`/releases/download/|/(-/)?raw/|/blob/`)
	hosts    = regexp.MustCompile(`(?i)^https?://([^/@]*@)?(github\.com|gitlab\.com|bitbucket\.org|dev\.azure\.com)/`)
)

// parseRepository takes every form that Kustomize takes for a repository. What is none is a path.
func parseRepository(text string) (repository, bool) {
	if path.IsAbs(text) {
		return repository{}, false
	}
	body, query, _ := strings.Cut(text, "?")
	host, rest, ok := splitHost(body)
	if !ok {
		return repository{}, false
	}
	name, folder, ok := splitFolder(rest, host == "file://")
	folder = path.Clean(strings.TrimLeft(folder, "/"))
	if !ok || name == "" || folder == ".." || strings.HasPrefix(folder, "../") {
		return repository{}, false
	}
	parameters, _ := url.ParseQuery(query)
	revision := parameters.Get("ref")
	if revision == "" {
		revision = parameters.Get("version")
	}
	return repository{url: host + name, revision: revision, folder: folder}, true
}

// splitHost cuts after the host and what parts it from the path: a slash, or a colon where no
// scheme is written. GitHub needs no scheme, and has one form with and one without a user.
func splitHost(text string) (host, rest string, ok bool) {
	rest = cutPrefix(text, "git::")
	scheme := ""
	for _, known := range schemes {
		if cut := cutPrefix(rest, known); cut != rest {
			scheme, rest = known, cut
			break
		}
	}
	if scheme == "file://" {
		return scheme, rest, true
	}
	user := userName.FindString(rest)
	rest = rest[len(user):]
	gitHub := cutPrefix(rest, "github.com/") != rest || cutPrefix(rest, "github.com:") != rest
	withColon := scheme == "" && (user != "" || gitHub)
	if scheme == "" && !withColon {
		return "", "", false
	}
	end := strings.IndexByte(rest, '/')
	if colon := strings.IndexByte(rest, ':'); withColon && colon > 0 && (end < 0 || colon < end) {
		end = colon
	}
	if end <= 0 {
		return "", "", false
	}
	host, rest = rest[:end+1], rest[end+1:]
	switch {
	case gitHub && (scheme == "ssh://" || user != ""):
		return user + "github.com:", rest, true
	case gitHub:
		return "https://github.com/", rest, true
	}
	return scheme + user + host, rest, true
}

// splitFolder parts a repository from the folder in it: behind `_git/name`, at `//`, behind `.git`,
// and otherwise behind two names.
func splitFolder(text string, whole bool) (name, folder string, ok bool) {
	if start := strings.Index(text, "_git/"); start >= 0 {
		start += len("_git/")
		last, folder, _ := strings.Cut(text[start:], "/")
		return text[:start] + last, folder, true
	}
	if start := strings.Index(text, "//"); start >= 0 {
		return text[:start], text[start+2:], true
	}
	if start := strings.Index(text, ".git"); start >= 0 {
		start += len(".git")
		return text[:start], text[start:], true
	}
	if whole {
		return text, "", true
	}
	steps := strings.SplitN(text, "/", 3)
	if len(steps) < 2 {
		return "", "", false
	}
	if len(steps) == 3 {
		folder = steps[2]
	}
	return steps[0] + "/" + steps[1], folder, true
}

// isDownload tells a file behind a URL from a repository. Kustomize would ask the server; the form
// has to do here.
func isDownload(text string) bool {
	if !isURL(text) {
		return false
	}
	if _, ok := parseRepository(text); !ok {
		return true
	}
	body, query, _ := strings.Cut(text, "?")
	parameters, _ := url.ParseQuery(query)
	after := body[strings.Index(body, "://")+3:]
	switch {
	case parameters.Has("ref"), strings.Contains(after, "//"), strings.Contains(after, "_git/"):
		return false
	case isFile.MatchString(body), cutPrefix(after, "raw.githubusercontent.com/") != after:
		return true
	case strings.Contains(after, ".git"), parameters.Has("version"), parameters.Has("submodules"):
		return false
	case hosts.MatchString(body):
		return download.MatchString(body)
	}
	return query != "" && !parameters.Has("timeout")
}

// isURL is what Kustomize reads over HTTP.
func isURL(text string) bool {
	return cutPrefix(text, "https://") != text || cutPrefix(text, "http://") != text
}

// cutPrefix cuts what stands at the beginning in any case.
func cutPrefix(text, prefix string) string {
	if len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix) {
		return text[len(prefix):]
	}
	return text
}

package kustomize

// Options are what is allowed of `kustomize.buildOptions`, with what charts see of the cluster.
type Options struct {
	EnableHelm        bool     `json:"enableHelm"`
	UnrestrictedFiles bool     `json:"unrestrictedFiles"`
	Reorder           string   `json:"reorder"`
	KubeVersion       string   `json:"kubeVersion"`
	APIVersions       []string `json:"apiVersions"`
}

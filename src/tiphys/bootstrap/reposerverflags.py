"""The flags of the render process, as a table."""

from __future__ import annotations

from tiphys.bootstrap.serverflags import GoKind, ServerFlag, Where

_PREFIX = "ARGOCD_REPO_SERVER_"
_TYPES = (
    "[application/vnd.oci.image.layer.v1.tar,application/vnd.oci.image.layer.v1.tar+gzip,"
    "application/vnd.cncf.helm.chart.content.v1.tar+gzip]"
)


def _flag(
    name: str,
    text: str,
    kind: GoKind = GoKind.STRING,
    default: str = "",
    env: str = "",
    key: str = "",
) -> ServerFlag:
    """With a `key` it lies over what the caller says of that setting."""
    where = Where.PARAMS if key else Where.PROCESS
    variable = f"{_PREFIX}{env}" if env else ""
    return ServerFlag(name, kind, default, env=variable, where=where, key=key, help=text)


def _only(name: str, kind: GoKind, default: str = "", env: str = "") -> ServerFlag:
    """Means nothing here, or means what comes with a later version."""
    return ServerFlag(name, kind, default, env=env, where=Where.ONLY_DEFAULT)


FLAGS = (
    _flag("address", "Where calls are served", default="0.0.0.0", env="LISTEN_ADDRESS"),  # noqa: S104
    _flag(
        "allow-oob-symlinks",
        "Let repositories have links that lead out of them; nobody follows them even so",
        GoKind.BOOL,
        env="ALLOW_OUT_OF_BOUNDS_SYMLINKS",
        key="reposerver.allow.oob.symlinks",
    ),
    _flag(
        "client-ca-path",
        "A file with the CA of those who may call",
        default="/app/config/reposerver/mtls/client-ca.crt",
        env="CLIENT_CA_PATH",
    ),
    _flag("data", "Folder for what is kept on disk (default $XDG_STATE_HOME/tiphys)"),
    _only(
        "default-cache-expiration", GoKind.DURATION, "24h0m0s", "ARGOCD_DEFAULT_CACHE_EXPIRATION"
    ),
    _flag(
        "disable-helm-manifest-max-extracted-size",
        "Let charts be of any size",
        GoKind.BOOL,
        env="DISABLE_HELM_MANIFEST_MAX_EXTRACTED_SIZE",
    ),
    _flag(
        "disable-oci-manifest-max-extracted-size",
        "Let artefacts be of any size",
        GoKind.BOOL,
        env="DISABLE_OCI_MANIFEST_MAX_EXTRACTED_SIZE",
    ),
    _flag("disable-tls", "Serve without TLS, to anybody", GoKind.BOOL, env="DISABLE_TLS"),
    _only("enable-builtin-git-config", GoKind.BOOL, "true", f"{_PREFIX}ENABLE_BUILTIN_GIT_CONFIG"),
    _flag(
        "helm-manifest-max-extracted-size",
        "The most bytes of an unpacked chart",
        default="1G",
        env="HELM_MANIFEST_MAX_EXTRACTED_SIZE",
    ),
    _flag(
        "helm-registry-max-index-size", "The most bytes of a chart repository's index", default="1G"
    ),
    _only("include-hidden-directories", GoKind.BOOL, env=f"{_PREFIX}INCLUDE_HIDDEN_DIRECTORIES"),
    _flag("logformat", "json or text", default="json", env="LOGFORMAT"),
    _flag("loglevel", "debug, info, warn or error", default="info", env="LOGLEVEL"),
    _flag(
        "max-combined-directory-manifests-size",
        "The most bytes of the files of a plain folder; 0 as many as a render may read",
        default="10M",
        env="MAX_COMBINED_DIRECTORY_MANIFESTS_SIZE",
    ),
    _flag(
        "metrics-address",
        "Where metrics and health are served",
        default="0.0.0.0",  # noqa: S104
        env="LISTEN_METRICS_ADDRESS",
    ),
    _flag("metrics-port", "The port of metrics and health", GoKind.INT, "8084"),
    _flag(
        "oci-layer-media-types",
        "Which layers of an artefact hold manifests",
        GoKind.STRINGS,
        _TYPES,
        env="OCI_LAYER_MEDIA_TYPES",
        key="reposerver.oci.layer.media.types",
    ),
    _flag(
        "oci-manifest-max-extracted-size",
        "The most bytes of an unpacked artefact",
        default="1G",
        env="OCI_MANIFEST_MAX_EXTRACTED_SIZE",
    ),
    _only("otlp-address", GoKind.STRING, env=f"{_PREFIX}OTLP_ADDRESS"),
    _only("otlp-attrs", GoKind.STRINGS, env=f"{_PREFIX}OTLP_ATTRS"),
    _only("otlp-headers", GoKind.STRING_TO_STRING, "[]", f"{_PREFIX}OTLP_HEADERS"),
    _only("otlp-insecure", GoKind.BOOL, "true", f"{_PREFIX}OTLP_INSECURE"),
    _only("otlp-sample-ratio", GoKind.FLOAT, "1", f"{_PREFIX}OTLP_SAMPLE_RATIO"),
    _flag(
        "parallelismlimit",
        "Renders side by side; 0 as many as there are processors",
        GoKind.INT,
        env="PARALLELISM_LIMIT",
    ),
    _flag(
        "plugin-tar-exclude",
        "Globs of what is not sent to a plugin; may be repeated",
        GoKind.STRING_ARRAY,
        env="PLUGIN_TAR_EXCLUSIONS",
        key="reposerver.plugin.tar.exclusions",
    ),
    _flag(
        "plugin-use-manifest-generate-paths",
        "Send a plugin only what the application's manifest-generate-paths name",
        GoKind.BOOL,
        env="PLUGIN_USE_MANIFEST_GENERATE_PATHS",
        key="reposerver.plugin.use.manifest.generate.paths",
    ),
    _flag("port", "The port of calls", GoKind.INT, "8081"),
    ServerFlag(
        "repo-cache-expiration",
        GoKind.DURATION,
        "24h0m0s",
        env="ARGOCD_REPO_CACHE_EXPIRATION",
        help="How long renders stay on Redis",
    ),
    # Its variable is the controller's interval, too: it is the controller that decides when refs
    # are listed.
    _only("revision-cache-expiration", GoKind.DURATION, "3m0s"),
    _only(
        "revision-cache-lock-timeout", GoKind.DURATION, "10s", "ARGOCD_REVISION_CACHE_LOCK_TIMEOUT"
    ),
    _only(
        "streamed-manifest-max-extracted-size",
        GoKind.STRING,
        "1G",
        f"{_PREFIX}STREAMED_MANIFEST_MAX_EXTRACTED_SIZE",
    ),
    _only(
        "streamed-manifest-max-tar-size",
        GoKind.STRING,
        "100M",
        f"{_PREFIX}STREAMED_MANIFEST_MAX_TAR_SIZE",
    ),
    _only("tlsciphers", GoKind.STRING, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
    _flag("tlsmaxversion", "The newest TLS: 1.2 or 1.3", default="1.3"),
    _flag("tlsminversion", "The oldest TLS: 1.2 or 1.3", default="1.2"),
)
"""Those of `argocd-repo-server` without Redis', and `data`."""

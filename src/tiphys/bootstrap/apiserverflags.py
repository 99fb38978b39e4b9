"""The flags of the API server, as a table."""

from __future__ import annotations

from tiphys.bootstrap.controllerflags import CONNECTION
from tiphys.bootstrap.redisflags import REDIS_FLAGS
from tiphys.bootstrap.serverflags import GoKind, ServerFlag, Where

_PREFIX = "ARGOCD_SERVER_"
_APPSETS = "ARGOCD_APPLICATIONSET_CONTROLLER_"


def _flag(
    name: str,
    text: str,
    kind: GoKind = GoKind.STRING,
    default: str = "",
    env: str = "",
) -> ServerFlag:
    return ServerFlag(name, kind, default, env=env, help=text)


def _param(
    name: str, key: str, text: str, kind: GoKind, default: str = "", env: str = ""
) -> ServerFlag:
    """Lies over a key of argocd-cmd-params-cm."""
    return ServerFlag(name, kind, default, env=env, where=Where.PARAMS, key=key, help=text)


def _only(name: str, kind: GoKind = GoKind.STRING, default: str = "", env: str = "") -> ServerFlag:
    """Means nothing here, or means what comes with a later version."""
    accepted = ("",) if kind is GoKind.STRING_TO_STRING else ()
    return ServerFlag(name, kind, default, env=env, where=Where.ONLY_DEFAULT, accepted=accepted)


_EDGE = (
    _flag(
        "address",
        "Where the API is served",
        default="0.0.0.0",  # noqa: S104
        env=f"{_PREFIX}LISTEN_ADDRESS",
    ),
    _flag(
        "api-content-types",
        "In which types changes may come by REST, between semicolons; empty any",
        default="application/json",
        env="ARGOCD_API_CONTENT_TYPES",
    ),
    _flag(
        "basehref",
        "The path under which a proxy shows the page",
        default="/",
        env=f"{_PREFIX}BASEHREF",
    ),
    _flag(
        "content-security-policy",
        "That header of the page; empty leaves it out",
        GoKind.VALUE,
        "frame-ancestors 'self';",
        env=f"{_PREFIX}CONTENT_SECURITY_POLICY",
    ),
    _flag(
        "disable-auth",
        "Ask nobody to log in, and let everybody do all",
        GoKind.BOOL,
        env=f"{_PREFIX}DISABLE_AUTH",
    ),
    _flag(
        "disable-swagger-ui",
        "Do not describe the API to everybody",
        GoKind.BOOL,
        env=f"{_PREFIX}DISABLE_SWAGGER_UI",
    ),
    _flag("enable-gzip", "Pack long answers", GoKind.BOOL, "true", f"{_PREFIX}ENABLE_GZIP"),
    _flag(
        "insecure", "Serve without TLS, behind who has it", GoKind.BOOL, env=f"{_PREFIX}INSECURE"
    ),
    _flag("port", "The port of the API", GoKind.INT, "8080"),
    _flag("rootpath", "Serve everything below this path", env=f"{_PREFIX}ROOTPATH"),
    _flag(
        "staticassets",
        "A folder with the files of the page",
        default="/shared/app",
        env=f"{_PREFIX}STATIC_ASSETS",
    ),
    _flag(
        "tlsmaxversion", "The newest TLS: 1.2 or 1.3", default="1.3", env="ARGOCD_TLS_MAX_VERSION"
    ),
    _flag(
        "tlsminversion", "The oldest TLS: 1.2 or 1.3", default="1.2", env="ARGOCD_TLS_MIN_VERSION"
    ),
    _flag(
        "x-frame-options",
        "That header of the page; empty leaves it out",
        GoKind.VALUE,
        "sameorigin",
        env=f"{_PREFIX}X_FRAME_OPTIONS",
    ),
)

_METHODS = (
    _param(
        "application-namespaces",
        "application.namespaces",
        "Globs of further namespaces that hold Applications",
        GoKind.STRINGS,
        env="ARGOCD_APPLICATION_NAMESPACES",
    ),
    _flag(
        "dex-server",
        "host:port or URL of Dex",
        default="argocd-dex-server:5556",
        env=f"{_PREFIX}DEX_SERVER",
    ),
    _flag(
        "dex-server-plaintext",
        "Speak to Dex without TLS",
        GoKind.BOOL,
        env=f"{_PREFIX}DEX_SERVER_PLAINTEXT",
    ),
    _flag(
        "dex-server-strict-tls",
        "Verify the certificate of Dex",
        GoKind.BOOL,
        env=f"{_PREFIX}DEX_SERVER_STRICT_TLS",
    ),
    _flag(
        "enable-k8s-event",
        "Reasons of the events that are written; all or none",
        GoKind.REASONS,
        "[all]",
        env="ARGOCD_ENABLE_K8S_EVENT",
    ),
    _flag(
        "oidc-cache-expiration",
        "How long is believed what a provider says of itself",
        GoKind.DURATION,
        "3m0s",
        env=f"{_PREFIX}OIDC_CACHE_EXPIRATION",
    ),
    _flag(
        "enable-proxy-extension",
        "Hand requests of pages' extensions on to their backends",
        GoKind.BOOL,
        env=f"{_PREFIX}ENABLE_PROXY_EXTENSION",
    ),
    _flag(
        "sync-with-replace-allowed",
        "Let a sync replace objects",
        GoKind.BOOL,
        "true",
        env="ARGOCD_SYNC_WITH_REPLACE_ALLOWED",
    ),
)

_PROCESS = (
    _flag("logformat", "json or text", default="json", env=f"{_PREFIX}LOGFORMAT"),
    _flag("loglevel", "debug, info, warn or error", default="info", env=f"{_PREFIX}LOG_LEVEL"),
    _flag(
        "metrics-address",
        "Where metrics are served",
        default="0.0.0.0",  # noqa: S104
        env=f"{_PREFIX}METRICS_LISTEN_ADDRESS",
    ),
    _flag("metrics-port", "The port of metrics", GoKind.INT, "8083"),
)

_RENDERS = (
    _flag(
        "repo-server",
        "host:port of the render process; where nobody says it, this process renders",
        default="argocd-repo-server:8081",
        env=f"{_PREFIX}REPO_SERVER",
    ),
    _flag(
        "repo-server-ca-cert-path",
        "A file with the CA of the render process; our own authority",
        env=f"{_PREFIX}REPO_SERVER_CA_CERT_PATH",
    ),
    _flag(
        "repo-server-client-cert-key-path",
        "A file with the key of our certificate, where there is one",
        default="/app/config/reposerver/mtls/client.key",
        env=f"{_PREFIX}REPO_SERVER_CLIENT_CERT_KEY_PATH",
    ),
    _flag(
        "repo-server-client-cert-path",
        "A file with the certificate that the render process is shown, where there is one",
        default="/app/config/reposerver/mtls/client.crt",
        env=f"{_PREFIX}REPO_SERVER_CLIENT_CERT_PATH",
    ),
    _flag(
        "repo-server-plaintext",
        "Speak to the render process without TLS",
        GoKind.BOOL,
        env=f"{_PREFIX}REPO_SERVER_PLAINTEXT",
    ),
    _flag(
        "repo-server-timeout-seconds",
        "Seconds that a render may take, its waiting included",
        GoKind.INT,
        "60",
        env=f"{_PREFIX}REPO_SERVER_TIMEOUT_SECONDS",
    ),
)

_LATER = (
    _only(
        "app-state-cache-expiration", GoKind.DURATION, "1h0m0s", "ARGOCD_APP_STATE_CACHE_EXPIRATION"
    ),
    _only("appset-allowed-scm-providers", GoKind.STRINGS, env=f"{_APPSETS}ALLOWED_SCM_PROVIDERS"),
    _only(
        "appset-enable-github-api-metrics", GoKind.BOOL, env=f"{_APPSETS}ENABLE_GITHUB_API_METRICS"
    ),
    _only(
        "appset-enable-new-git-file-globbing",
        GoKind.BOOL,
        env=f"{_APPSETS}ENABLE_NEW_GIT_FILE_GLOBBING",
    ),
    _only("appset-enable-scm-providers", GoKind.BOOL, "true", f"{_APPSETS}ENABLE_SCM_PROVIDERS"),
    _only("appset-scm-root-ca-path", env=f"{_APPSETS}SCM_ROOT_CA_PATH"),
    _only(
        "connection-status-cache-expiration",
        GoKind.DURATION,
        "1h0m0s",
        f"{_PREFIX}CONNECTION_STATUS_CACHE_EXPIRATION",
    ),
    _only(
        "default-cache-expiration", GoKind.DURATION, "24h0m0s", "ARGOCD_DEFAULT_CACHE_EXPIRATION"
    ),
    _only("glob-cache-size", GoKind.INT, "10000", f"{_PREFIX}GLOB_CACHE_SIZE"),
    _only("gloglevel", GoKind.INT),
    _only("hydrator-enabled", GoKind.BOOL, env="ARGOCD_HYDRATOR_ENABLED"),
    _only("login-attempts-expiration", GoKind.DURATION, "24h0m0s"),
    _only("otlp-address", env=f"{_PREFIX}OTLP_ADDRESS"),
    _only("otlp-attrs", GoKind.STRINGS, env=f"{_PREFIX}OTLP_ATTRS"),
    _only("otlp-headers", GoKind.STRING_TO_STRING, "[]", f"{_PREFIX}OTLP_HEADERS"),
    _only("otlp-insecure", GoKind.BOOL, "true", f"{_PREFIX}OTLP_INSECURE"),
    _only("otlp-sample-ratio", GoKind.FLOAT, "1", f"{_PREFIX}OTLP_SAMPLE_RATIO"),
    _only("repo-cache-expiration", GoKind.DURATION, "24h0m0s", "ARGOCD_REPO_CACHE_EXPIRATION"),
    # The render process' own cache is asked by nobody but itself.
    _only("repo-server-default-cache-expiration", GoKind.DURATION, "24h0m0s"),
    _only("repo-server-redis"),
    _only("repo-server-redis-ca-certificate"),
    _only("repo-server-redis-client-certificate"),
    _only("repo-server-redis-client-key"),
    _only("repo-server-redis-compress", default="gzip"),
    _only("repo-server-redis-insecure-skip-tls-verify", GoKind.BOOL),
    _only("repo-server-redis-use-tls", GoKind.BOOL),
    _only("repo-server-redisdb", GoKind.INT),
    _only("repo-server-sentinel", GoKind.STRING_ARRAY),
    _only("repo-server-sentinelmaster", default="master"),
    # Its variable is the controller's interval, too: it is who decides when refs are listed.
    _only("revision-cache-expiration", GoKind.DURATION, "3m0s"),
    _only(
        "revision-cache-lock-timeout", GoKind.DURATION, "10s", "ARGOCD_REVISION_CACHE_LOCK_TIMEOUT"
    ),
    _only("tlsciphers", default="TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", env="ARGOCD_TLS_CIPHERS"),
)

_WEBHOOKS = (
    _param(
        "webhook-parallelism-limit",
        "server.webhook.parallelism.limit",
        "Deliveries of webhooks that are worked on at once",
        GoKind.INT,
        "50",
        f"{_PREFIX}WEBHOOK_PARALLELISM_LIMIT",
    ),
    _param(
        "webhook-refresh-workers",
        "server.webhook.refresh.workers",
        "Refreshes that webhooks ask for at once",
        GoKind.INT,
        "20",
        f"{_PREFIX}WEBHOOK_REFRESH_WORKERS",
    ),
)

EDGE_FLAGS = (*_EDGE, *_METHODS, *_WEBHOOKS)
"""What a process that does everything takes of them, too."""

FLAGS = (
    *CONNECTION,
    *_EDGE,
    *_METHODS,
    *_PROCESS,
    *_RENDERS,
    *_LATER,
    *_WEBHOOKS,
    *REDIS_FLAGS,
    _flag(
        "application-controller",
        "host:port of the controller, which knows what is live",
        default="argocd-application-controller:8085",
        env="TIPHYS_APPLICATION_CONTROLLER",
    ),
    _flag("data", "Folder for what is kept on disk (default $XDG_STATE_HOME/tiphys)"),
)
"""Those of `argocd-server`, `application-controller` and `data`."""

WITHOUT_EFFECT = (
    "ARGOCD_K8SCLIENT_RETRY_BASE_BACKOFF",
    "ARGOCD_K8SCLIENT_RETRY_MAX",
    "ARGOCD_K8S_CLIENT_MAX_IDLE_CONNECTIONS",
    "ARGOCD_K8S_TCP_IDLE_TIMEOUT",
    "ARGOCD_K8S_TCP_KEEPALIVE",
    "ARGOCD_K8S_TCP_TIMEOUT",
    "ARGOCD_K8S_TLS_HANDSHAKE_TIMEOUT",
    "ARGOCD_LOG_FORMAT_TIMESTAMP",
    "ARGOCD_REDIS_KEY_PREFIX",
    "ARGOCD_SERVER_REPO_SERVER_STRICT_TLS",
    "GRPC_ENABLE_TXT_SERVICE_CONFIG",
)
"""Variables without a flag that would change speed or words alone: said at the start."""

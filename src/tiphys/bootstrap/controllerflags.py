"""The flags of the application controller, as a table."""

from __future__ import annotations

from tiphys.bootstrap.redisflags import REDIS_FLAGS
from tiphys.bootstrap.serverflags import GoKind, ServerFlag, Where

_PREFIX = "ARGOCD_APPLICATION_CONTROLLER_"


def _param(
    name: str, key: str, env: str, default: str = "", kind: GoKind = GoKind.INT, text: str = ""
) -> ServerFlag:
    """Lies over a key of argocd-cmd-params-cm."""
    return ServerFlag(name, kind, default, env=env, where=Where.PARAMS, key=key, help=text)


def _general(name: str, key: str, env: str, default: str, text: str) -> ServerFlag:
    """Lies over a key of argocd-cm."""
    return ServerFlag(
        name,
        GoKind.INT,
        default,
        env=env,
        where=Where.GENERAL,
        key=key,
        in_seconds=True,
        help=text,
    )


def _only(
    name: str,
    kind: GoKind = GoKind.STRING,
    default: str = "",
    env: str = "",
    accepted: tuple[str, ...] = (),
) -> ServerFlag:
    """Means nothing here, or means what comes with a later version."""
    return ServerFlag(name, kind, default, env=env, where=Where.ONLY_DEFAULT, accepted=accepted)


def _own(
    name: str,
    text: str = "",
    kind: GoKind = GoKind.STRING,
    default: str = "",
    short: str = "",
    env: str = "",
) -> ServerFlag:
    return ServerFlag(name, kind, default, short, env, help=text)


CONNECTION = (
    _own("kubeconfig", "The kubeconfig file; in a pod, its ServiceAccount"),
    _own("context", "The context of the kubeconfig; its current one"),
    _own("namespace", "Where the Applications are", short="n"),
    _own("server", "The URL of the API server"),
    _own("certificate-authority", "A file with the CA of the API server"),
    _own("client-certificate", "A file with a client certificate"),
    _own("client-key", "A file with the client certificate's key"),
    _own("token", "A bearer token"),
    _own("tls-server-name", "The name in the API server's certificate"),
    _own("insecure-skip-tls-verify", "Trust any certificate", GoKind.BOOL),
    _own("disable-compression", "Ask for answers without compression", GoKind.BOOL),
    _own("request-timeout", "How long one request may take; 0 is the usual time", default="0"),
    _own("as", "Act in the name of this user"),
    _own("as-group", "Act as a member of this group; may be repeated", GoKind.STRING_ARRAY),
    _own("as-uid", "Act as the user with this uid"),
    _own("cluster", "The cluster of the kubeconfig to use"),
    _own("user", "The user of the kubeconfig to use"),
    _own("username", "The name for basic authentication"),
    _own("password", "The password for basic authentication"),
    _own("proxy-url", "The URL of a proxy to the API server"),
)

_SETTINGS = (
    _general(
        "app-resync",
        "timeout.reconciliation",
        "ARGOCD_RECONCILIATION_TIMEOUT",
        "120",
        "Seconds after which a comparison is too old; 0 never",
    ),
    _general(
        "app-hard-resync",
        "timeout.hard.reconciliation",
        "ARGOCD_HARD_RECONCILIATION_TIMEOUT",
        "",
        "Seconds after which nothing that is remembered is trusted; 0 never",
    ),
    _general(
        "app-resync-jitter",
        "timeout.reconciliation.jitter",
        "ARGOCD_RECONCILIATION_JITTER",
        "60",
        "The most seconds that are added to app-resync",
    ),
    _param(
        "application-namespaces",
        "application.namespaces",
        "ARGOCD_APPLICATION_NAMESPACES",
        kind=GoKind.STRINGS,
        text="Globs of further namespaces that hold Applications",
    ),
    _param(
        "ignore-normalizer-jq-execution-timeout-seconds",
        "controller.ignore.normalizer.jq.timeout",
        "ARGOCD_IGNORE_NORMALIZER_JQ_TIMEOUT",
        kind=GoKind.DURATION,
        text="How long one jq expression may take",
    ),
    _param(
        "kubectl-parallelism-limit",
        "controller.kubectl.parallelism.limit",
        f"{_PREFIX}KUBECTL_PARALLELISM_LIMIT",
        "20",
        text="Writes to one cluster that are under way at once; 0 any number",
    ),
    _param(
        "metrics-application-conditions",
        "controller.metrics.application.conditions",
        f"{_PREFIX}METRICS_APPLICATION_CONDITIONS",
        kind=GoKind.STRINGS,
        text="Types of conditions that are counted",
    ),
    _param(
        "metrics-application-labels",
        "controller.metrics.application.labels",
        f"{_PREFIX}METRICS_APPLICATION_LABELS",
        kind=GoKind.STRINGS,
        text="Labels of Applications that are told",
    ),
    _param(
        "metrics-cluster-labels",
        "controller.metrics.cluster.labels",
        f"{_PREFIX}METRICS_CLUSTER_LABELS",
        kind=GoKind.STRINGS,
        text="Labels of cluster Secrets that are told",
    ),
    _param(
        "metrics-cache-expiration",
        "controller.metrics.cache.expiration",
        f"{_PREFIX}METRICS_CACHE_EXPIRATION",
        kind=GoKind.DURATION,
        text="After how long the counts of applications begin anew; 0 never",
    ),
    _param(
        "operation-processors",
        "controller.operation.processors",
        f"{_PREFIX}OPERATION_PROCESSORS",
        "10",
        text="Operations that are prepared side by side",
    ),
    _param(
        "persist-resource-health",
        "controller.resource.health.persist",
        f"{_PREFIX}PERSIST_RESOURCE_HEALTH",
        kind=GoKind.BOOL,
        text="Store the health of each object in the Application",
    ),
    _param(
        "repo-error-grace-period-seconds",
        "controller.repo.error.grace.period.seconds",
        "ARGOCD_REPO_ERROR_GRACE_PERIOD_SECONDS",
        "180",
        text="Seconds for which a failing repository goes unmentioned",
    ),
    _param(
        "self-heal-backoff-cap-seconds",
        "controller.self.heal.backoff.cap.seconds",
        f"{_PREFIX}SELF_HEAL_BACKOFF_CAP_SECONDS",
        "300",
        text="The longest wait between self-heals",
    ),
    _param(
        "self-heal-backoff-factor",
        "controller.self.heal.backoff.factor",
        f"{_PREFIX}SELF_HEAL_BACKOFF_FACTOR",
        "3",
        text="What each further wait is multiplied by",
    ),
    _param(
        "self-heal-backoff-timeout-seconds",
        "controller.self.heal.backoff.timeout.seconds",
        f"{_PREFIX}SELF_HEAL_BACKOFF_TIMEOUT_SECONDS",
        "2",
        text="The first wait between self-heals",
    ),
    _param(
        "self-heal-timeout-seconds",
        "controller.self.heal.timeout.seconds",
        f"{_PREFIX}SELF_HEAL_TIMEOUT_SECONDS",
        text="The wait between self-heals without backoff",
    ),
    _param(
        "server-side-diff-enabled",
        "controller.diff.server.side",
        f"{_PREFIX}SERVER_SIDE_DIFF",
        kind=GoKind.BOOL,
        text="Ask the API server what an apply would change",
    ),
    _param(
        "status-processors",
        "controller.status.processors",
        f"{_PREFIX}STATUS_PROCESSORS",
        "20",
        text="Applications that are compared side by side",
    ),
    _param(
        "sync-timeout",
        "controller.sync.timeout.seconds",
        f"{_PREFIX}SYNC_TIMEOUT",
        text="Seconds after which an operation is ended; 0 never",
    ),
)

_PROCESS = (
    _own(
        "enable-k8s-event",
        "Reasons of the events that are written; all or none",
        GoKind.REASONS,
        "[all]",
        env="ARGOCD_ENABLE_K8S_EVENT",
    ),
    _own("logformat", "json or text", default="json", env=f"{_PREFIX}LOGFORMAT"),
    _own("loglevel", "debug, info, warn or error", default="info", env=f"{_PREFIX}LOGLEVEL"),
    _own("metrics-port", "The port of metrics and health", GoKind.INT, "8082"),
)

_OTHERS = (
    _only(
        "app-state-cache-expiration", GoKind.DURATION, "1h0m0s", "ARGOCD_APP_STATE_CACHE_EXPIRATION"
    ),
    _only("commit-server", default="argocd-commit-server:8086", env=f"{_PREFIX}COMMIT_SERVER"),
    _only(
        "default-cache-expiration", GoKind.DURATION, "24h0m0s", "ARGOCD_DEFAULT_CACHE_EXPIRATION"
    ),
    _only(
        "dynamic-cluster-distribution-enabled",
        GoKind.BOOL,
        env="ARGOCD_ENABLE_DYNAMIC_CLUSTER_DISTRIBUTION",
    ),
    _only("gloglevel", GoKind.INT),
    _only("hydration-processors", GoKind.INT, "5", f"{_PREFIX}HYDRATION_PROCESSORS"),
    _only("hydrator-enabled", GoKind.BOOL, env="ARGOCD_HYDRATOR_ENABLED"),
    _only("otlp-address", env=f"{_PREFIX}OTLP_ADDRESS"),
    _only("otlp-attrs", GoKind.STRINGS, env=f"{_PREFIX}OTLP_ATTRS"),
    _only("otlp-headers", GoKind.STRING_TO_STRING, "[]", f"{_PREFIX}OTLP_HEADERS", ("",)),
    _only("otlp-insecure", GoKind.BOOL, "true", f"{_PREFIX}OTLP_INSECURE"),
    _only("otlp-sample-ratio", GoKind.FLOAT, "1", f"{_PREFIX}OTLP_SAMPLE_RATIO"),
    _only("sharding-method", default="legacy", env="ARGOCD_CONTROLLER_SHARDING_ALGORITHM"),
    _only("wq-backoff-factor", GoKind.FLOAT, "1.5", "WORKQUEUE_BACKOFF_FACTOR"),
    _only("wq-basedelay-ns", GoKind.DURATION, "1ms"),
    _only("wq-bucket-qps", GoKind.FLOAT, "1.7976931348623157e+308"),
    _only("wq-bucket-size", GoKind.INT, "500", "WORKQUEUE_BUCKET_SIZE"),
    _only("wq-cooldown-ns", GoKind.DURATION),
    _only("wq-maxdelay-ns", GoKind.DURATION, "1s"),
)

_RENDERS = (
    _own(
        "repo-server",
        "host:port of the render process; where nobody says it, this process renders",
        default="argocd-repo-server:8081",
        env=f"{_PREFIX}REPO_SERVER",
    ),
    _own(
        "repo-server-ca-cert-path",
        "A file with the CA of the render process; our own authority",
        env=f"{_PREFIX}REPO_SERVER_CA_CERT_PATH",
    ),
    _own(
        "repo-server-client-cert-key-path",
        "A file with the key of our certificate, where there is one",
        default="/app/config/reposerver/mtls/client.key",
        env=f"{_PREFIX}REPO_SERVER_CLIENT_CERT_KEY_PATH",
    ),
    _own(
        "repo-server-client-cert-path",
        "A file with the certificate that the render process is shown, where there is one",
        default="/app/config/reposerver/mtls/client.crt",
        env=f"{_PREFIX}REPO_SERVER_CLIENT_CERT_PATH",
    ),
    _own(
        "repo-server-plaintext",
        "Speak to the render process without TLS",
        GoKind.BOOL,
        env=f"{_PREFIX}REPO_SERVER_PLAINTEXT",
    ),
    _own(
        "repo-server-timeout-seconds",
        "Seconds that a render may take, its waiting included",
        GoKind.INT,
        "60",
        env=f"{_PREFIX}REPO_SERVER_TIMEOUT_SECONDS",
    ),
)

LIVE_FLAGS = (
    _own("live-address", "Where the API server asks for what is live", default="0.0.0.0"),  # noqa: S104
    _own("live-port", "The port for that", GoKind.INT, "8085"),
)

OTHER_PROCESSES = (*_RENDERS, *REDIS_FLAGS, *LIVE_FLAGS)
"""Those about processes that one that does everything itself has no need of."""

CONTRACT_FLAGS = tuple(
    sorted(
        (*CONNECTION, *_SETTINGS, *_PROCESS, *_RENDERS, *REDIS_FLAGS, *_OTHERS),
        key=lambda flag: flag.name,
    )
)
"""Those of `argocd-application-controller`, but for --help."""

OWN_FLAGS = (
    _own("data", "Folder for what is kept on disk (default $XDG_STATE_HOME/tiphys)"),
    *LIVE_FLAGS,
    _own("metrics-address", "Where metrics and health are served", default="0.0.0.0"),  # noqa: S104
    _own("observe", "Compare and tell, and write nothing", GoKind.BOOL),
    _own("take-over", "Begin even where another controller seems to be at work", GoKind.BOOL),
)

WITHOUT_EFFECT = (
    "ARGOCD_APPLICATION_CONTROLLER_REPO_SERVER_STRICT_TLS",
    "ARGOCD_APPLICATION_CONTROLLER_SELF_HEAL_BACKOFF_COOLDOWN_SECONDS",
    "ARGOCD_CLUSTER_CACHE_BATCH_EVENTS_PROCESSING",
    "ARGOCD_CLUSTER_CACHE_EVENTS_PROCESSING_INTERVAL",
    "ARGOCD_K8SCLIENT_RETRY_BASE_BACKOFF",
    "ARGOCD_K8SCLIENT_RETRY_MAX",
    "ARGOCD_K8S_CLIENT_MAX_IDLE_CONNECTIONS",
    "ARGOCD_K8S_TCP_IDLE_TIMEOUT",
    "ARGOCD_K8S_TCP_KEEPALIVE",
    "ARGOCD_K8S_TCP_TIMEOUT",
    "ARGOCD_K8S_TLS_HANDSHAKE_TIMEOUT",
    "ARGOCD_LOG_FORMAT_TIMESTAMP",
    "ARGOCD_REDIS_KEY_PREFIX",
    "GRPC_ENABLE_TXT_SERVICE_CONFIG",
)
"""Variables without a flag that would change speed or words alone: said at the start."""

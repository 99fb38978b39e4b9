"""From the ConfigMaps to settings; what cannot be read or honoured names its key."""

from dataclasses import replace

import pytest

from tiphys.core.settings import (
    ResourceFilter,
    ResourceRule,
    Settings,
    parse_settings,
    read_settings,
    unsupported_settings,
)
from tiphys.core.settings.tools import ToolSettings
from tiphys.model.errors import SettingsError
from tiphys.model.resource import GroupKind

CLUSTER = "https://kubernetes.default.svc"
CONFIG_MAP = GroupKind("", "ConfigMap")


def test_defaults() -> None:
    assert parse_settings({}, {}) == Settings()
    assert (Settings().reconciliation, Settings().reconciliation_jitter) == (120.0, 60.0)


def test_empty_values_are_absent() -> None:
    assert parse_settings({"timeout.reconciliation": ""}, {"controller.status.processors": ""}) == (
        Settings()
    )


def test_general_settings() -> None:
    settings = parse_settings(
        {
            "timeout.reconciliation": "5s",
            "timeout.reconciliation.jitter": "0",
            "timeout.hard.reconciliation": "1h",
            "application.instanceLabelKey": "example.com/app",
            "application.resourceTrackingMethod": "annotation",
            "unknown": "is left alone",
        },
        {},
    )
    assert settings == Settings(
        reconciliation=5.0,
        reconciliation_jitter=0.0,
        hard_reconciliation=3600.0,
        instance_label_key="example.com/app",
    )


def test_process_settings() -> None:
    settings = parse_settings(
        {},
        {
            "controller.self.heal.timeout.seconds": "5",
            "controller.self.heal.backoff.timeout.seconds": "1",
            "controller.self.heal.backoff.factor": "2",
            "controller.self.heal.backoff.cap.seconds": "60",
            "controller.sync.timeout.seconds": "900",
            "controller.repo.error.grace.period.seconds": "0",
            "controller.sync.wave.delay.seconds": "3",
            "controller.status.processors": "4",
            "controller.operation.processors": "2",
            "controller.kubectl.parallelism.limit": "8",
            "controller.resource.health.persist": "true",
        },
    )
    assert settings == Settings(
        self_heal_delay=5,
        self_heal_backoff=1,
        self_heal_backoff_factor=2,
        self_heal_backoff_cap=60,
        sync_timeout=900,
        repo_error_grace=0,
        wave_delay=3,
        status_processors=4,
        operation_processors=2,
        apply_parallelism=8,
        health_inline=True,
    )


def test_webhook_settings() -> None:
    settings = parse_settings(
        {
            "webhook.maxPayloadSizeMB": "5",
            "webhook.refresh.jitter": "30s",
            "webhook.refresh.jitter.threshold": "0",
        },
        {"server.webhook.parallelism.limit": "7", "server.webhook.refresh.workers": "3"},
    )
    assert settings == Settings(
        webhook_payload=5,
        webhook_jitter=30.0,
        webhook_jitter_threshold=0,
        webhook_workers=7,
        webhook_refresh_workers=3,
    )


def test_the_environment_s_wave_delay_wins() -> None:
    params = {"controller.sync.wave.delay.seconds": "3"}
    assert parse_settings({}, params, wave_delay="0").wave_delay == 0


@pytest.mark.parametrize(
    ("general", "params", "key"),
    [
        ({"timeout.reconciliation": "soon"}, {}, "timeout.reconciliation"),
        ({"timeout.hard.reconciliation": "-1s"}, {}, "timeout.hard.reconciliation"),
        ({}, {"controller.status.processors": "many"}, "controller.status.processors"),
        ({}, {"controller.status.processors": "-1"}, "controller.status.processors"),
        ({}, {"controller.sync.timeout.seconds": "9" * 12}, "controller.sync.timeout.seconds"),
        (
            {},
            {"controller.resource.health.persist": "perhaps"},
            "controller.resource.health.persist",
        ),
        ({"webhook.maxPayloadSizeMB": "0"}, {}, "webhook.maxPayloadSizeMB"),
        ({}, {"server.webhook.refresh.workers": "0"}, "server.webhook.refresh.workers"),
        ({"resource.exclusions": "{"}, {}, "resource.exclusions"),
        ({"resource.exclusions": "kinds: [a]"}, {}, "resource.exclusions"),
        ({"resource.exclusions": "[a]"}, {}, "resource.exclusions"),
        ({"resource.inclusions": "[{kinds: a}]"}, {}, "resource.inclusions"),
        ({"resource.inclusions": "[{kinds: [1]}]"}, {}, "resource.inclusions"),
        ({"resource.inclusions": "[{kind: [a]}]"}, {}, "resource.inclusions"),
    ],
)
def test_what_cannot_be_read(general: dict[str, str], params: dict[str, str], key: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_settings(general, params)
    assert caught.value.key == key
    assert str(caught.value).startswith(f"{key}: ")


def test_a_bad_wave_delay_names_the_variable() -> None:
    with pytest.raises(SettingsError, match="ARGOCD_SYNC_WAVE_DELAY"):
        parse_settings({}, {}, wave_delay="long")


@pytest.mark.parametrize(("text", "value"), [("F", False), ("1", True), ("false", False)])
def test_booleans(text: str, value: bool) -> None:
    params = {"controller.resource.health.persist": text}
    assert parse_settings({}, params).health_inline is value


SAID = [
    ("resource.customizations.actions.apps_Deployment", "discovery.lua: return {}"),
    ("resource.customizations", "apps/Deployment: {actions: 'discovery.lua: return {}'}"),
    ("application.allowedNodeLabels", "zone"),
    ("kustomize.buildOptions.v5", "--enable-helm"),
    ("controller.sharding.algorithm", "round-robin"),
    ("hydrator.enabled", "true"),
]
HARMLESS = [
    ("application.resourceTrackingMethod", "annotation"),
    ("application.resourceTrackingMethod", "unheard of"),
    ("installationID", ""),
    ("application.sync.impersonation.enabled", "false"),
    ("cluster.inClusterEnabled", "true"),
    ("resource.compareoptions", "ignoreResourceStatusField: all\nignoreAggregatedRoles: false\n"),
    ("resource.customizations", "{}"),
    ("resource.customizations", "# nothing yet"),
    ("resource.customizations.health.example.com_Widget", ""),
    ("resource.customizations.ignoreDifferences.all", "# nothing yet"),
    ("resource.customizations.knownTypeFields.example.com_Widget", "# nothing yet"),
    ("globalProjects", "[]"),
    ("globalProjects", "# nothing yet"),
    ("resource.respectRBAC", ""),
    ("helm.enable", "true"),
    ("controller.sharding.algorithm", "legacy"),
    ("controller.diff.server.side", "false"),
    ("users.anonymous.enabled", "true"),
]


@pytest.mark.parametrize(("key", "value"), SAID)
def test_unsupported_settings_are_listed(key: str, value: str) -> None:
    assert unsupported_settings({"a": "b", key: value}) == [key]


def test_tools() -> None:
    general = {"helm.enable": "false", "kustomize.path.v5": "/a", "kustomize.version.v5": "/b"}
    read = read_settings(general, {"reposerver.plugin.tar.exclusions": "*.md"})
    assert read.settings == Settings(
        tools=ToolSettings(helm=False, kustomize_versions=("v5",), plugin_tar_exclude=("*.md",))
    )
    (problem,) = read.problems
    assert problem.key == "kustomize.version.v5"


def test_what_cannot_be_read_has_no_actions() -> None:
    assert unsupported_settings({"resource.customizations": "{"}) == []


@pytest.mark.parametrize(("key", "value"), SAID)
def test_what_is_only_said_is_not_refused(key: str, value: str) -> None:
    settings = parse_settings({key: value}, {key: value})
    assert replace(settings, node_labels=()) == Settings()


@pytest.mark.parametrize(("key", "value"), HARMLESS)
def test_harmless_settings(key: str, value: str) -> None:
    assert unsupported_settings({key: value}) == []
    assert parse_settings({key: value}, {key: value}) == Settings()


@pytest.mark.parametrize(
    ("kind", "excluded"),
    [
        (GroupKind("events.k8s.io", "Event"), True),
        (GroupKind("metrics.k8s.io", "PodMetrics"), True),
        (GroupKind("", "Event"), True),
        (GroupKind("coordination.k8s.io", "Lease"), True),
        (CONFIG_MAP, False),
    ],
)
def test_default_exclusions(kind: GroupKind, excluded: bool) -> None:
    assert ResourceFilter().excludes(kind, CLUSTER) is excluded


def test_exclusions_and_inclusions() -> None:
    resources = parse_settings(
        {
            "resource.exclusions": "- apiGroups: ['*.example.com']\n  clusters: ['*']\n",
            "resource.inclusions": (
                "- kinds: [Secret]\n  clusters: [https://prod]\n"
                "- apiGroups: ['']\n  clusters: [https://dev]\n"
            ),
        },
        {},
    ).resources
    assert resources.exclusions == (ResourceRule(groups=("*.example.com",), clusters=("*",)),)
    assert resources.excludes(GroupKind("a.example.com", "Widget"), "https://other")
    assert resources.excludes(CONFIG_MAP, "https://prod")
    assert not resources.excludes(GroupKind("", "Secret"), "https://prod")
    assert not resources.excludes(CONFIG_MAP, "https://dev")
    assert not resources.excludes(CONFIG_MAP, "https://other")

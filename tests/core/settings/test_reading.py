"""Keys one by one: what each is read as, and that a bad one leaves the others alone."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiphys.core.settings import Settings, parse_settings, read_settings
from tiphys.core.settings.overrides import (
    HealthScript,
    IgnoredStatus,
    IgnoreRule,
    KnownTypeField,
    ResourceOverrides,
)
from tiphys.core.settings.settings import GlobalProject, RespectRbac, TrackingMethod
from tiphys.model.errors import SettingsError
from tiphys.model.resource import GroupKind

GENERAL = [
    ("application.resourceTrackingMethod", "label", "tracking", TrackingMethod.LABEL),
    (
        "application.resourceTrackingMethod",
        "annotation+label",
        "tracking",
        TrackingMethod.ANNOTATION_AND_LABEL,
    ),
    ("installationID", " one ", "installation_id", "one"),
    ("application.sync.impersonation.enabled", "true", "impersonation", True),
    ("application.sync.impersonation.enforced", "false", "impersonation_enforced", False),
    ("cluster.inClusterEnabled", "false", "in_cluster", False),
    ("resource.ignoreResourceUpdatesEnabled", "false", "ignore_updates", False),
    ("resource.respectRBAC", "normal", "respect_rbac", RespectRbac.NORMAL),
    ("resource.respectRBAC", "strict", "respect_rbac", RespectRbac.STRICT),
    ("resource.includeEventLabelKeys", "team, env*", "event_labels_include", ("team", "env*")),
    ("resource.excludeEventLabelKeys", "bu,", "event_labels_exclude", ("bu",)),
    ("resource.customLabels", "tier", "custom_labels", ("tier",)),
    ("application.allowedNodeLabels", "zone", "node_labels", ("zone",)),
    ("resource.sensitive.mask.annotations", "a/b,c", "masked_annotations", ("a/b", "c")),
]
PARAMS = [
    ("application.namespaces", "team-*, other", "application_namespaces", ("team-*", "other")),
    ("controller.diff.server.side", "true", "server_side_diff", True),
    ("controller.ignore.normalizer.jq.timeout", "5s", "jq_timeout", 5.0),
    ("controller.ignore.normalizer.jq.timeout", "3", "jq_timeout", 3.0),
    ("controller.ignore.normalizer.jq.timeout", "0s", "jq_timeout", 1.0),
]


@pytest.mark.parametrize(("key", "text", "field", "value"), GENERAL)
def test_keys_of_argocd_cm(key: str, text: str, field: str, value: Any) -> None:
    assert parse_settings({key: text}, {}) == Settings(**{field: value})


@pytest.mark.parametrize(("key", "text", "field", "value"), PARAMS)
def test_keys_of_argocd_cmd_params_cm(key: str, text: str, field: str, value: Any) -> None:
    assert parse_settings({}, {key: text}) == Settings(**{field: value})


def test_global_projects() -> None:
    text = (
        "- projectName: base\n  labelSelector:\n    matchLabels: {team: a}\n"
        "- projectName: everybody\n"
    )
    assert parse_settings({"globalProjects": text}, {}).global_projects == (
        GlobalProject("base", {"matchLabels": {"team": "a"}}),
        GlobalProject("everybody", {}),
    )


LEGACY = """
apps/Deployment:
  health.lua: return {status = "Healthy"}
  health.lua.useOpenLibs: true
  ignoreDifferences: |
    jsonPointers: [/spec/replicas]
Pod:
  ignoreResourceUpdates:
    jqPathExpressions: ['.status']
    managedFieldsManagers:
"*.example.com/*":
  health.lua: return nil
  knownTypeFields:
  - {field: spec.template, type: core/v1/PodTemplateSpec}
"""


def test_one_key_for_all() -> None:
    found = parse_settings({"resource.customizations": LEGACY}, {}).overrides
    assert found == ResourceOverrides(
        health=(
            HealthScript(
                group="apps",
                kind="Deployment",
                script='return {status = "Healthy"}',
                open_libs=True,
            ),
            HealthScript(group="*.example.com", kind="*", script="return nil"),
        ),
        ignore_differences=(
            IgnoreRule(group="apps", kind="Deployment", json_pointers=("/spec/replicas",)),
        ),
        ignore_updates=(IgnoreRule(group="", kind="Pod", jq_path_expressions=(".status",)),),
        known_types=(
            KnownTypeField("*.example.com", "*", "spec.template", "core/v1/PodTemplateSpec"),
        ),
    )


def test_a_key_for_each_kind() -> None:
    data = {
        "resource.customizations.health.example.com_Widget": "return {}",
        "resource.customizations.useOpenLibs.example.com_Widget": "true",
        "resource.customizations.ignoreDifferences.all": "managedFieldsManagers: [scaler]",
        "resource.customizations.ignoreDifferences.Pod": "jsonPointers: [/spec]",
        "resource.customizations.ignoreResourceUpdates.all": "jsonPointers: [/status]",
        "resource.customizations.knownTypeFields.example.com_Widget": (
            "[{field: spec.size, type: core/Quantity}]"
        ),
    }
    assert parse_settings(data, {}).overrides == ResourceOverrides(
        health=(
            HealthScript(group="example.com", kind="Widget", script="return {}", open_libs=True),
        ),
        ignore_differences=(
            IgnoreRule(group="", kind="Pod", json_pointers=("/spec",)),
            IgnoreRule(managed_fields_managers=("scaler",)),
        ),
        ignore_updates=(IgnoreRule(json_pointers=("/status",)),),
        known_types=(KnownTypeField("example.com", "Widget", "spec.size", "core/Quantity"),),
    )


def test_a_key_of_its_own_beats_the_one_key() -> None:
    data = {
        "resource.customizations": "a/B: {health.lua: old, health.lua.useOpenLibs: true}",
        "resource.customizations.health.a_B": "new",
    }
    found = parse_settings(data, {}).overrides.health
    assert found == (HealthScript(group="a", kind="B", script="new", open_libs=True),)


@pytest.mark.parametrize(
    ("key", "group", "kind"),
    [
        ("_.crossplane.io__", "*.crossplane.io", "*"),
        ("__Widget", "*", "Widget"),
        ("all", "*", "*"),
        ("*.crossplane.io_*", "*.crossplane.io", "*"),
        ("example.com__", "example.com", "*"),
        ("Pod", "", "Pod"),
        ("_Pod", "", "Pod"),
    ],
)
def test_wildcards_of_keys(key: str, group: str, kind: str) -> None:
    (found,) = parse_settings({f"resource.customizations.health.{key}": "x"}, {}).overrides.health
    assert (found.group, found.kind) == (group, kind)


def test_a_star_alone_is_every_kind() -> None:
    found = parse_settings({"resource.customizations": "'*': {health.lua: x}"}, {}).overrides
    assert found.health_script(GroupKind("apps", "Deployment")) is found.health[0]


def test_an_exact_script_is_asked_before_wildcards() -> None:
    exact = HealthScript(group="a", kind="B", script="exact")
    wide = HealthScript(group="*", kind="B", script="wide")
    wider = HealthScript(group="*", kind="*", script="wider")
    scripts = ResourceOverrides(health=(wide, wider, exact))
    assert scripts.health_script(GroupKind("a", "B")) is exact
    assert scripts.health_script(GroupKind("b", "B")) is wide
    assert scripts.health_script(GroupKind("b", "C")) is wider
    assert ResourceOverrides(health=(exact,)).health_script(GroupKind("b", "B")) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ignoreAggregatedRoles: true", {"ignore_aggregated_roles": True}),
        ("ignoreResourceStatusField: crd", {"ignored_status": IgnoredStatus.CRD}),
        ("ignoreResourceStatusField: none", {"ignored_status": IgnoredStatus.NONE}),
        ("ignoreResourceStatusField: off", {"ignored_status": IgnoredStatus.NONE}),
        ("ignoreDifferencesOnResourceUpdates: false", {"ignore_differences_on_updates": False}),
    ],
)
def test_compare_options(text: str, expected: dict[str, Any]) -> None:
    found = parse_settings({"resource.compareoptions": text}, {}).overrides
    assert found == ResourceOverrides(**expected)


BAD = [
    ("application.sync.impersonation.enabled", "perhaps"),
    ("resource.respectRBAC", "loose"),
    ("resource.compareoptions", "ignoreResourceStatusField: some"),
    ("resource.compareoptions", "ignoreEverything: true"),
    ("resource.compareoptions", "[]"),
    ("globalProjects", "[{labelSelector: {}}]"),
    ("globalProjects", "[{projectName: a, labelSelector: b}]"),
    ("globalProjects", "[{projectName: a, selector: {}}]"),
    ("resource.customizations", "{"),
    ("resource.customizations", "[]"),
    ("resource.customizations", "apps/Deployment: []"),
    ("resource.customizations", "apps/Deployment: {health: x}"),
    ("resource.customizations", "apps/Deployment: {health.lua: 1}"),
    ("resource.customizations", "apps/Deployment: {ignoreDifferences: 'fields: [a]'}"),
    ("resource.customizations", "1: {}"),
    ("resource.customizations.useOpenLibs.a_B", "perhaps"),
    ("resource.customizations.health.a_B_C", "return {}"),
    ("resource.customizations.healthy.a_B", "return {}"),
    ("resource.customizations.ignoreDifferences.a_B", "jsonPointers: /spec"),
    ("resource.customizations.ignoreDifferences.a_B", "[]"),
    ("resource.customizations.knownTypeFields.a_B", "field: a"),
    ("resource.customizations.knownTypeFields.a_B", "[{field: a}]"),
    ("resource.customizations.knownTypeFields.a_B", "[{field: a, type: 1}]"),
]


@pytest.mark.parametrize(("key", "text"), BAD)
def test_what_cannot_be_read_names_its_key(key: str, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_settings({key: text}, {})
    assert caught.value.key == key
    assert str(caught.value).startswith(f"{key}: ")


def test_a_bad_jq_timeout() -> None:
    with pytest.raises(SettingsError, match="soon"):
        parse_settings({}, {"controller.ignore.normalizer.jq.timeout": "soon"})


def test_of_a_bad_key_the_last_good_value_stays_and_the_others_take_effect() -> None:
    key = "resource.customizations.ignoreDifferences.a_B"
    first = read_settings({key: "jsonPointers: [/a]", "installationID": "one"}, {})
    second = read_settings({key: "{", "installationID": "two"}, {}, last=first)
    assert [problem.key for problem in second.problems] == [key]
    assert second.settings.installation_id == "two"
    assert second.settings.overrides == first.settings.overrides
    # Good for as long as it stays bad, however often it is read.
    third = read_settings({key: "[", "installationID": "two"}, {}, last=second)
    assert third.settings == second.settings
    gone = read_settings({"installationID": "two"}, {}, last=third)
    assert (gone.settings.overrides, gone.problems) == (ResourceOverrides(), ())


def test_without_a_good_value_the_default_counts() -> None:
    read = read_settings({"timeout.reconciliation": "soon"}, {})
    assert read.settings == Settings()
    assert [problem.key for problem in read.problems] == ["timeout.reconciliation"]


KEYS = [
    *(key for key, *_ in GENERAL),
    *(key for key, _ in BAD),
    "timeout.reconciliation",
    "resource.exclusions",
]
TEXTS = st.one_of(
    st.text(),
    st.sampled_from(
        ["[" * 100, "&a [*a]", "? {a: b}\n: c", "- 2001-99-99", "9" * 5000, "!!set {a}"]
    ),
)


@given(st.dictionaries(st.sampled_from(KEYS), TEXTS), st.dictionaries(st.text(), TEXTS))
def test_nothing_that_is_written_there_ends_the_reading(
    data: dict[str, str], more: dict[str, str]
) -> None:
    named = {f"resource.customizations.{key}": text for key, text in more.items()}
    params = dict.fromkeys(["controller.sync.timeout.seconds"], next(iter(more.values()), ""))
    first = read_settings({**data, **named}, params)
    # What is wrong is said by its key, and what was taken reads the same again.
    assert all(problem.key for problem in first.problems)
    again = read_settings(first.general, first.params)
    assert again.problems == ()
    assert again.settings == first.settings

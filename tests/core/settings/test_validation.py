"""What is said of each group of settings."""

import pytest

from tiphys.core.settings.validation import Finding, Group, check

GOOD: list[tuple[Group, dict[str, str], Finding]] = [
    (Group.ACCOUNTS, {}, Finding(True, "1 accounts")),
    (
        Group.ACCOUNTS,
        {
            "accounts.alice": "apiKey, login",
            "accounts.alice.enabled": "false",
            "accounts.bob": "cook",
            "admin.enabled": "true",
            "accounts": "none",
        },
        Finding(True, "3 accounts", ("accounts.bob: not a capability: cook",)),
    ),
    (Group.GENERAL, {}, Finding(True, "SSO is not configured")),
    (
        Group.GENERAL,
        {"dex.config": "connectors: []"},
        Finding(True, "Dex is configured ('url' field is missing)"),
    ),
    (
        Group.GENERAL,
        {"oidc.config": "name: x", "url": "https://cd.example.com"},
        Finding(True, "OIDC is configured"),
    ),
    (
        Group.GENERAL,
        {"resource.customLabels": "tier"},
        Finding(
            True,
            "SSO is not configured",
            ("resource.customLabels: has no effect in this version",),
        ),
    ),
    (Group.KUSTOMIZE, {}, Finding(True, "default options")),
    (
        Group.KUSTOMIZE,
        {"kustomize.buildOptions": "--enable-helm", "kustomize.path.v1": "/a"},
        Finding(True, "--enable-helm (1 versions)"),
    ),
    (Group.OVERRIDES, {}, Finding(True, "0 resource overrides")),
    (
        Group.OVERRIDES,
        {
            "resource.customizations.health.a_B": "return {}",
            "resource.customizations.ignoreDifferences.a_B": "jsonPointers: [/a]",
            "resource.customizations.ignoreResourceUpdates.all": "jsonPointers: [/b]",
        },
        Finding(True, "2 resource overrides"),
    ),
]
BAD = [
    (Group.ACCOUNTS, {"accounts.alice.enabled": "perhaps"}, "accounts.alice.enabled: "),
    (Group.ACCOUNTS, {"accounts.alice.shoes": "red"}, "accounts.alice.shoes: "),
    (Group.ACCOUNTS, {"admin.enabled": "perhaps"}, "admin.enabled: "),
    (Group.GENERAL, {"timeout.reconciliation": "soon"}, "timeout.reconciliation: "),
    (Group.GENERAL, {"dex.config": "[]"}, "dex.config: "),
    (
        Group.KUSTOMIZE,
        {"kustomize.path.v1": "/a", "kustomize.version.v1": "/b"},
        "kustomize.version.v1: found duplicate kustomize version: v1",
    ),
    (
        Group.KUSTOMIZE,
        {"kustomize.buildOptions": "--enable-exec"},
        "kustomize.buildOptions: --enable-exec is not supported",
    ),
    (Group.OVERRIDES, {"resource.compareoptions": "[]"}, "resource.compareoptions: "),
]


@pytest.mark.parametrize(("group", "data", "expected"), GOOD)
def test_what_is_good_is_summed_up(group: Group, data: dict[str, str], expected: Finding) -> None:
    assert check(group, data) == expected


@pytest.mark.parametrize(("group", "data", "said"), BAD)
def test_what_is_bad_is_named(group: Group, data: dict[str, str], said: str) -> None:
    found = check(group, data)
    assert not found.good
    assert found.summary.startswith(said)


def test_a_fault_is_its_own_group_s() -> None:
    data = {"timeout.reconciliation": "soon"}
    assert check(Group.OVERRIDES, data).good
    assert not check(Group.GENERAL, data).good

"""The settings as the API shows them: their shape, and to whom what is shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tiphys.core.settings import parse_settings
from tiphys.core.settings.customizations import action_texts
from tiphys.core.settings.shown import Shown, shown_settings
from tiphys.core.sso.settings import sso_settings

# As the contract answers who is not logged in, where nothing is set.
NOTHING_SET = json.loads(
    '{"appLabelKey":"app.kubernetes.io/instance","googleAnalytics":{"anonymizeUsers":true},'
    '"kustomizeOptions":{"BuildOptions":"","BinaryPath":"","Versions":null},"help":{},'
    '"trackingMethod":"annotation","syncWithReplaceAllowed":true,"resourceViewEnabled":true}'
)
STATUS = "jqPathExpressions: null\njsonPointers:\n- /status\nmanagedFieldsManagers: null\n"
# What SSO makes of these is not looked at here.
_READABLE = {"additionalUrls": "[]"}
EMPTY = "jqPathExpressions: null\njsonPointers: null\nmanagedFieldsManagers: null\n"


def shown(data: dict[str, str], *, inside: bool = True, logged_in: bool = True) -> dict[str, Any]:
    known = {"": {"oidc.secret": "s3cret ", "id": " web\n"}, "other": {"id": "cli"}}
    return shown_settings(
        Shown(
            data=data,
            settings=parse_settings(data, {}),
            namespace="argocd",
            logins=True,
            sso=sso_settings({**data, **_READABLE}, lambda name: known.get(name, {})),
        ),
        inside=inside,
        logged_in=logged_in,
    )


def test_a_stranger_is_told_what_the_login_page_needs() -> None:
    assert shown({}, inside=False, logged_in=False) == NOTHING_SET


def test_whoever_is_logged_in_is_told_more() -> None:
    found = shown({"passwordPattern": "^.+$"})
    assert found == {
        **NOTHING_SET,
        "resourceOverrides": {"*/*": {"ignoreDifferences": STATUS, "ignoreResourceUpdates": EMPTY}},
        "passwordPattern": "^.+$",
        "controllerNamespace": "argocd",
    }
    # Nobody has to log in: there are no passwords to be set either.
    assert "passwordPattern" not in shown({}, logged_in=False)
    assert shown({})["passwordPattern"] == "^.{8,32}$"


def test_banners_are_for_those_inside() -> None:
    data = {
        "ui.bannercontent": "Hello",
        "ui.bannerurl": "https://x",
        "ui.bannerpermanent": "true",
        "ui.bannerposition": "both",
    }
    outside = shown(data, inside=False, logged_in=False)
    assert not [key for key in outside if key.startswith("uiBanner")]
    assert {key: value for key, value in shown(data).items() if key.startswith("uiBanner")} == {
        "uiBannerContent": "Hello",
        "uiBannerURL": "https://x",
        "uiBannerPermanent": True,
        "uiBannerPosition": "both",
    }


def test_booleans_are_on_for_one_text_alone() -> None:
    on = shown({"statusbadge.enabled": "true", "exec.enabled": "true"})
    assert on["statusBadgeEnabled"]
    assert on["execEnabled"]
    off = shown({"statusbadge.enabled": "True", "exec.enabled": "1"})
    assert "statusBadgeEnabled" not in off
    assert "execEnabled" not in off
    assert "resourceViewEnabled" not in shown({"ui.view.resources.disabled": "true"})


def test_help_and_analytics() -> None:
    found = shown(
        {
            "help.chatUrl": "https://chat",
            "help.download.linux-amd64": "https://cli",
            "help.download.plan9": "https://no",
            "ga.trackingid": "G-1",
            "ga.anonymizeusers": "false",
        }
    )
    assert found["help"] == {
        "chatUrl": "https://chat",
        "chatText": "Chat now!",
        "binaryUrls": {"linux-amd64": "https://cli"},
    }
    assert found["googleAnalytics"] == {"trackingID": "G-1"}
    assert shown({"help.chatText": "Ask"})["help"] == {}


def test_versions_of_kustomize() -> None:
    found = shown(
        {
            "kustomize.buildOptions": "--x",
            "kustomize.path.v4": "/k4",
            "kustomize.version.v3": "/k3",
            "kustomize.buildOptions.v3": "--y",
        }
    )
    assert found["kustomizeOptions"] == {
        "BuildOptions": "--x",
        "BinaryPath": "",
        "Versions": [
            {"Name": "v3", "Path": "/k3", "BuildOptions": "--y"},
            {"Name": "v4", "Path": "/k4", "BuildOptions": ""},
        ],
    }
    assert found["kustomizeVersions"] == ["v3", "v4"]


def test_a_login_by_oidc_shows_no_secret() -> None:
    found = shown(
        {
            "url": "https://cd",
            "additionalUrls": "[https://b, 5]",
            "oidc.config": (
                "name: Corp\nissuer: https://i\nclientID: $id\ncliClientID: $other:id\n"
                "clientSecret: $oidc.secret\nrequestedScopes: [openid]\n"
                "requestedIDTokenClaims:\n  groups: {essential: true, value: a, values: [b]}\n"
                "  bare:\nenablePKCEAuthentication: true\n"
            ),
        },
        inside=False,
        logged_in=False,
    )
    assert found["oidcConfig"] == {
        "name": "Corp",
        "issuer": "https://i",
        "clientID": "web",
        "cliClientID": "cli",
        "scopes": ["openid"],
        "idTokenClaims": {
            "bare": {},
            "groups": {"essential": True, "value": "a", "values": ["b"]},
        },
        "enablePKCEAuthentication": True,
    }
    assert found["additionalUrls"] == ["https://b"]
    assert "s3cret" not in json.dumps(found)


def test_a_login_by_dex_shows_names_and_types() -> None:
    data = {
        "url": "https://cd",
        "dex.config": "connectors: [{type: github, id: gh, name: GitHub, config: {secret: x}}]",
        "dex.auth.connectorId": "gh",
    }
    assert shown(data)["dexConfig"] == {
        "connectors": [{"name": "GitHub", "type": "github"}],
        "dexAuthConnectorID": "gh",
    }


def test_urls_that_cannot_be_read_are_left_out() -> None:
    assert "additionalUrls" not in shown({"additionalUrls": "["})
    assert "additionalUrls" not in shown({"additionalUrls": "x"})


@pytest.mark.parametrize("text", ["[", "[1]", "a/B: 7", "a/B: {actions: 7}"])
def test_actions_that_cannot_be_read_are_left_out(text: str) -> None:
    assert action_texts({"resource.customizations": text}) == {}


def test_overrides_of_kinds() -> None:
    data = {
        "resource.compareoptions": "ignoreResourceStatusField: crd",
        "resource.customizations": (
            "apps/Deployment:\n  health.lua: return {}\n  health.lua.useOpenLibs: true\n"
            "  actions: 'discovery.lua: x'\n  ignoreDifferences: |\n    jsonPointers: [/spec]\n"
        ),
        "resource.customizations.health.x.io_Y": "return hs",
        "resource.customizations.actions.ConfigMap": "definitions: []",
        "resource.customizations.actions.a_b_c_d": "nobody's",
        "resource.customizations.knownTypeFields.x.io_Y": (
            "[{field: spec.a, type: core/v1/PodSpec}]"
        ),
        "resource.customizations.ignoreResourceUpdates.Pod": 'jqPathExpressions: [".a.\\"b/c\\""]',
    }
    assert shown(data)["resourceOverrides"] == {
        "ConfigMap": {
            "actions": "definitions: []",
            "ignoreDifferences": EMPTY,
            "ignoreResourceUpdates": EMPTY,
        },
        "Pod": {
            "ignoreDifferences": EMPTY,
            "ignoreResourceUpdates": (
                'jqPathExpressions:\n- .a."b/c"\njsonPointers: null\nmanagedFieldsManagers: null\n'
            ),
        },
        "apiextensions.k8s.io/CustomResourceDefinition": {
            "ignoreDifferences": STATUS,
            "ignoreResourceUpdates": EMPTY,
        },
        "apps/Deployment": {
            "health.lua": "return {}",
            "health.lua.useOpenLibs": True,
            "actions": "discovery.lua: x",
            "ignoreDifferences": (
                "jqPathExpressions: null\njsonPointers:\n- /spec\nmanagedFieldsManagers: null\n"
            ),
            "ignoreResourceUpdates": EMPTY,
        },
        "x.io/Y": {
            "health.lua": "return hs",
            "ignoreDifferences": EMPTY,
            "ignoreResourceUpdates": EMPTY,
            "knownTypeFields": [{"field": "spec.a", "type": "core/v1/PodSpec"}],
        },
    }


def test_no_override_where_statuses_are_compared_and_said_twice_once() -> None:
    assert "resourceOverrides" not in shown(
        {"resource.compareoptions": "ignoreResourceStatusField: none"}
    )
    twice = shown({"resource.customizations.ignoreDifferences.all": "jsonPointers: [/status]"})
    assert twice["resourceOverrides"]["*/*"]["ignoreDifferences"] == STATUS

"""Fields of a source that try to reach what is not the source's, or to have something run.

Each attack is tried twice: it fails against what there is, and it is noticed where its defence is
switched off. One that passed either way would prove nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tiphys.core.settings.tools import ToolSettings
from tiphys.core.source import helm, options, overrides, refs
from tiphys.core.source.buildoptions import BuildOptions
from tiphys.core.source.environment import BuildContext
from tiphys.core.source.options import options_for
from tiphys.core.source.overrides import overridden
from tiphys.core.source.refs import RefTree
from tiphys.model.errors import RenderError
from tiphys.model.render import ToolKind
from tiphys.model.repository import Repository
from tiphys.model.source import ApplicationSource
from tiphys.model.structs import decode

COMMIT = "a" * 40
VALUES = RefTree(Repository("https://h/values"), COMMIT, "main")


@dataclass(frozen=True)
class Attack:
    """What is asked for, what has to be said instead, and how the defence is switched off."""

    tool: ToolKind
    fields: dict[str, Any]
    said: str
    off: Callable[[pytest.MonkeyPatch], object]
    tools: ToolSettings = field(default_factory=ToolSettings)


def _clean(path: str) -> str:
    return path


def _any_flag(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(options, "parse_build_options", lambda text: BuildOptions())


def _any_ref(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(refs, "application_path", _clean)


def _any_library(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(options, "application_path", _clean)


def _any_scheme(patch: pytest.MonkeyPatch) -> None:
    class Every(tuple[str, ...]):
        __slots__ = ()

        def __contains__(self, scheme: object) -> bool:
            return True

    plain = helm.Files
    patch.setattr(options, "Files", lambda environment, schemes: plain(environment, Every()))


def _any_mount(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(helm, "MOUNT", "no path has this")


def _value(path: str) -> dict[str, Any]:
    return {"helm": {"valueFiles": [path]}}


def _file(path: str) -> dict[str, Any]:
    return {"helm": {"fileParameters": [{"name": "a", "path": path}]}}


def _built(text: str) -> ToolSettings:
    return ToolSettings(kustomize_build_options=text)


OUTSIDE = "illegal filepath"
ATTACKS = {
    "CVE-2026-15416": Attack(
        ToolKind.KUSTOMIZE,
        {},
        "--helm-command",
        _any_flag,
        _built("--enable-helm --helm-command ./evil.sh"),
    ),
    "a program as a function": Attack(
        ToolKind.KUSTOMIZE, {}, "--enable-exec", _any_flag, _built("--enable-exec")
    ),
    "a file to write": Attack(
        ToolKind.KUSTOMIZE, {}, "--output", _any_flag, _built("--output /etc/x")
    ),
    "CVE-2022-24348": Attack(ToolKind.HELM, _value("$values/../../etc/passwd"), OUTSIDE, _any_ref),
    "CVE-2022-24731": Attack(ToolKind.HELM, _file("$values/a/../../x"), OUTSIDE, _any_ref),
    "an absolute path in another source": Attack(
        ToolKind.HELM, _value("$values//../x"), OUTSIDE, _any_ref
    ),
    "a tree that nobody lent": Attack(
        ToolKind.HELM, _value("\x01values/x"), "outside repository root", _any_mount
    ),
    "a local file as a URL": Attack(
        ToolKind.HELM, _value("file:///etc/passwd"), "scheme 'file' is not allowed", _any_scheme
    ),
    "another protocol": Attack(
        ToolKind.HELM, _file("GOPHER://h/x"), "scheme 'gopher' is not allowed", _any_scheme
    ),
    "a library outside": Attack(
        ToolKind.DIRECTORY,
        {"directory": {"jsonnet": {"libs": ["../../etc"]}}},
        OUTSIDE,
        _any_library,
    ),
}


def _source(**fields: Any) -> ApplicationSource:
    given = {"repoURL": "https://h/r", "path": "web", "targetRevision": "main", **fields}
    return decode(given, ApplicationSource, at="spec.source")


@pytest.mark.parametrize("name", ATTACKS)
def test_a_field_reaches_nothing_else(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    attack = ATTACKS[name]
    lent = {"values": VALUES}

    def asked() -> None:
        context = BuildContext("web", "demo")
        source = _source(**attack.fields)
        options_for(source, attack.tool, context, COMMIT, attack.tools, lent)

    with pytest.raises(RenderError) as caught:
        asked()
    assert attack.said in str(caught.value)
    attack.off(monkeypatch)
    asked()


def test_parameters_in_a_repository_lead_to_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    patch = {"repoURL": "https://evil/r", "path": "other", "targetRevision": "evil"}

    def led() -> ApplicationSource:
        return overridden(_source(), [(".argocd-source.yaml", [patch])])

    assert led() == _source()
    monkeypatch.setattr(overrides, "_KEPT", frozenset())
    assert led().repo_url == "https://evil/r"

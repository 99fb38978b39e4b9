"""The build environment: what a source may say about its application, by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tiphys.model.source import ApplicationSource

# As a shell reads it: ${anything}, an unclosed brace, one special character, or a name.
_REFERENCE = re.compile(
    r"\$(?:\{(?P<braced>[^}]*)\}|(?P<unclosed>\{)|(?P<name>[*#$@!?0-9-]|[A-Za-z_][A-Za-z0-9_]*))"
)


@dataclass(frozen=True, slots=True)
class BuildContext:
    """The application around a source, and the cluster that it goes to.

    `instance` is `<namespace>_<name>` outside the control plane's namespace. `kube_version` is
    the cluster's as it reports it; `api_versions` its `group/version` and `group/version/Kind`.
    """

    instance: str
    namespace: str
    project: str = "default"
    kube_version: str = ""
    api_versions: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The application's own name."""
        return self.instance.partition("_")[2] or self.instance


def build_environment(
    source: ApplicationSource, context: BuildContext, revision: str
) -> Mapping[str, str]:
    """`revision` is the resolved commit."""
    return {
        "ARGOCD_APP_NAME": context.instance,
        "ARGOCD_APP_NAMESPACE": context.namespace,
        "ARGOCD_APP_PROJECT_NAME": context.project,
        "ARGOCD_APP_REVISION": revision,
        "ARGOCD_APP_REVISION_SHORT": revision[:7],
        "ARGOCD_APP_REVISION_SHORT_8": revision[:8],
        "ARGOCD_APP_SOURCE_REPO_URL": source.repo_url,
        "ARGOCD_APP_SOURCE_PATH": source.path,
        "ARGOCD_APP_SOURCE_TARGET_REVISION": source.target_revision,
    }


def substitute(text: str, environment: Mapping[str, str]) -> str:
    """`$NAME` and `${NAME}` replaced, unknown names by nothing; `$$` is a dollar."""

    def value(match: re.Match[str]) -> str:
        name = match["braced"] or match["name"] or ""
        return "$" if name == "$" else environment.get(name, "")

    return _REFERENCE.sub(value, text)

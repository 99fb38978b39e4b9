"""One render as it is asked for: everything that decides what comes out of it, as values.

Whoever has a job needs nothing else: neither the cluster nor its Secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tiphys.core.settings.tools import ToolSettings
from tiphys.core.source.environment import BuildContext
from tiphys.core.source.refs import RefTree
from tiphys.model.appproject import SignatureKey, SourceIntegrity
from tiphys.model.repository import CredentialTemplate, Repository
from tiphys.model.source import ApplicationSource

__all__ = ["RefTree", "RenderJob", "Signed", "Surroundings", "ToolSettings"]


@dataclass(frozen=True, slots=True)
class Signed:
    """What a project asks of signatures: the keys of its old form, or the policies of the new one.
    `keyring` are the armoured keys that are known; none where nothing is asked.
    """

    keys: tuple[SignatureKey, ...] = ()
    policies: SourceIntegrity | None = None
    keyring: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a render may fetch beside its source. `repositories` and `templates` are those that the
    project may use; `source_repos` are its patterns, which every URL has to be permitted by.
    `certificates` are PEM texts by host, `known_hosts` is a file's text: whom to believe where no
    Secret speaks of the repository.
    """

    tools: ToolSettings = field(default_factory=ToolSettings)
    repositories: tuple[Repository, ...] = ()
    templates: tuple[CredentialTemplate, ...] = ()
    source_repos: tuple[str, ...] = ("*",)
    certificates: Mapping[str, str] = field(default_factory=dict)
    known_hosts: str = ""
    signed: Signed = field(default_factory=Signed)


@dataclass(frozen=True, slots=True)
class RenderJob:
    """`revision` is resolved: a commit, a chart's version, an artefact's digest. `refs` are by the
    name after the `$`, those of all sources of the application. `generate_paths` are where a
    commit has to change something to count, as core/source/generatepaths reads the annotation;
    without any, what was read decides alone.
    """

    source: ApplicationSource
    repository: Repository
    revision: str
    context: BuildContext
    refs: Mapping[str, RefTree] = field(default_factory=dict)
    surroundings: Surroundings = field(default_factory=Surroundings)
    generate_paths: tuple[str, ...] = ()

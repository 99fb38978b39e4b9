"""Where sources come from: a repository, what opens it, and what it offers.

A Repository is a value that is complete in itself: whoever holds it can read the repository
without asking anyone for credentials. Nothing confidential shows in its text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class RepositoryKind(StrEnum):
    """Values are those of the Secret's key `type`."""

    GIT = "git"
    HELM = "helm"
    OCI = "oci"


class Confidential(str):
    """A text that is not shown by repr, so that no error, log or test shows it by accident."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Confidential(***)" if self else "Confidential()"


@dataclass(frozen=True, slots=True)
class Anonymous:
    """Nothing is sent."""


@dataclass(frozen=True, slots=True)
class BasicLogin:
    """User and password. `force_header` sends them unasked, as forceHttpBasicAuth wants it."""

    username: str
    password: Confidential
    force_header: bool = False


@dataclass(frozen=True, slots=True)
class BearerLogin:
    token: Confidential


@dataclass(frozen=True, slots=True)
class SshKey:
    """A private key in PEM or OpenSSH form."""

    private_key: Confidential


@dataclass(frozen=True, slots=True)
class GitHubApp:
    """Without an installation it is found by the owner in the URL. `base_url` is that of a GitHub
    Enterprise's API, empty for github.com.
    """

    app_id: int
    private_key: Confidential
    installation_id: int = 0
    base_url: str = ""


@dataclass(frozen=True, slots=True)
class GoogleServiceAccount:
    """`key` is the JSON of the account's key."""

    key: Confidential


@dataclass(frozen=True, slots=True)
class AzureWorkloadIdentity:
    """The identity that the process itself was given."""


@dataclass(frozen=True, slots=True)
class AzureServicePrincipal:
    """`endpoint` is where tokens come from, empty for the public cloud's."""

    tenant_id: str
    client_id: str
    client_secret: Confidential
    endpoint: str = ""


Credentials = (
    Anonymous
    | BasicLogin
    | BearerLogin
    | SshKey
    | GitHubApp
    | GoogleServiceAccount
    | AzureWorkloadIdentity
    | AzureServicePrincipal
)


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """PEM texts."""

    certificate: str
    key: Confidential


@dataclass(frozen=True, slots=True)
class Trust:
    """What is believed of the other side. `insecure` believes everything: its certificate, or its
    SSH key. `certificates` are PEM texts that take the place of the system's authorities; empty
    leaves those. `known_hosts` are lines in the form of OpenSSH's file.
    """

    insecure: bool = False
    certificates: str = ""
    known_hosts: str = ""


@dataclass(frozen=True, slots=True)
class Proxy:
    """`url` empty: the process's environment says. `exceptions` is in the form of NO_PROXY."""

    url: str = ""
    exceptions: str = ""


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository as it is to be read.

    `url` is as it was written, trimmed. `project` is that of the Secret that it comes from: empty
    for one that counts for all projects, and for a repository that no Secret knows. `name` is what
    Helm knows it by. `oci` (enableOCI): charts come from a registry instead of an index.
    `plain_http` speaks to registries without TLS. `depth` is how deep Git fetches at least, 0 for
    as the reader pleases. `inherited`: the credentials come from a template.
    `pass_credentials` (of an application's source, not of the Secret): the login also goes to other
    hosts that a chart repository names.
    `warms`: a push that changes nothing for an application carries its manifests over.
    """

    url: str
    kind: RepositoryKind = RepositoryKind.GIT
    name: str = ""
    project: str = ""
    credentials: Credentials = field(default_factory=Anonymous)
    client_certificate: ClientCertificate | None = None
    trust: Trust = field(default_factory=Trust)
    proxy: Proxy = field(default_factory=Proxy)
    oci: bool = False
    plain_http: bool = False
    lfs: bool = False
    depth: int = 0
    inherited: bool = False
    pass_credentials: bool = False
    warms: bool = True


@dataclass(frozen=True, slots=True)
class CredentialTemplate:
    """A repo-creds Secret: credentials for every URL that begins with `like.url`."""

    like: Repository


@dataclass(frozen=True, slots=True)
class Place:
    """What revisions are looked up in: a repository, and the chart in it where there is one."""

    repository: Repository
    chart: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A revision as it was written."""

    revision: str
    tag_prefix: str = ""


@dataclass(frozen=True, slots=True)
class GitRefs:
    """Full name of a ref (`HEAD` included) -> commit, tags peeled."""

    refs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ChartVersions:
    """The versions of one chart as its repository writes them; None where it has no such chart.

    Those of a registry are its tags, `_` read as `+`.
    """

    versions: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class ArtifactTags:
    """Digests of the names that were asked for, None for one that is not there; `tags` are all,
    listed only where a range was asked for.
    """

    digests: Mapping[str, str | None]
    tags: tuple[str, ...] = ()


Listing = GitRefs | ChartVersions | ArtifactTags
"""What a place offered when it was asked."""


@dataclass(frozen=True, slots=True)
class CommitInfo:
    """What a commit, chart or artefact says of itself. `date` is RFC 3339; `author` is
    `Name <mail>`. `references` are the commit's trailers of that name, as they stand.
    """

    author: str = ""
    date: str = ""
    message: str = ""
    tags: tuple[str, ...] = ()
    references: tuple[Mapping[str, str], ...] = ()

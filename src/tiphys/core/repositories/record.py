"""A repository or template as its Secret says it, before templates are looked at.

Every key of the contract is a field, for what is read has to be written back, compared and shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum, StrEnum

from tiphys.model.repository import Confidential

_NOTHING = Confidential("")
_AZURE_CLIENT = "azureServicePrincipalClientId"
_AZURE_TENANT = "azureServicePrincipalTenantId"


class SecretType(StrEnum):
    """Values of the label `argocd.argoproj.io/secret-type`."""

    REPOSITORY = "repository"
    TEMPLATE = "repo-creds"
    REPOSITORY_WRITE = "repository-write"
    TEMPLATE_WRITE = "repo-write-creds"

    @property
    def is_template(self) -> bool:
        return self in (SecretType.TEMPLATE, SecretType.TEMPLATE_WRITE)


class Form(Enum):
    """How a key's text is read."""

    TEXT = "text"
    SECRET = "secret"  # noqa: S105 - a form's name
    BOOL = "bool"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the contract. `template_name` is its other spelling in Secrets of templates."""

    name: str
    attribute: str
    form: Form = Form.TEXT
    template_name: str = ""

    def spelled(self, secret_type: SecretType) -> str:
        return (self.template_name if secret_type.is_template else "") or self.name


@dataclass(frozen=True, slots=True)
class Record:
    """Fields are empty where the Secret says nothing. `inherited`: a template filled it up."""

    url: str
    name: str = ""
    type: str = ""
    project: str = ""
    username: str = ""
    password: Confidential = _NOTHING
    bearer_token: Confidential = _NOTHING
    ssh_private_key: Confidential = _NOTHING
    certificate: str = ""
    certificate_key: Confidential = _NOTHING
    github_key: Confidential = _NOTHING
    github_app: int = 0
    github_installation: int = 0
    github_url: str = ""
    google_key: Confidential = _NOTHING
    azure_workload: bool = False
    azure_client: str = ""
    azure_tenant: str = ""
    azure_secret: Confidential = _NOTHING
    azure_endpoint: str = ""
    insecure: bool = False
    insecure_host_key: bool = False
    force_basic: bool = False
    force_http: bool = False
    lfs: bool = False
    oci: bool = False
    # A proxy's URL may hold a password.
    proxy: Confidential = field(default=_NOTHING)
    no_proxy: str = ""
    depth: int = 0
    cold: bool = False
    inherited: bool = False


KEYS = (
    Key("name", "name"),
    Key("type", "type"),
    Key("project", "project"),
    Key("username", "username"),
    Key("password", "password", Form.SECRET),
    Key("bearerToken", "bearer_token", Form.SECRET),
    Key("sshPrivateKey", "ssh_private_key", Form.SECRET),
    Key("tlsClientCertData", "certificate"),
    Key("tlsClientCertKey", "certificate_key", Form.SECRET),
    Key("githubAppPrivateKey", "github_key", Form.SECRET),
    Key("githubAppID", "github_app", Form.NUMBER),
    Key("githubAppInstallationID", "github_installation", Form.NUMBER),
    Key("githubAppEnterpriseBaseUrl", "github_url"),
    Key("gcpServiceAccountKey", "google_key", Form.SECRET),
    Key("useAzureWorkloadIdentity", "azure_workload", Form.BOOL),
    Key(
        "azureServicePrincipalClientId", "azure_client", Form.TEXT, "azureServicePrincipalClientID"
    ),
    Key(
        "azureServicePrincipalTenantId", "azure_tenant", Form.TEXT, "azureServicePrincipalTenantID"
    ),
    Key("azureServicePrincipalClientSecret", "azure_secret", Form.SECRET),
    Key("azureActiveDirectoryEndpoint", "azure_endpoint"),
    Key("insecure", "insecure", Form.BOOL),
    Key("insecureIgnoreHostKey", "insecure_host_key", Form.BOOL),
    Key("forceHttpBasicAuth", "force_basic", Form.BOOL),
    Key("insecureOCIForceHttp", "force_http", Form.BOOL),
    Key("enableLfs", "lfs", Form.BOOL),
    Key("enableOCI", "oci", Form.BOOL),
    Key("proxy", "proxy", Form.SECRET),
    Key("noProxy", "no_proxy"),
    Key("depth", "depth", Form.NUMBER),
    Key("webhookManifestCacheWarmDisabled", "cold", Form.BOOL),
)
"""All but the URL."""

_NOT_OF_TEMPLATES = frozenset(
    {"name", "project", "insecure", "insecure_host_key", "lfs", "depth", "cold"}
)
_CREDENTIALS = (
    "username",
    "password",
    "bearer_token",
    "ssh_private_key",
    "certificate",
    "github_key",
    "azure_workload",
    "azure_secret",
)
"""What keeps a template away. The key of a Google account is not among them, as in the contract."""

_OVERWRITTEN = frozenset({"oci", "force_http", "force_basic", "azure_workload"})
_FILLED = tuple(
    key.attribute
    for key in KEYS
    if key.attribute not in _NOT_OF_TEMPLATES and key.attribute not in _OVERWRITTEN
)


def without_password(url: str) -> str:
    """A password in a URL goes, the user stays: he is part of the repository's name."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    return f"{scheme}://{user.partition(':')[0]}{at}{host}{slash}{path}"


def shielded(url: str) -> str:
    """The same URL, which shows in no error or log by accident where it holds a password."""
    return url if without_password(url) == url else Confidential(url)


def keys_of(secret_type: SecretType) -> tuple[Key, ...]:
    """The keys that a Secret of this type may have."""
    if secret_type.is_template:
        return tuple(key for key in KEYS if key.attribute not in _NOT_OF_TEMPLATES)
    return KEYS


def has_credentials(record: Record) -> bool:
    return any(getattr(record, name) for name in _CREDENTIALS)


def inheriting(record: Record, template: Record | None) -> Record:
    """A record with what a template adds to it, where it has no credentials of its own."""
    if template is None or has_credentials(record):
        return record
    filled = {name: getattr(record, name) or getattr(template, name) for name in _FILLED}
    overwritten = {name: getattr(template, name) for name in _OVERWRITTEN}
    return replace(record, **filled, **overwritten, inherited=True)

"""What can be said of a repository and of a template: for `repo`, `repocreds` and `admin repo`."""

from __future__ import annotations

import sys
from pathlib import Path

from tiphys.cli.app.session import write
from tiphys.cli.command import Call
from tiphys.cli.errors import FatalError
from tiphys.cli.globals import Flag, FlagKind, text, yes
from tiphys.core.repositories.opening import is_oci, is_ssh
from tiphys.core.repositories.record import Record
from tiphys.model.repository import Confidential, RepositoryKind

_OPENING = (
    text("azure-active-directory-endpoint", "Where tokens of Azure come from"),
    text("azure-service-principal-client-id", "The client of an Azure service principal"),
    text("azure-service-principal-client-secret", "Its secret"),
    text("azure-service-principal-tenant-id", "Its tenant"),
    text("bearer-token", "A token for Git over https"),
    yes("enable-oci", "Charts come from a registry, not from an index"),
    yes("force-http-basic-auth", "Send user and password before they are asked for"),
    text("gcp-service-account-key-path", "A file with the key of a Google service account"),
    text("github-app-enterprise-base-url", "The API of a GitHub Enterprise"),
    Flag("github-app-id", FlagKind.INTEGER, "The number of a GitHub App"),
    Flag("github-app-installation-id", FlagKind.INTEGER, "The number of its installation"),
    text("github-app-private-key-path", "A file with the private key of the GitHub App"),
    yes("insecure-oci-force-http", "Speak to the registry without TLS"),
    text("password", "The password"),
    text("ssh-private-key-path", "A file with the private key for ssh"),
    text("tls-client-cert-key-path", "A file with the key of our certificate, in PEM"),
    text("tls-client-cert-path", "A file with our certificate, in PEM"),
    text("type", "git, helm or oci", default="git"),
    yes("use-azure-workload-identity", "Log in by the identity that Azure gives the process"),
    text("username", "The user"),
)
TEMPLATE_FLAGS = (*_OPENING, text("proxy-url", "The proxy to what the template opens"))
REPOSITORY_FLAGS = (
    *_OPENING,
    Flag("depth", FlagKind.INTEGER, "How many commits Git fetches; 0 for as many as needed"),
    yes("enable-lfs", "Fetch what Git LFS keeps elsewhere"),
    yes("insecure-ignore-host-key", "The old name of --insecure-skip-server-verification"),
    yes("insecure-skip-server-verification", "Believe any certificate and any SSH host key"),
    text("name", "What Helm calls the repository; needed for type helm"),
    text("no-proxy", "Hosts that are reached without the proxy, with commas between them"),
    text("project", "Only for applications of this project"),
    text("proxy", "The proxy to the repository"),
    yes("webhook-manifest-cache-warm-disabled", "Let pushes carry no manifests over"),
)
_ONLY_HTTPS = (
    "github-app-private-key-path",
    "gcp-service-account-key-path",
)


def repository_record(call: Call) -> Record:
    """A repository as the flags want it. Raises FatalError for what does not go together."""
    record = _opening(call)
    if record.type == "helm" and not call.text("name"):
        raise FatalError("Must specify --name for repos of type 'helm'")
    return _with(
        record,
        name=call.text("name"),
        project=call.text("project"),
        insecure=call.yes("insecure-skip-server-verification"),
        insecure_host_key=call.yes("insecure-ignore-host-key"),
        lfs=call.yes("enable-lfs"),
        proxy=Confidential(call.text("proxy")),
        no_proxy=call.text("no-proxy"),
        depth=call.number("depth"),
        cold=call.yes("webhook-manifest-cache-warm-disabled"),
    )


def template_record(call: Call) -> Record:
    return _with(_opening(call), proxy=Confidential(call.text("proxy-url")))


def with_password(record: Record) -> Record:
    """Asks for the password of a user that has none."""
    if not record.username or record.password:
        return record
    return _with(record, password=Confidential(_password()))


def _opening(call: Call) -> Record:
    url = call.words[0]
    kind = call.text("type")
    if not call.given("type") and is_oci(url):
        kind = RepositoryKind.OCI
    if kind not in set(RepositoryKind):
        raise FatalError(f'unsupported repository type "{kind}"')
    _check(call, url)
    return Record(
        url=url,
        type=str(kind),
        username=call.text("username"),
        password=Confidential(call.text("password")),
        bearer_token=Confidential(call.text("bearer-token")),
        ssh_private_key=_file(call, "ssh-private-key-path"),
        certificate=str(_file(call, "tls-client-cert-path")),
        certificate_key=_file(call, "tls-client-cert-key-path"),
        github_key=_file(call, "github-app-private-key-path"),
        github_app=call.number("github-app-id"),
        github_installation=call.number("github-app-installation-id"),
        github_url=call.text("github-app-enterprise-base-url"),
        google_key=_file(call, "gcp-service-account-key-path"),
        azure_workload=call.yes("use-azure-workload-identity"),
        azure_client=call.text("azure-service-principal-client-id"),
        azure_tenant=call.text("azure-service-principal-tenant-id"),
        azure_secret=Confidential(call.text("azure-service-principal-client-secret")),
        azure_endpoint=call.text("azure-active-directory-endpoint"),
        force_basic=call.yes("force-http-basic-auth"),
        force_http=call.yes("insecure-oci-force-http"),
        oci=call.yes("enable-oci"),
    )


def _check(call: Call, url: str) -> None:
    https = url.strip().lower().startswith("https://")
    if call.text("ssh-private-key-path") and not is_ssh(url):
        raise FatalError("--ssh-private-key-path is only supported for SSH repositories.")
    if bool(call.text("tls-client-cert-path")) != bool(call.text("tls-client-cert-key-path")):
        raise FatalError(
            "--tls-client-cert-path and --tls-client-cert-key-path must be specified together"
        )
    for name in ("tls-client-cert-path", *_ONLY_HTTPS):
        if call.text(name) and not https:
            raise FatalError(f"--{name} is only supported for HTTPS repositories")
    if call.text("bearer-token"):
        if call.text("password"):
            raise FatalError("only --bearer-token or --password is allowed, not both")
        if call.text("type") != RepositoryKind.GIT:
            raise FatalError("--bearer-token is only supported for Git repositories")
        if not https:
            raise FatalError("--bearer-token is only supported for HTTPS repositories")


def _file(call: Call, flag: str) -> Confidential:
    path = call.text(flag)
    if not path:
        return Confidential("")
    try:
        return Confidential(Path(path).read_text())
    except OSError as error:
        raise FatalError(f"open {path}: {(error.strerror or '').lower()}", code=1) from None
    except UnicodeDecodeError:
        raise FatalError(f"{path} holds no text") from None


def _password() -> str:
    """Without echo on a terminal; a line of what is piped in otherwise."""
    if sys.stdin.isatty():
        from getpass import getpass

        return getpass("Password: ")
    write("Password: ")
    line = sys.stdin.readline()
    write("\n")
    if not line:
        raise FatalError("EOF")
    return line.rstrip("\r\n")


def _with(record: Record, **values: object) -> Record:
    from dataclasses import replace

    return replace(record, **values)  # type: ignore[arg-type]

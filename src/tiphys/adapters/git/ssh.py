"""The `ssh` that Git runs: one key, the hosts that are known, and none of the user's settings."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from tiphys.adapters.git.private import write_private
from tiphys.adapters.git.programs import socks
from tiphys.core.source.url import RepositoryUrl
from tiphys.model.errors import UnsupportedRepositoryError
from tiphys.model.repository import Proxy, Repository, SshKey

_PATIENCE_SECONDS: Final = 15
_ALWAYS: Final = (
    "BatchMode=yes",
    "CheckHostIP=no",
    "ClearAllForwardings=yes",
    "ControlMaster=no",
    "ControlPath=none",
    f"ConnectTimeout={_PATIENCE_SECONDS}",
    "ForwardAgent=no",
    "GlobalKnownHostsFile=/dev/null",
    "IdentitiesOnly=yes",
    "PermitLocalCommand=no",
    "ServerAliveInterval=15",
    "UpdateHostKeys=no",
)
_SOCKS_PORT: Final = 1080
_USER: Final = "git"
"""Of a URL that names none: the process's own name is nobody's account."""


def ssh_environment(
    url: RepositoryUrl, repository: Repository, folder: Path, given: Mapping[str, str]
) -> dict[str, str]:
    """`given` is the process's environment: where there is no key, its agent may have one."""
    options = [*_ALWAYS, *_hosts(repository, folder)]
    environment = {"GIT_SSH_VARIANT": "ssh"}
    agent = given.get("SSH_AUTH_SOCK", "")
    if isinstance(repository.credentials, SshKey):
        key = write_private(folder / "key", repository.credentials.private_key)
        options += [f"IdentityFile={key}", "IdentityAgent=none"]
    elif agent:
        environment["SSH_AUTH_SOCK"] = agent
        # The agent's keys are those of no file.
        options.remove("IdentitiesOnly=yes")
        options.append("IdentityFile=none")
    else:
        options += ["IdentityFile=none", "IdentityAgent=none"]
    if not url.user:
        options.append(f"User={_USER}")
    if repository.proxy.url:
        options.append(f"ProxyCommand={_proxy_command(url, repository.proxy, folder)}")
    words = ["ssh", "-F", "/dev/null"]
    for option in options:
        words += ["-o", option]
    return environment | {"GIT_SSH_COMMAND": shlex.join(words)}


def _hosts(repository: Repository, folder: Path) -> list[str]:
    if repository.trust.insecure:
        return ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"]
    known = write_private(folder / "known_hosts", repository.trust.known_hosts)
    return ["StrictHostKeyChecking=yes", f"UserKnownHostsFile={known}"]


def _proxy_command(url: RepositoryUrl, proxy: Proxy, folder: Path) -> str:
    """Nothing of a URL is in it: `ssh` gives the command to a shell."""
    text = proxy.url if "://" in proxy.url else f"socks5://{proxy.url}"
    try:
        parts = urlsplit(text)
        http = parts.scheme == "http"
        port = parts.port or (80 if http else _SOCKS_PORT)
    except ValueError:
        raise _no_proxy(url) from None
    if not parts.hostname or parts.scheme not in {"http", "socks5", "socks5h"}:
        raise _no_proxy(url)
    settings = {
        "http": http,
        "host": parts.hostname,
        "port": port,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "to": url.host,
        "to_port": url.port,
    }
    path = write_private(folder / "proxy", json.dumps(settings))
    program = str(Path(socks.__file__).resolve())
    # `%` would begin one of ssh's own words.
    return shlex.join([sys.executable, "-ISE", program, str(path)]).replace("%", "%%")


def _no_proxy(url: RepositoryUrl) -> UnsupportedRepositoryError:
    return UnsupportedRepositoryError(
        f"repository '{url.text}': over SSH its proxy has to be socks5://host:port or "
        "http://host:port",
        url=url.text,
    )

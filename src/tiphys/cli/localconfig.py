"""The configuration file: which servers there are, and who one is to them.

The file is the contract's own, so that its client and this one can share it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from tiphys.cli.errors import FatalError

_ALLOWED = (0o600, 0o400)
_FOLDER = "argocd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """A name for a server and who one is to it."""

    name: str
    server: str = ""
    user: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Certificates and the key are base64 of PEM."""

    server: str
    insecure: bool = False
    plain_text: bool = False
    grpc_web: bool = False
    grpc_web_root_path: str = ""
    certificate_authority_data: str = ""
    client_certificate_data: str = ""
    client_certificate_key_data: str = field(default="", repr=False)
    core: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    name: str
    auth_token: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class LocalConfig:
    """Changed by making another one."""

    current: str = ""
    contexts: tuple[Context, ...] = ()
    servers: tuple[Server, ...] = ()
    users: tuple[User, ...] = ()
    prompts_enabled: bool = False

    def context(self, name: str) -> Context | None:
        return next((one for one in self.contexts if one.name == name), None)

    def server(self, address: str) -> Server | None:
        return next((one for one in self.servers if one.server == address), None)

    def user(self, name: str) -> User | None:
        return next((one for one in self.users if one.name == name), None)

    def with_login(self, context: Context, server: Server, user: User) -> LocalConfig:
        """With this context as the current one."""
        return replace(
            self,
            current=context.name,
            contexts=_put(self.contexts, context, "name"),
            servers=_put(self.servers, server, "server"),
            users=_put(self.users, user, "name"),
        )

    def with_user(self, user: User) -> LocalConfig:
        return replace(self, users=_put(self.users, user, "name"))

    def without_context(self, context: Context) -> LocalConfig:
        """A server goes with the last context that names it."""
        contexts = tuple(one for one in self.contexts if one != context)
        named = {one.server for one in contexts}
        return replace(
            self,
            current="" if self.current == context.name else self.current,
            contexts=contexts,
            servers=tuple(
                one for one in self.servers if one.server != context.server or one.server in named
            ),
            users=tuple(one for one in self.users if one.name != context.user),
        )


def config_path(environment: Mapping[str, str]) -> Path:
    """Where the file is unless a flag says otherwise."""
    if environment.get("ARGOCD_CONFIG_DIR"):
        return Path(environment["ARGOCD_CONFIG_DIR"]) / "config"
    home = Path(environment.get("HOME") or Path.home())
    legacy = home / ".argocd"
    if legacy.is_dir():
        return legacy / "config"
    base = environment.get("XDG_CONFIG_HOME")
    return (Path(base) if base else home / ".config") / _FOLDER / "config"


def read_config(path: Path) -> LocalConfig | None:
    """None where there is no file. Raises FatalError for one that others may read, or that is
    none.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FatalError(f"open {path}: {error.strerror}") from None
    if mode not in _ALLOWED:
        shown = stat.filemode(stat.S_IFREG | mode)
        raise FatalError(
            f"config file has incorrect permission flags {shown}, change the file permission "
            "either to 0400 or 0600"
        )
    config = _parsed(path, text)
    if config.current and config.context(config.current) is None:
        raise FatalError(f"local config invalid: Context '{config.current}' undefined")
    return config


def write_config(path: Path, config: LocalConfig) -> None:
    """Never half written, and never readable by others."""
    from tiphys.cli.output import to_yaml

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(to_yaml(_written(config)))
        draft.replace(path)
    except OSError as error:
        raise FatalError(f"write {path}: {error.strerror}") from None


def _parsed(path: Path, text: str) -> LocalConfig:
    import yaml

    try:
        found = yaml.safe_load(text) or {}
        return LocalConfig(
            current=str(found.get("current-context") or ""),
            contexts=tuple(_read(Context, one) for one in found.get("contexts") or ()),
            servers=tuple(_read(Server, one) for one in found.get("servers") or ()),
            users=tuple(_read(User, one) for one in found.get("users") or ()),
            prompts_enabled=found.get("prompts-enabled") is True,
        )
    except (yaml.YAMLError, AttributeError, TypeError):
        # What stands in it is not quoted: there are tokens in it.
        raise FatalError(f"{path}: is no configuration file") from None


_Entry = Context | Server | User
_T = TypeVar("_T")


def _read(kind: type[_T], entry: Mapping[str, Any]) -> _T:
    values: dict[str, Any] = {}
    for one in fields(cast("Any", kind)):
        value = entry.get(one.name.replace("_", "-"))
        # A name or a token may look like a number.
        values[one.name] = value is True if one.type == "bool" else str(value or "")
    return kind(**values)


def _written(config: LocalConfig) -> dict[str, Any]:
    return {
        "contexts": [_entry(one, always=("name", "server", "user")) for one in config.contexts],
        "current-context": config.current,
        "prompts-enabled": config.prompts_enabled,
        "servers": [_entry(one, always=("server", "grpc-web-root-path")) for one in config.servers],
        "users": [_entry(one, always=("name",)) for one in config.users],
    }


def _entry(one: _Entry, *, always: Iterable[str]) -> dict[str, Any]:
    found = {each.name.replace("_", "-"): getattr(one, each.name) for each in fields(one)}
    return {key: value for key, value in found.items() if value or key in always}


def _put(there: tuple[_T, ...], one: _T, key: str) -> tuple[_T, ...]:
    wanted = getattr(one, key)
    if any(getattr(other, key) == wanted for other in there):
        return tuple(one if getattr(other, key) == wanted else other for other in there)
    return (*there, one)

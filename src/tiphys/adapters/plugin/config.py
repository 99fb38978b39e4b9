"""plugin.yaml: what a plugin is called, when it is meant, and what it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from tiphys.adapters.plugin.errors import ConfigError

KIND = "ConfigManagementPlugin"
_INVALID = "invalid plugin configuration file."


@dataclass(frozen=True, slots=True)
class Discovery:
    """The first that is set decides."""

    file_name: str = ""
    glob: str = ""
    command: tuple[str, ...] = ()

    @property
    def configured(self) -> bool:
        return bool(self.file_name or self.glob or self.command)


@dataclass(frozen=True, slots=True)
class PluginConfig:
    """Commands are with their arguments. `announced` are the parameters that never change."""

    name: str
    version: str = ""
    init: tuple[str, ...] = ()
    generate: tuple[str, ...] = ()
    discovery: Discovery = Discovery()
    announced: tuple[Mapping[str, Any], ...] = ()
    announce: tuple[str, ...] = ()
    keeps_modes: bool = False
    wants_credentials: bool = False

    @property
    def socket(self) -> str:
        """The socket's name, which is the plugin's to applications."""
        name = f"{self.name}-{self.version}" if self.version else self.name
        return f"{name}.sock"


def parse(text: str) -> PluginConfig:
    """Fields that are not known are passed over, as in the contract. Raises ConfigError."""
    try:
        # The file is the administrator's; the safe loader builds plain values only.
        document = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ConfigError(f"{_INVALID} it is not YAML") from None
    given = _object(document, "it")
    name = _object(given.get("metadata"), "metadata").get("name") or ""
    if not isinstance(name, str) or not name:
        raise ConfigError(f"{_INVALID} metadata.name should be non-empty")
    if given.get("kind") != KIND:
        raise ConfigError(f"{_INVALID} kind should be {KIND}, found {given.get('kind') or ''}")
    spec = _object(given.get("spec"), "spec")
    generate = _command(spec, "generate")
    if not generate:
        raise ConfigError(f"{_INVALID} spec.generate command should be non-empty")
    config = PluginConfig(
        name=name,
        version=_text(spec, "version"),
        init=_command(spec, "init"),
        generate=generate,
        discovery=_discovery(_object(spec.get("discover"), "spec.discover")),
        announced=_announced(_object(spec.get("parameters"), "spec.parameters")),
        announce=_command(_object(spec.get("parameters"), "spec.parameters"), "dynamic"),
        keeps_modes=spec.get("preserveFileMode") is True,
        wants_credentials=spec.get("provideGitCreds") is True,
    )
    if "/" in config.socket:
        raise ConfigError(f"{_INVALID} metadata.name and spec.version cannot contain a slash")
    return config


def _discovery(given: Mapping[str, Any]) -> Discovery:
    find = _object(given.get("find"), "spec.discover.find")
    return Discovery(_text(given, "fileName"), _text(find, "glob"), _line(find, "find"))


def _announced(given: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    entries = given.get("static")
    if entries is None:
        return ()
    if not isinstance(entries, list):
        raise ConfigError(f"{_INVALID} spec.parameters.static should be a list")
    return tuple(_object(entry, "an entry of spec.parameters.static") for entry in entries)


def _command(given: Mapping[str, Any], field: str) -> tuple[str, ...]:
    return _line(_object(given.get(field), field), field)


def _line(given: Mapping[str, Any], field: str) -> tuple[str, ...]:
    """`command` and `args` as one."""
    words = [*_words(given, "command", field), *_words(given, "args", field)]
    return tuple(words) if given.get("command") else ()


def _words(given: Mapping[str, Any], name: str, field: str) -> list[str]:
    words = given.get(name) or []
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ConfigError(f"{_INVALID} {field}: {name} should be a list of texts")
    return words


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    return "" if value is None else str(value)


def _object(value: Any, what: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigError(f"{_INVALID} {what} should be an object")
    return value

"""ARGOCD_OPTS: flags of every command, from the environment."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from tiphys.cli.errors import FatalError
from tiphys.cli.globals import FlagKind, global_flag

# What it can say; other words in it are for other clients.
_FED = frozenset(
    {
        "auth-token", "client-crt", "client-crt-key", "config", "core", "grpc-web",
        "grpc-web-root-path", "header", "http-retry-max", "insecure", "logformat", "loglevel",
        "plaintext", "port-forward", "port-forward-namespace", "prompts-enabled", "server",
        "server-crt",
    }
)  # fmt: skip
_VARIABLE = "ARGOCD_OPTS"


def default_flags(environment: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Names and values. A boolean that is not plainly `true` says nothing.

    Raises FatalError for a word that belongs to no flag.
    """
    found = []
    for name, value in _words(environment.get(_VARIABLE, "")):
        flag = global_flag(name) if name in _FED else None
        if flag is None or (flag.kind is FlagKind.BOOL and value != "true"):
            continue
        values = value.split(",") if flag.kind.many else [value]
        found += [(name, each) for each in values]
    return tuple(found)


def _words(text: str) -> list[tuple[str, str]]:
    try:
        words = shlex.split(text)
    except ValueError:
        raise FatalError(f"{_VARIABLE} cannot be read: a quote is not closed", code=1) from None
    found = []
    while words:
        word = words.pop(0)
        if not word.startswith("--"):
            raise FatalError(f"{_VARIABLE} invalid at '{word}'", code=1)
        name, equals, value = word[2:].partition("=")
        if not equals:
            value = words.pop(0) if words and not words[0].startswith("--") else "true"
        found.append((name, value))
    return found

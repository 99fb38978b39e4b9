"""kustomize.buildOptions: which flags of `kustomize build` a kustomization is built with.

Only those that change what comes out are known. One that would run a program, open a socket or
write a file is refused like any other that is not in the list.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tiphys.model.errors import RenderError

_TRUTH = {"true": True, "1": True, "t": True, "false": False, "0": False, "f": False}
_RESTRICTORS = {"": False, "LoadRestrictionsRootOnly": False, "LoadRestrictionsNone": True}
_ORDERS = ("legacy", "none")


@dataclass(frozen=True, slots=True)
class BuildOptions:
    enable_helm: bool = False
    unrestricted_files: bool = False
    reorder: str = ""


def parse_build_options(text: str) -> BuildOptions:
    """Split at blanks, as the contract does. Raises RenderError naming the option."""
    options = BuildOptions()
    words = text.split()
    while words:
        word = words.pop(0)
        name, equals, value = word.partition("=")
        if name == "--enable-helm":
            options = replace(options, enable_helm=_flag(name, value if equals else "true"))
        elif name == "--load-restrictor":
            restrictor = value if equals else _next(name, words)
            if restrictor not in _RESTRICTORS:
                raise _wrong(name, restrictor)
            options = replace(options, unrestricted_files=_RESTRICTORS[restrictor])
        elif name == "--reorder":
            order = value if equals else _next(name, words)
            if order not in _ORDERS:
                raise _wrong(name, order)
            options = replace(options, reorder=order)
        else:
            raise RenderError(
                f"kustomize.buildOptions: {name} is not supported by this version of Tiphys"
            )
    return options


def _flag(name: str, value: str) -> bool:
    if value.lower() not in _TRUTH:
        raise _wrong(name, value)
    return _TRUTH[value.lower()]


def _next(name: str, words: list[str]) -> str:
    """Takes the value that stands apart."""
    if not words:
        raise RenderError(f"kustomize.buildOptions: {name} needs a value")
    return words.pop(0)


def _wrong(name: str, value: str) -> RenderError:
    return RenderError(f"kustomize.buildOptions: {name} does not take '{value}'")

"""Flags that every command has, and the shape in which all flags are declared."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any


class FlagKind(Enum):
    """What a flag takes; values are what help shows."""

    BOOL = "bool"
    TEXT = "string"
    STRINGS = "stringArray"
    INTEGER = "int"
    NATURAL = "uint"
    DURATION = "duration"
    COMMAS = "strings"
    INTEGERS = "int64Slice"

    @property
    def many(self) -> bool:
        """Whether it may be given more than once."""
        return self in (FlagKind.STRINGS, FlagKind.COMMAS, FlagKind.INTEGERS)

    @property
    def noun(self) -> str:
        return {"bool": "a boolean", "int": "a number", "uint": "a number from 0 on"}.get(
            self.value, f"a {self.value}"
        )


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag. `later` flags are the contract's, and are refused by name in this version."""

    name: str
    kind: FlagKind
    help: str = ""
    short: str = ""
    default: Any = None
    later: bool = False

    @property
    def shown(self) -> bool:
        """Whether help shows the default."""
        return self.default not in (None, False, "", 0, ())


def yes(name: str, text: str, short: str = "", *, default: bool = False) -> Flag:
    return Flag(name, FlagKind.BOOL, text, short, default)


def text(name: str, help_text: str, short: str = "", default: str = "") -> Flag:
    return Flag(name, FlagKind.TEXT, help_text, short, default)


def texts(name: str, help_text: str, short: str = "") -> Flag:
    return Flag(name, FlagKind.STRINGS, help_text, short)


def commas(name: str, help_text: str, short: str = "") -> Flag:
    """Several values with commas between them; may be repeated."""
    return Flag(name, FlagKind.COMMAS, help_text, short)


def later(name: str, kind: FlagKind = FlagKind.TEXT, short: str = "") -> Flag:
    """Not shown by help, and refused when it is given."""
    return Flag(name, kind, "", short, later=True)


# How to reach an API server; of the contract, ours or another's.
_SERVER_FLAGS = (
    text("argocd-context", "The context of the configuration file to use"),
    text("auth-token", "The token to be known by"),
    text("client-crt", "A file with our certificate"),
    text("client-crt-key", "A file with our certificate's key"),
    text("config", "The configuration file"),
    yes("grpc-web", "Speak gRPC-web, for servers behind proxies that know no HTTP/2"),
    text("grpc-web-root-path", "The path below which the server is, for gRPC-web"),
    Flag("header", FlagKind.COMMAS, "A header for all requests, as name: value", "H"),
    Flag("http-retry-max", FlagKind.INTEGER, "How often an HTTP request is tried again"),
    yes("insecure", "Believe any certificate of the server"),
    yes("plaintext", "Do without TLS"),
    yes("port-forward", "Reach the server by a port of its pod"),
    text("port-forward-namespace", "The same, with the namespace of the pod"),
    text("server", "The address of the API server"),
    text("server-crt", "A file with the certificates that the server may have"),
    text(
        "server-name",
        "The name that its pods are labelled with; or ARGOCD_SERVER_NAME",
        default="argocd-server",
    ),
    # What the contract's core mode finds by these is part of ours.
    *(
        later(name)
        for name in (
            "controller-name",
            "redis-compress",
            "redis-haproxy-name",
            "redis-name",
            "repo-server-name",
        )
    ),
)

# How to reach a cluster otherwise than a context of the kubeconfig says; kubectl's names.
KUBE_FLAGS = (
    text("cluster", "The cluster of the kubeconfig to use in core mode"),
    yes("insecure-skip-tls-verify", "Believe any certificate of the kube API server"),
    text("password", "The password for the kube API server"),
    text("proxy-url", "The proxy to the kube API server"),
    text("request-timeout", "The longest that one request to it may take", default="0"),
    text("token", "The bearer token for the kube API server"),
    text("user", "The user of the kubeconfig to be in core mode"),
    text("username", "The user name for the kube API server"),
)

# Commands that know no API server of Tiphys have these as well.
ADMIN_KUBE_FLAGS = (
    text("as", "Act as this user"),
    texts("as-group", "Act as a member of this group; may be repeated"),
    text("as-uid", "Act as the user with this uid"),
    text("certificate-authority", "A file with the certificates that the server may have"),
    text("client-certificate", "A file with our certificate"),
    text("client-key", "A file with our certificate's key"),
    yes("disable-compression", "Take answers uncompressed"),
    text("server", "The address of the kube API server"),
    text("tls-server-name", "The name that the server's certificate has to have"),
)

GLOBAL_FLAGS = (
    yes("core", "Work on the cluster of the current kube context, without an API server"),
    text("kube-context", "The context of the kubeconfig to use in core mode"),
    text("context", "The same as --kube-context"),
    text("kubeconfig", "The kubeconfig to use in core mode"),
    text("namespace", "The namespace of the control plane in core mode", "n"),
    text("logformat", "How lines on standard error look: json or text", default="json"),
    text("loglevel", "The least level shown: debug, info, warn or error", default="info"),
    yes("prompts-enabled", "Ask before what cannot be undone"),
    *_SERVER_FLAGS,
    *KUBE_FLAGS,
)


def global_flag(name: str) -> Flag | None:
    return next((flag for flag in GLOBAL_FLAGS if flag.name == name), None)

"""How a server of the API is reached, as whoever calls it decided."""

from __future__ import annotations

from dataclasses import dataclass, field

_DEFAULT_PORT = 443


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConnection:
    """`address` is host and port, as a user wrote it. Certificates and keys are PEM.

    `insecure`: any certificate of the server's will do. `root_path` is where the server is below
    its host, for gRPC-web. `retries` are further attempts of an HTTP request.
    """

    address: str
    plaintext: bool = False
    insecure: bool = False
    authority: bytes = b""
    certificate: bytes = b""
    key: bytes = field(default=b"", repr=False)
    token: str = field(default="", repr=False)
    grpc_web: bool = False
    root_path: str = ""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    retries: int = 0

    @property
    def host(self) -> str:
        host, colon, port = self.address.rpartition(":")
        return (host if colon and port.isdigit() else self.address).strip("[]")

    @property
    def port(self) -> int:
        _, colon, port = self.address.rpartition(":")
        return int(port) if colon and port.isdigit() else _DEFAULT_PORT

    @property
    def url(self) -> str:
        """Where browsers find it; the port that they take anyway is left out."""
        scheme = "http" if self.plaintext else "https"
        path = self.root_path.strip("/")
        return f"{scheme}://{self.address.removesuffix(':443')}" + (f"/{path}" if path else "")


@dataclass(frozen=True, slots=True)
class ServerTls:
    """What a look at a server's TLS found; `problem` is why its certificate is not believed."""

    present: bool
    problem: str = ""

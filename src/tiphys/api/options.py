"""What the API's edge is told when it is started."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class CallMetrics(Protocol):
    """Counts calls, by gRPC's names for kinds of calls and codes."""

    def began(self, kind: str, method: str) -> None: ...

    def ended(self, kind: str, method: str, code: str) -> None: ...


class Uncounted:
    def began(self, kind: str, method: str) -> None:
        pass

    def ended(self, kind: str, method: str, code: str) -> None:
        pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiOptions:
    """`insecure`: TLS is another's, so cookies may travel without it. `content_types` are those in
    which changes may come, all in lower case; none allows every type. `root_path` and `base_href`
    are without slashes at their ends. `ill` says why the process cannot answer, if so; `full` asks
    for more. `message_bytes` bounds what comes and what goes.
    """

    insecure: bool = False
    disable_auth: bool = False
    content_types: tuple[str, ...] = ("application/json",)
    root_path: str = ""
    base_href: str = ""
    gzip: bool = True
    swagger_ui: bool = True
    static_assets: Path | None = None
    extensions: Path = Path("/tmp/extensions")  # noqa: S108 - the contract's mount
    frame_options: str = "sameorigin"
    content_security_policy: str = "frame-ancestors 'self';"
    message_bytes: int = 200 << 20
    ping_seconds: float = 10.0
    cookie_count: int = 20
    connections: int = 4_096
    ill: Callable[[bool], str] = field(default=lambda _: "")
    metrics: CallMetrics = field(default_factory=Uncounted)
    swagger: Callable[[], bytes] | None = None
    downloads: Sequence[str] = ()

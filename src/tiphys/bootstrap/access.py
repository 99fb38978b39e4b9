"""The way to a cluster as kubectl's flags say it, on top of what a kubeconfig says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiphys.adapters.kube import KubeConfig, Limits
from tiphys.adapters.kube.config import acting_as
from tiphys.cli.errors import FatalError
from tiphys.core.settings.duration import parse_duration_or_seconds

if TYPE_CHECKING:
    from tiphys.cli.ports import KubeAccess


def with_access(config: KubeConfig, access: KubeAccess) -> KubeConfig:
    """Raises FatalError for a file that cannot be read."""
    changes: dict[str, Any] = {
        "server": access.server.rstrip("/"),
        "ca": _file(access.certificate_authority),
        "client_certificate": _file(access.client_certificate),
        "client_key": _file(access.client_key),
        "tls_server_name": access.tls_server_name,
        "insecure": access.insecure_skip_tls_verify,
        "proxy_url": access.proxy_url,
        "acting_as": acting_as(access.act_as, access.act_as_group, access.act_as_uid),
    }
    changes = {field: value for field, value in changes.items() if value}
    if access.disable_compression:
        changes["compression"] = False
    # Whoever says who he is, is nobody else as well.
    if access.token:
        changes |= {"token": access.token, "token_file": "", "exec_provider": None}
    elif access.username:
        changes |= {"token": "", "token_file": "", "exec_provider": None}
    if access.username or access.password:
        changes |= {"username": access.username or config.username, "password": access.password}
    return replace(config, **changes)


def limits_of(access: KubeAccess) -> Limits:
    """Raises FatalError where the time is none."""
    text = access.request_timeout
    seconds = parse_duration_or_seconds(text) if text else 0.0
    if seconds is None:
        raise FatalError(f"--request-timeout takes a duration such as 10s, not {text}", code=1)
    return Limits(request=seconds) if seconds else Limits()


def _file(path: str) -> str:
    if not path:
        return ""
    try:
        return Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is no text"
        raise FatalError(f"open {path}: {reason}", code=1) from None

"""Credentials that a program prints: ExecCredential of client.authentication.k8s.io.

The program is started without a shell, with a deadline, and without our standard input. What it
says on standard error is not repeated, for nobody knows what it quotes there.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tiphys.adapters.kube.errors import KubeConfigError
from tiphys.model.cluster import ExecProvider

DEADLINE = 30.0
_LARGEST = 1 << 20
_API_VERSIONS = frozenset(
    f"client.authentication.k8s.io/{version}" for version in ("v1", "v1beta1", "v1alpha1")
)


@dataclass(frozen=True, slots=True)
class ExecCredential:
    """`expires` is in seconds since 1970, None for never. The PEM parts go together."""

    token: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    expires: float | None = None


async def ask_program(
    provider: ExecProvider, cluster: Mapping[str, Any] | None = None, *, deadline: float = DEADLINE
) -> ExecCredential:
    """Raises KubeConfigError naming the program. `cluster` is told to it where it asks for that."""
    if provider.api_version not in _API_VERSIONS:
        raise _error(provider, f"apiVersion {provider.api_version} is not known")
    spec: dict[str, Any] = {"interactive": False}
    if provider.cluster_info and cluster is not None:
        spec["cluster"] = dict(cluster)
    info = {"apiVersion": provider.api_version, "kind": "ExecCredential", "spec": spec}
    environment = {**os.environ, **provider.env, "KUBERNETES_EXEC_INFO": json.dumps(info)}
    output = await _run(provider, environment, deadline)
    return _credential(provider, output)


async def _run(provider: ExecProvider, environment: Mapping[str, str], deadline: float) -> bytes:
    try:
        process = await asyncio.create_subprocess_exec(
            provider.command,
            *provider.args,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        hint = f"; {provider.install_hint}" if provider.install_hint else ""
        raise _error(provider, f"cannot be started{hint}") from None
    try:
        async with asyncio.timeout(deadline):
            output = await _read(provider, process.stdout)
            code = await process.wait()
    except TimeoutError:
        raise _error(provider, f"did not end within {deadline:g} s") from None
    finally:
        if process.returncode is None:
            # With all that it started itself.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if code != 0:
        raise _error(provider, f"ended with exit code {code}")
    return output


async def _read(provider: ExecProvider, stream: asyncio.StreamReader | None) -> bytes:
    parts = bytearray()
    while stream is not None and (chunk := await stream.read(65536)):
        parts += chunk
        if len(parts) > _LARGEST:
            raise _error(provider, "printed more than a credential")
    return bytes(parts)


def _credential(provider: ExecProvider, output: bytes) -> ExecCredential:
    try:
        answer = json.loads(output)
        status = answer["status"]
        texts = [status.get(k) or "" for k in ("token", "clientCertificateData", "clientKeyData")]
        expires = status.get("expirationTimestamp")
        until = datetime.fromisoformat(expires).timestamp() if expires else None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _error(provider, "printed no ExecCredential") from None
    if answer.get("apiVersion") != provider.api_version:
        raise _error(provider, f"printed a credential that is not {provider.api_version}")
    token, certificate, key = map(str, texts)
    if bool(certificate) != bool(key) or not (token or certificate):
        raise _error(provider, "printed neither a token nor a certificate with its key")
    return ExecCredential(token, certificate, key, until)


def _error(provider: ExecProvider, problem: str) -> KubeConfigError:
    return KubeConfigError(f"credential program {provider.command} {problem}", field="exec")

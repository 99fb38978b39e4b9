"""aiohttp's exceptions made errors that name the step which failed."""

from __future__ import annotations

import asyncio
import os
import ssl

import aiohttp
from yarl import URL

from tiphys.adapters.packages.errors import Step, failed
from tiphys.model.errors import RepositoryError


def step_of(error: Exception, url: URL) -> RepositoryError:
    step, reason = _said(error, url)
    return failed(step, reason, str(url))


def _said(error: Exception, url: URL) -> tuple[Step, str]:
    # After a redirect it may be another host that failed.
    where = f"{getattr(error, 'host', url.host)}:{getattr(error, 'port', url.port)}"
    match error:
        case aiohttp.ClientConnectorDNSError():
            return Step.NAME, f"the host '{error.host}' cannot be resolved"
        case aiohttp.ClientConnectorCertificateError():
            return Step.TLS, f"the certificate of {where} is not accepted: {_certificate(error)}"
        case aiohttp.ClientConnectorSSLError() | aiohttp.ClientSSLError():
            return Step.TLS, f"{where} does not speak TLS as it should: {_handshake(error)}"
        case aiohttp.ClientProxyConnectionError():
            return Step.PROXY, f"the proxy {error.host}:{error.port} cannot be reached"
        case aiohttp.ClientHttpProxyError():
            return Step.PROXY, f"the proxy answers {error.status} to a connection to {where}"
        case aiohttp.ClientConnectorError():
            return Step.CONNECTION, f"no connection to {where}: {_reason(error.os_error)}"
        case aiohttp.ConnectionTimeoutError():
            return Step.CONNECTION, f"no connection to {where} in time"
        case TimeoutError():
            return Step.ANSWER, f"{where} did not answer in time"
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError():
            return Step.ANSWER, f"{where} ended the connection in the middle of its answer"
        case aiohttp.ClientOSError():
            return Step.CONNECTION, f"the connection to {where} broke: {_reason(error)}"
        case _:
            return Step.ANSWER, f"{where} answers what is not HTTP"


def _certificate(error: aiohttp.ClientConnectorCertificateError) -> str:
    inner = error.certificate_error
    if isinstance(inner, ssl.SSLCertVerificationError):
        return inner.verify_message
    return "it cannot be verified"


def _handshake(error: Exception) -> str:
    inner = getattr(error, "os_error", error)
    reason = getattr(inner, "reason", None)
    return str(reason or "the handshake failed").replace("_", " ").lower()


def _reason(error: OSError) -> str:
    if isinstance(error, asyncio.TimeoutError):
        return "time-out"
    return os.strerror(error.errno).lower() if error.errno else "it failed"

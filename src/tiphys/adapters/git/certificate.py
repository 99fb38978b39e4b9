"""Why a server's certificate is not trusted: some builds of Git only say that it is not."""

from __future__ import annotations

import asyncio
import ssl
from typing import Final

from tiphys.adapters.git.errors import Failure, Step
from tiphys.core.source.url import RepositoryUrl, Transport
from tiphys.model.repository import Repository

_PATIENCE_SECONDS: Final = 5.0
_EXPIRED: Final = 10
"""OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED."""
_NAME: Final = 62
_STRANGERS: Final = frozenset({7, 18, 19, 20, 21})
"""Self-signed, or issued by an authority that is not known, be it one of the same name."""


async def explained(failure: Failure, url: RepositoryUrl, repository: Repository) -> Failure:
    """Shakes hands once more, sending nothing; the failure as it was where that tells no more."""
    if url.transport is not Transport.HTTPS or repository.proxy.url:
        return failure
    try:
        context = _context(repository)
    except ssl.SSLError:
        return Failure(
            Step.TLS, "the certificates kept for this host cannot be read (cert add-tls)"
        )
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            _, writer = await asyncio.open_connection(url.host, url.port, ssl=context)
    except ssl.SSLCertVerificationError as error:
        return Failure(Step.TLS, _said(error, url))
    except (OSError, TimeoutError):
        return failure
    writer.close()
    return failure


def _context(repository: Repository) -> ssl.SSLContext:
    pem = repository.trust.certificates
    return ssl.create_default_context(cadata=pem) if pem else ssl.create_default_context()


def _said(error: ssl.SSLCertVerificationError, url: RepositoryUrl) -> str:
    if error.verify_code == _EXPIRED:
        return f"the certificate of {url.host} has expired: renew it on the server"
    if error.verify_code in _STRANGERS:
        return (
            f"the certificate of {url.host} is of an unknown authority: add that "
            f"(cert add-tls {url.host})"
        )
    if error.verify_code == _NAME:
        return f"the certificate is not for {url.host}: check the URL, or renew it on the server"
    return f"the certificate of {url.host} is not valid: {error.verify_message}"

"""What is believed of a server and shown to it: one context for each, kept for its connections."""

from __future__ import annotations

import ssl
import tempfile
from collections import OrderedDict
from typing import Final

from tiphys.adapters.packages.errors import Step, failed
from tiphys.model.repository import ClientCertificate, Trust

_KEPT: Final = 256
_BEGIN: Final = "-----BEGIN CERTIFICATE-----"


class Contexts:
    """Connections are shared by those that have one context, so that these are kept."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[object, ...], ssl.SSLContext] = OrderedDict()

    def context(
        self, trust: Trust, certificate: ClientCertificate | None, url: str, *, home: bool
    ) -> ssl.SSLContext:
        """`home`: of the repository's own host. Others are believed by the system's authorities,
        too, and are shown no client certificate. Raises RepositoryError.
        """
        shown = certificate if home else None
        key = (trust.insecure, trust.certificates, shown, home)
        if key not in self._kept:
            self._kept[key] = _made(trust, shown, url, home=home)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]


def _made(
    trust: Trust, certificate: ClientCertificate | None, url: str, *, home: bool
) -> ssl.SSLContext:
    own = trust.certificates if _BEGIN in trust.certificates else ""
    try:
        context = ssl.create_default_context(cadata=own or None)
        if own and not home:
            context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    except ssl.SSLError:
        remedy = "correct the host's entry in argocd-tls-certs-cm"
        raise failed(
            Step.TLS, "the certificates for the host cannot be read", url, remedy=remedy
        ) from None
    if trust.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if certificate is not None:
        _show(context, certificate, url)
    return context


def _show(context: ssl.SSLContext, certificate: ClientCertificate, url: str) -> None:
    """Python reads certificates from files only; this one is gone before anything is sent."""
    try:
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
            file.write(f"{certificate.certificate}\n{certificate.key}\n")
            file.flush()
            # An encrypted key would be asked for on the terminal.
            context.load_cert_chain(file.name, password=lambda: b"")
    except (ssl.SSLError, OSError, ValueError):
        remedy = "check tlsClientCertData and tlsClientCertKey of the repository"
        raise failed(
            Step.TLS, "the client certificate or its key cannot be read", url, remedy=remedy
        ) from None

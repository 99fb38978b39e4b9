"""What a client looks at beside the API's calls: the server's TLS, and its page for logging out."""

from __future__ import annotations

import asyncio
import ssl

import aiohttp

from tiphys.adapters.apiclient.errors import ConnectError
from tiphys.adapters.apiclient.native import words
from tiphys.adapters.apiclient.tls import tls_context
from tiphys.model.connection import ServerConnection, ServerTls

_SECONDS = 30.0
_COOKIE = "argocd.token"


async def look_at_tls(connection: ServerConnection) -> ServerTls:
    """Whether there is TLS, and what is wrong with it. Raises ConnectError for no answer."""
    problem = ""
    for context in (tls_context(connection), _any()):
        try:
            async with asyncio.timeout(_SECONDS):
                _, writer = await asyncio.open_connection(
                    connection.host, connection.port, ssl=context
                )
        except ssl.SSLCertVerificationError as error:
            problem = error.verify_message or str(error)
            continue
        except ssl.SSLError:
            return ServerTls(present=False)
        except ConnectionResetError:
            return ServerTls(present=False)
        except OSError as error:
            raise ConnectError(connection.address, words(error)) from None
        writer.close()
        return ServerTls(present=True, problem=problem)
    return ServerTls(present=True, problem=problem)


async def log_out(connection: ServerConnection) -> None:
    """Raises ConnectError where the server does not take the token back."""
    url = f"{connection.url}/auth/logout"
    context = tls_context(connection)
    timeout = aiohttp.ClientTimeout(total=_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=context if context else False), timeout=timeout
            ) as session,
            session.post(
                url,
                headers={"Cookie": f"{_COOKIE}={connection.token}"},
                allow_redirects=False,
            ) as answer,
        ):
            if answer.status >= 400:
                raise ConnectError(connection.address, f"unexpected status {answer.status}")
    except (aiohttp.ClientError, OSError) as error:
        raise ConnectError(connection.address, str(error)) from None


def _any() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context

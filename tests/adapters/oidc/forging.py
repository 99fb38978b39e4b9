"""A provider that says and signs whatever a test wants."""

from __future__ import annotations

import base64
import hmac
import json
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey


def new_key(name: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig"}, private=True)


@dataclass
class Forge:
    issuer: str
    keys: list[RSAKey | ECKey]
    asked: list[str] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        usual = {"iss": self.issuer, "aud": "web", "sub": "ann", "iat": now, "exp": now + 3600}
        return {name: one for name, one in {**usual, **changes}.items() if one is not None}

    def token(self, *, key: Any = None, algorithm: str = "RS256", **changes: Any) -> str:
        key = key or self.keys[-1]
        header = {"alg": algorithm, **({"kid": key.kid} if key.kid else {})}
        body = json.dumps(self.claims(**changes))
        return jws.serialize_compact(header, body, key, algorithms=[algorithm])

    def unsigned(self, **changes: Any) -> str:
        return f"{_part({'alg': 'none'})}.{_part(self.claims(**changes))}."

    def shared_secret(self, **changes: Any) -> str:
        """Signed by HMAC with the text of the public key, as if that were a secret."""
        header = {"alg": "HS256", "kid": self.keys[-1].kid}
        signed = f"{_part(header)}.{_part(self.claims(**changes))}"
        public = self.keys[-1].as_pem(private=False)
        seal = hmac.digest(public, signed.encode(), "sha256")
        return f"{signed}.{base64.urlsafe_b64encode(seal).rstrip(b'=').decode()}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        if request.path in self.answers:
            status, body = self.answers[request.path]
            return web.json_response(body, status=status)
        if request.path.endswith("/openid-configuration"):
            return web.json_response(
                {
                    "issuer": self.issuer,
                    "authorization_endpoint": f"{self.issuer}/auth",
                    "token_endpoint": f"{self.issuer}/token",
                    "jwks_uri": f"{self.issuer}/keys",
                }
            )
        if request.path == "/keys":
            return web.json_response({"keys": [key.as_dict(private=False) for key in self.keys]})
        return web.Response(status=404)


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@asynccontextmanager
async def forging(certificate: tuple[Path, Path] | None = None) -> AsyncIterator[Forge]:
    forge = Forge("", [new_key("one")])
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", forge.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    forge.issuer = f"{'https' if certificate else 'http'}://127.0.0.1:{port}"
    try:
        yield forge
    finally:
        await runner.cleanup()

"""An API server as scripts use it: by REST, with a token."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from collections.abc import Mapping
from typing import Any

from tests.e2e.stack import NAMESPACE, Stack

INITIAL = "argocd-initial-admin-secret"


class Api:
    """`address` is `host:port`; whoever tests it trusts any certificate."""

    def __init__(self, address: str, *, tls: bool = False) -> None:
        self.address = address
        self.token = ""
        self._context = _trusting() if tls else None

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Any]:
        """The status and the answer, decoded where it is JSON."""
        connection = self._connection()
        sent = {"Content-Type": "application/json", **(headers or {})}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        try:
            connection.request(method, path, None if body is None else json.dumps(body), sent)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, text

    def ok(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = self.ask(method, path, body)
        assert status == 200, (method, path, status, answer)
        return answer

    def login(self, username: str, password: str) -> None:
        self.token = ""
        wanted = {"username": username, "password": password}
        self.token = self.ok("POST", "/api/v1/session", wanted)["token"]

    def _connection(self) -> http.client.HTTPConnection:
        if self._context is None:
            return http.client.HTTPConnection(self.address, timeout=60)
        return http.client.HTTPSConnection(self.address, context=self._context, timeout=60)


def _trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def initial_password(stack: Stack) -> str:
    """As soon as a server made it."""

    def told() -> str | None:
        secret = stack.kube.get("Secret", NAMESPACE, INITIAL)
        return base64.b64decode(secret["data"]["password"]).decode() if secret else None

    return stack.until("the first password of admin", told, 60)


def port(stack: Stack) -> int:
    """Where the API is, of a server that was just started, too."""

    return stack.until("the API is served", lambda: ports(stack)[-1:], 60)[0]


def ports(stack: Stack) -> list[int]:
    """Of all servers that there were, one after another."""
    if not stack.api_log.exists():
        return []
    lines = stack.api_log.read_text().splitlines()
    return [int(json.loads(line)["port"]) for line in lines if '"serving the API"' in line]


def as_admin(stack: Stack) -> Api:
    found = Api(f"127.0.0.1:{port(stack)}")
    found.login("admin", initial_password(stack))
    return found

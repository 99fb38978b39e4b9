"""The API server as these tests speak to it: plain HTTPS with the administrator's certificate.

The product's own client stays out, so that a fault of it cannot hide one of the control plane.
"""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, TypeVar

from tiphys.adapters.devcluster import DevCluster

T = TypeVar("T")


class ApiError(Exception):
    """An answer that is not a success."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status


class Api:
    """JSON requests to one cluster; `agent` is what the audit log will name."""

    def __init__(self, cluster: DevCluster, agent: str = "devcluster-tests") -> None:
        self.server = cluster.server
        self.tls = ssl.create_default_context(cafile=str(cluster.ca_file))
        self.tls.load_cert_chain(cluster.admin_cert, cluster.admin_key)
        self._agent = agent

    def text(self, path: str, method: str = "GET", body: Any = None, kind: str = "json") -> str:
        request = urllib.request.Request(  # noqa: S310 - the server is always https
            self.server + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": f"application/{kind}", "User-Agent": self._agent},
        )
        try:
            with urllib.request.urlopen(request, context=self.tls, timeout=30) as answer:  # noqa: S310
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            raise ApiError(error.code, error.read().decode()) from error

    def get(self, path: str) -> Any:
        return json.loads(self.text(path))

    def create(self, path: str, body: Any) -> Any:
        return json.loads(self.text(path, "POST", body))

    def merge(self, path: str, body: Any) -> Any:
        return json.loads(self.text(path, "PATCH", body, "merge-patch+json"))

    def delete(self, path: str) -> Any:
        return json.loads(self.text(path, "DELETE"))

    def absent(self, path: str) -> bool:
        try:
            self.get(path)
        except ApiError as error:
            return error.status == 404
        return False


def eventually(ask: Callable[[], T], seconds: float = 15.0) -> T:
    """The first answer that is true in Python's sense; fails with the last one."""
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        assert time.monotonic() < end, f"still {answer!r} after {seconds} s"
        time.sleep(0.05)


def condition(thing: Any, kind: str) -> str:
    """The status of one condition of an object, empty when it has none."""
    for found in thing.get("status", {}).get("conditions", []):
        if found["type"] == kind:
            return str(found["status"])
    return ""

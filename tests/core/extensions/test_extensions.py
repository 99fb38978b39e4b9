"""Proxy extensions: their configuration, and where a request goes."""

from __future__ import annotations

import pytest

from tiphys.core.extensions import KEY, Backend, Service, asked_for, backends, service_for
from tiphys.model.appspec import ApplicationDestination
from tiphys.model.errors import SettingsError

TWO = """
extensions:
- name: metrics
  backend:
    connectionTimeout: 5s
    keepAlive: 1s
    idleConnectionTimeout: 2m
    maxIdleConnections: 7
    services:
    - url: https://one
      cluster: {name: a}
      headers: [{name: X-Key, value: $key}]
    - url: http://two
      cluster: {server: https://b}
"""


def test_backends_are_read() -> None:
    found = backends(
        {KEY: TWO, f"{KEY}.logs": "backend: {services: [{url: http://logs}]}"},
        lambda name: {"key": "T0KEN"} if not name else {},
    )
    assert set(found) == {"metrics", "logs"}
    backend = found["metrics"]
    assert (backend.connect, backend.keepalive, backend.idle, backend.most_idle) == (5, 1, 120, 7)
    assert backend.services[0].headers == (("X-Key", "T0KEN"),)
    assert "T0KEN" not in repr(found)
    usual = found["logs"]
    assert (usual.connect, usual.keepalive, usual.idle, usual.most_idle) == (2, 15, 60, 30)
    # The backend may stand there by itself, too.
    assert backends({f"{KEY}.x": "services: [{url: http://x}]"}, lambda _: {})["x"].services
    assert backends({}, lambda _: {}) == {}


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "extensions: [7]",
        "extensions: [{name: a b, backend: {services: [{url: http://x}]}}]",
        "extensions: [{name: a, backend: {}}]",
        "extensions: [{name: a, backend: {services: [{url: 'file:///x'}]}}]",
        "extensions: [{name: a, backend: {services: [{url: http://x}, {url: http://y}]}}]",
        "extensions: [{name: a, backend: {connectionTimeout: x, services: [{url: http://x}]}}]",
        "extensions: [{name: a, backend: {services: [{url: http://x}]}},"
        " {name: a, backend: {services: [{url: http://x}]}}]",
    ],
)
def test_what_cannot_be_read(text: str) -> None:
    with pytest.raises(SettingsError):
        backends({KEY: text}, lambda _: {})


def test_the_service_of_a_destination() -> None:
    only = Backend(services=(Service("http://x", name="other"),))
    assert service_for(only, ApplicationDestination(server="https://b")) is only.services[0]
    two = Backend(services=(Service("u", name="a"), Service("v", server="https://b")))
    assert service_for(two, ApplicationDestination(name="a")) is two.services[0]
    assert service_for(two, ApplicationDestination(server="https://b")) is two.services[1]
    assert service_for(two, ApplicationDestination(name="c")) is None
    assert service_for(two, ApplicationDestination()) is None


def test_whom_a_request_is_about() -> None:
    headers = {"argocd-application-name": "argocd:shop", "argocd-project-name": "team"}
    assert asked_for(headers) == ("argocd", "shop", "team")
    for wrong in (
        {},
        {**headers, "argocd-application-name": "shop"},
        {**headers, "argocd-application-name": "a:b:c"},
        {**headers, "argocd-project-name": ""},
        {**headers, "argocd-project-name": "../x"},
    ):
        with pytest.raises(ValueError, match="eader"):
            asked_for(wrong)

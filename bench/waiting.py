"""Waits by watches: listing over and over would load the API server that is measured."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import orjson

from tests.e2e.kube import path_of
from tests.e2e.stack import NAMESPACE, Stack

_METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
_PATIENCE = 300.0


class Watch:
    """Every object of a kind in one namespace, from those that are there on."""

    def __init__(self, stack: Stack, kind: str, namespace: str, accept: str) -> None:
        self._stack = stack
        where = urlsplit(stack.kube.server)
        self._connection = http.client.HTTPSConnection(
            where.hostname or "", where.port, context=stack.kube.tls, timeout=_PATIENCE
        )
        self._connection.request(
            "GET",
            f"{path_of(kind, namespace, '')}?watch=1&resourceVersion=0",
            headers={"Accept": accept, **stack.kube.authorization()},
        )
        self._answer = self._connection.getresponse()
        if self._answer.status != 200:
            raise RuntimeError(f"watch of {kind}: {self._answer.read().decode()}")

    def events(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Without end; raises RuntimeError when nothing comes for a long time."""
        try:
            while line := self._answer.readline():
                event = orjson.loads(line)
                yield event["type"], event["object"]
        except TimeoutError:
            log = self._stack.log_tail()
            raise RuntimeError(f"nothing came for {_PATIENCE:g} s\n{log}") from None
        raise RuntimeError("the watch ended")

    def close(self) -> None:
        self._connection.close()


class Done:
    """Waits until so many Applications are Synced and Healthy."""

    def __init__(self, watch: Watch) -> None:
        self._events = watch.events()
        self._done: set[str] = set()

    def wait(self, count: int) -> None:
        while len(self._done) < count:
            kind, app = next(self._events)
            name, status = app["metadata"]["name"], app.get("status") or {}
            sync = (status.get("sync") or {}).get("status")
            health = (status.get("health") or {}).get("status")
            if kind != "DELETED" and (sync, health) == ("Synced", "Healthy"):
                self._done.add(name)
            else:
                self._done.discard(name)


@contextmanager
def applications_done(stack: Stack) -> Iterator[Done]:
    watch = Watch(stack, "Application", NAMESPACE, "application/json")
    try:
        yield Done(watch)
    finally:
        watch.close()


class Gone:
    """Waits until every object of a kind that was made for the bench is gone."""

    def __init__(self, watch: Watch) -> None:
        self._events = watch.events()

    def wait(self, names: set[str]) -> None:
        left = set(names)
        while left:
            kind, found = next(self._events)
            if kind == "DELETED":
                left.discard(found["metadata"]["name"])


@contextmanager
def objects_gone(stack: Stack, kind: str, namespace: str) -> Iterator[Gone]:
    """Opened while all of them are there."""
    watch = Watch(stack, kind, namespace, _METADATA)
    try:
        yield Gone(watch)
    finally:
        watch.close()

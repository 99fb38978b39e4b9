"""`app create -f URL`: what is fetched is read like a file, and what is not is said."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.cli.test_create import FILE
from tests.cli.world import World


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        found = self.path == "/app.yaml"
        self.send_response(200 if found else 404)
        self.end_headers()
        self.wfile.write(FILE.format(name="a").encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Tests are quiet."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{made.server_address[1]}"
    made.shutdown()
    made.server_close()


def test_what_is_fetched_is_created(world: World, server: str) -> None:
    ran = world.run("app", "create", "-f", f"http://{server}/app.yaml")
    assert (ran.code, ran.out) == (0, "application 'a' created\n"), ran.err


def test_an_error_page_is_no_application(world: World, server: str) -> None:
    ran = world.run("app", "create", "-f", f"http://{server}/none.yaml")
    assert (ran.code, ran.out) == (20, "")
    assert ran.fatal == f"GET http://{server}/none.yaml: 404 Not Found"
    assert world.find("Application", "a") is None


@pytest.mark.parametrize("place", ["127.0.0.1:1", "me:secret@127.0.0.1", "127.0.0.1:port"])
def test_a_server_that_is_not_there_is_said_without_credentials(world: World, place: str) -> None:
    ran = world.run("app", "create", "-f", f"http://{place}/app.yaml")
    assert ran.code == 20
    assert ran.fatal.startswith(f"GET http://{place.rpartition('@')[2]}/app.yaml: ")
    assert "secret" not in ran.err

"""kubectl's flags: each says something else of the way to the cluster that a command works on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.proofs import EVERYWHERE, Change
from tests.cli.world import World

# Of all commands; what they do to a kubeconfig is tested beside the function that reads it.
EVERY = [
    Change("everywhere", "--kubeconfig /etc/other", (), {"kubeconfig": "/etc/other"}),
    Change("everywhere", "--context other", (), {"context": "other"}),
    Change("everywhere", "--namespace cd", (), {"namespace": "cd"}),
    Change("everywhere", "--cluster far", (), {"cluster": "far"}),
    Change("everywhere", "--user jo", (), {"user": "jo"}),
    Change("everywhere", "--username jo", (), {"username": "jo"}),
    Change("everywhere", "--password p", (), {"password": "p"}),
    Change("everywhere", "--token t", (), {"token": "t"}),
    Change("everywhere", "--proxy-url http://p", (), {"proxy_url": "http://p"}),
    Change("everywhere", "--request-timeout 7s", (), {"request_timeout": "7s"}),
    Change("everywhere", "--insecure-skip-tls-verify", (), {"insecure_skip_tls_verify": True}),
]
# Of commands that act for an administrator; as many have them, one shows them.
ADMIN = [
    Change("admin proj generate-allow-list", "--as me", (), {"act_as": "me"}),
    Change("admin proj generate-allow-list", "--as-group a", (), {"act_as_group": ("a",)}),
    Change("admin proj generate-allow-list", "--as-uid 7", (), {"act_as_uid": "7"}),
    Change("admin proj generate-allow-list", "--server https://s", (), {"server": "https://s"}),
    Change("admin proj generate-allow-list", "--tls-server-name n", (), {"tls_server_name": "n"}),
    Change(
        "admin proj generate-allow-list",
        "--certificate-authority /ca",
        (),
        {"certificate_authority": "/ca"},
    ),
    Change(
        "admin proj generate-allow-list",
        "--client-certificate /crt",
        (),
        {"client_certificate": "/crt"},
    ),
    Change("admin proj generate-allow-list", "--client-key /key", (), {"client_key": "/key"}),
    Change(
        "admin proj generate-allow-list", "--disable-compression", (), {"disable_compression": True}
    ),
]


def chosen(world: World, *line: str) -> dict[str, Any]:
    """The cluster that a command asked for, as one mapping."""
    ran = world.run(*line)
    assert ran.code == 0, ran.err
    choice = world.choices[-1]
    access = {name: getattr(choice.access, name) for name in choice.access.__slots__}
    own = {name: getattr(choice, name) for name in ("kubeconfig", "context", "namespace")}
    return own | access


@pytest.mark.parametrize("change", EVERY, ids=lambda change: change.given)
def test_flags_of_every_command(world: World, change: Change) -> None:
    assert change.command == EVERYWHERE
    line = ("proj", "list")
    before = chosen(world, *line)
    assert chosen(world, *line, *change.words) == before | change.shows
    assert before | change.shows != before


@pytest.mark.parametrize("change", ADMIN, ids=lambda change: change.given)
def test_flags_of_administrators(world: World, change: Change, tmp_path: Any) -> None:
    rules = tmp_path / "role.yaml"
    rules.write_text("kind: ClusterRole\nrules: []\n")
    line = (*change.command.split(), str(rules), "allow")
    before = chosen(world, *line)
    assert chosen(world, *line, *change.words) == before | change.shows
    assert before | change.shows != before

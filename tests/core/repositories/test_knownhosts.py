"""known_hosts: what is listed of it, and how it is edited."""

from __future__ import annotations

import base64

import pytest

from tiphys.core.repositories.knownhosts import (
    HostKey,
    adding,
    chosen,
    host_matches,
    is_host_name,
    parse_known_hosts,
    rewritten,
    single_hosts,
)
from tiphys.model.errors import ApiError


def data(kind: str, tail: str = "x") -> str:
    raw = len(kind).to_bytes(4, "big") + kind.encode() + tail.encode()
    return base64.b64encode(raw).decode()


RSA, ED = data("ssh-rsa"), data("ssh-ed25519")


def test_lines_as_openssh_has_them() -> None:
    text = f"""
# a comment
git.example.com ssh-rsa {RSA} of somebody
[h]:2222,h2 ssh-ed25519 {ED}
|1|c2FsdA==|aGFzaA== ssh-rsa {RSA}
*.example.com,!bad ssh-rsa {RSA}
@cert-authority *.example.com ssh-rsa {RSA} ca
@revoked * ssh-rsa {RSA}
no key at all
h ssh-rsa AAAA
h ssh-rsa $$$
h SSH-RSA {RSA}
@revoked
#h ssh-rsa {RSA}
"""
    assert parse_known_hosts(text) == (
        HostKey("git.example.com", "ssh-rsa", RSA),
        HostKey("[h]:2222,h2", "ssh-ed25519", ED),
        HostKey("|1|c2FsdA==|aGFzaA==", "ssh-rsa", RSA),
        HostKey("*.example.com,!bad", "ssh-rsa", RSA),
        HostKey("*.example.com", "ssh-rsa", RSA, "@cert-authority"),
        HostKey("*", "ssh-rsa", RSA, "@revoked"),
    )


def test_what_is_written_is_read_again() -> None:
    keys = (HostKey("h", "ssh-rsa", RSA), HostKey("*", "ssh-rsa", RSA, "@revoked"))
    text = rewritten("", keys)
    assert text == f"h ssh-rsa {RSA}\n@revoked * ssh-rsa {RSA}\n"
    assert parse_known_hosts(text) == keys


def test_what_is_no_key_of_ours_stays() -> None:
    other = data("ssh-rsa", "y")
    text = (
        f"# why\n\nh  ssh-rsa {RSA} note\n@revoked * new-kind {RSA}\n"
        f"z ssh-rsa {RSA}\ng ssh-rsa {RSA}\n"
    )
    keys = (
        HostKey("h", "ssh-rsa", RSA),
        HostKey("z", "ssh-rsa", other),
        HostKey("n", "ssh-rsa", RSA),
    )
    assert rewritten(text, keys).splitlines() == [
        "# why",
        "",
        f"h  ssh-rsa {RSA} note",
        f"@revoked * new-kind {RSA}",
        f"z ssh-rsa {other}",
        f"n ssh-rsa {RSA}",
    ]


def test_one_key_a_host() -> None:
    keys = single_hosts([HostKey("a,b,", "ssh-rsa", RSA)])
    assert [key.hosts for key in keys] == ["a", "b"]


def test_new_keys_are_added() -> None:
    there = (HostKey("h", "ssh-rsa", RSA),)
    more = HostKey("h", "ssh-ed25519", ED)
    added = adding(there, [there[0], more], upsert=False)
    assert (added.keys, added.new) == ((*there, more), (more,))


def test_another_key_needs_upsert() -> None:
    there = (HostKey("h", "ssh-rsa", RSA), HostKey("z", "ssh-rsa", RSA))
    other = HostKey("h", "ssh-rsa", data("ssh-rsa", "y"))
    with pytest.raises(ApiError) as raised:
        adding(there, [other], upsert=False)
    assert str(raised.value) == (
        "key for 'h' (subtype: 'ssh-rsa') already exists, and upsert was not specified"
    )
    added = adding(there, [other], upsert=True)
    assert (added.keys, added.new) == ((other, there[1]), (other,))


@pytest.mark.parametrize(
    "key",
    [
        HostKey("*.example.com", "ssh-rsa", RSA),
        HostKey("|1|c2FsdA==|aGFzaA==", "ssh-rsa", RSA),
        HostKey("h", "ssh-rsa", RSA, "@revoked"),
    ],
)
def test_only_plain_names_are_added(key: HostKey) -> None:
    with pytest.raises(ApiError) as raised:
        adding((), [key], upsert=True)
    assert str(raised.value) == f"invalid hostname in request: {key.hosts}"


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("h", True),
        ("git.example.com", True),
        ("192.0.2.1", True),
        ("[h]:2222", True),
        ("[::1]:22", True),
        ("[::x]:22", False),
        ("h:22", False),
        ("[h]", False),
        ("-h", False),
        ("a..b", False),
        ("", False),
        ("a." * 130 + "a", False),
    ],
)
def test_names(text: str, good: bool) -> None:
    assert is_host_name(text) is good


@pytest.mark.parametrize(
    ("host", "pattern", "good"),
    [
        ("git.example.com", "*.example.com", True),
        ("git.example.com", "git.?xample.com", True),
        ("[h]:22", "[h]:22", True),
        ("h", "", True),
        ("h", "H", False),
        ("git.example.com", "example.com", False),
    ],
)
def test_globs(host: str, pattern: str, good: bool) -> None:
    assert host_matches(host, pattern) is good


def test_what_is_chosen() -> None:
    key = HostKey("h", "ssh-rsa", RSA)
    assert chosen(key)
    assert chosen(key, pattern="*", subtype="*")
    assert chosen(key, pattern="h", subtype="ssh-rsa")
    assert not chosen(key, pattern="h", subtype="ssh-ed25519")
    assert not chosen(key, pattern="g")

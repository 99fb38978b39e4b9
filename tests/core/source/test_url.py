"""Which URLs are accepted, and when two mean one repository."""

from __future__ import annotations

import pytest

from tiphys.core.source.url import (
    RepositoryUrl,
    Transport,
    is_metadata_address,
    normal_form,
    parse_repository_url,
    without_user,
)
from tiphys.model.errors import UnsupportedRepositoryError


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        (" https://H/Org/R.git ", "https://h/org/r"),
        ("https://h/r.git.git", "https://h/r.git"),
        ("https://h/r/", "https://h/r/"),
        ("https://h:443/r", "https://h:443/r"),
        ("https://user@h/r", "https://user@h/r"),
        ("git@h:o/r.git", "git@h/o/r"),
        ("ssh://git@h/o/r", "git@h/o/r"),
        ("file:///Srv/R.git", "file:///srv/r"),
    ],
)
def test_the_normal_form(url: str, normal: str) -> None:
    assert normal_form(url) == normal


def test_an_accepted_url() -> None:
    assert parse_repository_url(" https://Example.com./o/r%20x.git ") == RepositoryUrl(
        "https://Example.com./o/r%20x.git", Transport.HTTPS, "example.com", 443, "/o/r x.git"
    )
    assert parse_repository_url("http://127.0.0.1:8080/r").port == 8080
    assert parse_repository_url("file:///srv/r.git").transport is Transport.FILE


@pytest.mark.parametrize(
    ("url", "user", "host", "port", "path"),
    [
        ("git@H:o/r.git", "git", "h", 22, "o/r.git"),
        ("h:o/r", "", "h", 22, "o/r"),
        ("git@[::1]:r", "git", "::1", 22, "r"),
        ("ssh://git@h:2222/o/r", "git", "h", 2222, "/o/r"),
        ("ssh://APKA1.x@[::1]/r", "APKA1.x", "::1", 22, "/r"),
        ("git@h:o/a;b", "git", "h", 22, "o/a;b"),
    ],
)
def test_ssh_in_both_forms(url: str, user: str, host: str, port: int, path: str) -> None:
    assert parse_repository_url(url) == RepositoryUrl(url, Transport.SSH, host, port, path, user)


def test_user_information_leaves_the_text() -> None:
    parsed = parse_repository_url("https://ada%40x:s3%3Acret@h/r")
    assert (parsed.text, parsed.user, str(parsed.password)) == ("https://h/r", "ada@x", "s3:cret")
    assert "s3" not in repr(parsed)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "empty or begins with a dash"),
        ("--upload-pack=/bin/sh", "empty or begins with a dash"),
        ("http://h/r\nhost=evil", "control character"),
        ("http://h/a b", "control character"),
        ("http://h/\x00", "control character"),
        ("-oProxyCommand=id@h:o/r", "begins with a dash"),
        ("git@-oProxyCommand=id:o/r", "no name that SSH takes"),
        ("-x@h:o/r", "begins with a dash"),
        ("ssh://-oProxyCommand=id/r", "no name that SSH takes"),
        ("ssh://-oProxyCommand=id@h/r", "its user is no name that SSH takes"),
        ("ssh://git@h;id/r", "its host is no name that SSH takes"),
        ("git@$(id):o/r", "its host is no name that SSH takes"),
        ("git`id`@h:o/r", "its user is no name that SSH takes"),
        ("git@h:-u/r", "its path begins with a dash"),
        ("ssh://git@h/-u", "its path begins with a dash"),
        ("ssh://git@h/a%0Ab", "holds a blank or control character"),
        ("ssh://git:s3cret@h/o/r", "it holds a password"),
        ("ssh:///r", "host is missing"),
        ("git@[fe80::1%eth0]:r", "its host is no name that SSH takes"),
        ("git@169.254.169.254:o/r", "metadata service"),
        ("ssh://git@metadata/o/r", "metadata service"),
        ("https://u:p%0A@h/r", "user information holds a blank or a control character"),
        ("ext::sh -c id", "control character"),
        ("ext::sh", "no scheme"),
        ("ext://sh", "the transport ext is not supported"),
        ("git://h/r", "the transport git is not supported"),
        ("/srv/r.git", "no scheme"),
        ("file://host/r", "a file URL needs an absolute path and no host"),
        ("file://", "a file URL needs an absolute path and no host"),
        ("http:///r", "host is missing"),
        ("http://-oProxy/r", "host is missing or begins with a dash"),
        ("http://h:99999/r", "not a valid URL"),
        ("http://[::1/r", "not a valid URL"),
    ],
)
def test_a_refused_url(url: str, reason: str) -> None:
    with pytest.raises(UnsupportedRepositoryError, match="is refused") as caught:
        parse_repository_url(url)
    assert reason in str(caught.value)
    assert "s3cret" not in str(caught.value) + caught.value.url
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.169.254.",
        "2852039166",
        "0xA9FEA9FE",
        "0251.0376.0251.0376",
        "169.254.43518",
        "[::ffff:169.254.169.254]",
        "[2002:a9fe:a9fe::1]",
        "[fd00:ec2::254]",
        "100.100.100.200",
        "Metadata.Google.Internal",
        "metadata",
    ],
)
def test_a_metadata_service_is_refused_in_every_spelling(host: str) -> None:
    with pytest.raises(UnsupportedRepositoryError, match="metadata service"):
        parse_repository_url(f"http://{host}/latest")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "10.0.0.1", "[::1]", "1.2.3.4.5", "256.1.1.1", "0x1ffffffff", "08.1.1.1"]
)
def test_other_hosts_pass(host: str) -> None:
    assert parse_repository_url(f"http://{host}/r").host == host.strip("[]")


def test_an_address_with_a_zone_is_judged_without_it() -> None:
    assert is_metadata_address("fd00:ec2::254%eth0")
    assert not is_metadata_address("fe80::1%eth0")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://u:p@h/r", "https://h/r"),
        ("https://u:p@q@h/r", "https://h/r"),
        ("https://h/r@v1", "https://h/r@v1"),
    ],
)
def test_user_information_is_cut(url: str, shown: str) -> None:
    assert without_user(url) == shown

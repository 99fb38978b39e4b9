"""Secrets of repositories: every key of the contract, and what is said of those that are broken."""

from __future__ import annotations

import pytest

from tests.core.repositories.secrets import encoded, secret, template
from tiphys.core.repositories.record import KEYS, Form, Key, Record, SecretType, keys_of
from tiphys.core.repositories.secret import (
    BrokenSecret,
    RepositorySecret,
    read_secret,
    same_url,
)

URL = "https://git.example.com/org/apps.git"


def record(**data: str) -> Record:
    read = read_secret(secret(url=URL, **data))
    assert isinstance(read, RepositorySecret)
    return read.record


def problem(**data: str) -> str:
    read = read_secret(secret(url=URL, **data))
    assert isinstance(read, BrokenSecret)
    return read.problem


READ: dict[Form, tuple[str, object]] = {
    Form.TEXT: ("text", "text"),
    Form.SECRET: ("text", "text"),
    Form.BOOL: ("true", True),
    Form.NUMBER: ("7", 7),
}


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_every_key_is_read(key: Key) -> None:
    text, expected = READ[key.form]
    assert getattr(record(**{key.name: text}), key.attribute) == expected


def test_what_is_not_said_is_empty() -> None:
    assert record() == Record(url=URL)


@pytest.mark.parametrize("text", ["1", "t", "T", "TRUE", "true", "True"])
def test_true_as_go_reads_it(text: str) -> None:
    assert record(insecure=text).insecure is True


@pytest.mark.parametrize("text", ["", "0", "f", "F", "FALSE", "false", "False"])
def test_false_as_go_reads_it(text: str) -> None:
    assert record(insecure=text).insecure is False


@pytest.mark.parametrize("text", ["yes", "tRUE", " true", "true\n", "on", "2"])
def test_no_boolean(text: str) -> None:
    assert problem(insecure=text) == "Secret repo-1: key insecure is not a boolean"


@pytest.mark.parametrize(("text", "number"), [("", 0), ("12", 12), ("+3", 3), ("-1", -1)])
def test_numbers(text: str, number: int) -> None:
    assert record(depth=text).depth == number


@pytest.mark.parametrize("text", ["x", "1.5", " 1", "9223372036854775808", "1" * 30, "٣"])
def test_no_number(text: str) -> None:
    assert problem(githubAppID=text) == "Secret repo-1: key githubAppID is not a whole number"


def test_no_text() -> None:
    manifest = secret(url=URL)
    manifest["data"]["password"] = "/w=="
    read = read_secret(manifest)
    assert isinstance(read, BrokenSecret)
    assert read.problem == "Secret repo-1: key password cannot be read as text"
    assert (read.url, read.project) == (URL, "")


def test_a_url_that_cannot_be_read() -> None:
    manifest = secret(insecure="s3cret")
    manifest["data"]["url"] = "/w=="
    read = read_secret(manifest)
    assert isinstance(read, BrokenSecret)
    assert read.url == ""
    assert "s3cret" not in read.problem


def test_the_url_is_trimmed_and_the_rest_is_not() -> None:
    read = read_secret(secret(url=f" {URL}\n", password=" p ", project="team"))
    assert isinstance(read, RepositorySecret)
    assert (read.url, read.project, read.record.password) == (URL, "team", " p ")


def test_templates_spell_two_keys_otherwise() -> None:
    read = read_secret(
        template(
            url="https://x",
            azureServicePrincipalClientID="c",
            azureServicePrincipalTenantID="t",
            azureServicePrincipalClientId="no",
            azureServicePrincipalTenantId="no",
        )
    )
    assert read is not None
    assert (read.record.azure_client, read.record.azure_tenant) == ("c", "t")


def test_templates_have_no_keys_of_one_repository() -> None:
    read = read_secret(template(url="https://x", insecure="s3cret", project="p", depth="3"))
    assert isinstance(read, RepositorySecret)
    assert read.record == Record(url="https://x")
    assert {key.name for key in keys_of(SecretType.TEMPLATE_WRITE)} == {
        key.name for key in keys_of(SecretType.TEMPLATE)
    }


@pytest.mark.parametrize("label", [None, "cluster", "something"])
def test_other_secrets_are_none_of_ours(label: str | None) -> None:
    manifest = secret(url=URL)
    manifest["metadata"]["labels"] = {"argocd.argoproj.io/secret-type": label} if label else None
    assert read_secret(manifest) is None


@pytest.mark.parametrize("kind", list(SecretType))
def test_all_four_types_are_read(kind: SecretType) -> None:
    read = read_secret(secret(kind=kind, url=URL, password="p"))
    assert read is not None
    assert (read.type, read.record.password) == (kind, "p")


@pytest.mark.parametrize("value", ["argocd.argoproj.io", "someone", None])
def test_who_made_it(value: str | None) -> None:
    manifest = secret(url=URL)
    manifest["metadata"]["annotations"] = {"managed-by": value} if value else None
    read = read_secret(manifest)
    assert read is not None
    assert read.managed is (value == "argocd.argoproj.io")


def test_no_value_shows() -> None:
    planted = {
        key.name: f"s3cret-{key.name}" for key in KEYS if key.form in (Form.SECRET, Form.NUMBER)
    }
    read = read_secret(secret(url=URL, **planted, insecure="s3cret"))
    assert "s3cret" not in repr(read)


def test_data_that_is_no_base64() -> None:
    manifest = secret()
    manifest["data"] = {"url": encoded(URL), "username": "$$$"}
    read = read_secret(manifest)
    assert isinstance(read, BrokenSecret)
    assert read.problem == "Secret repo-1: key username cannot be read as text"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (URL, "https://GIT.example.com/org/apps", True),
        ("git@h:o/r", "ssh://git@h/o/r.git", True),
        ("https://h/r", "https://h/r/", False),
        ("git@h:o/r", "https://h/o/r", False),
    ],
)
def test_same_url(one: str, other: str, same: bool) -> None:
    assert same_url(one, other) is same

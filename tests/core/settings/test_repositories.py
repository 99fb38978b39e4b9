"""Repository Secrets: which keys are refused, for which applications."""

import base64

import pytest

from tiphys.core.settings.repositories import refusals, repository_secret
from tiphys.model.names import LABEL_SECRET_TYPE

URL = "https://git.example.com/org/apps.git"


def secret(kind: str = "repository", name: str = "repo-1", **data: str) -> dict[str, object]:
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
    return {
        "metadata": {"name": name, "labels": {LABEL_SECRET_TYPE: kind}},
        "data": encoded,
    }


def refused(*manifests: dict[str, object], url: str = URL, project: str = "default") -> list[str]:
    found = [known for one in manifests if (known := repository_secret(one)) is not None]
    return [text.split(" is not supported")[0] for text in refusals(found, url, project)]


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"name": "apps", "project": "", "type": "git"},
        {"type": ""},
        {"insecure": "false", "enableLfs": "False", "username": ""},
    ],
)
def test_what_asks_for_nothing_is_accepted(data: dict[str, str]) -> None:
    assert refused(secret(url=URL, **data)) == []


@pytest.mark.parametrize(
    "key",
    ["username", "password", "sshPrivateKey", "proxy", "depth", "bearerToken", "somethingNew"],
)
def test_any_other_key_is_refused_by_name_without_its_value(key: str) -> None:
    known = repository_secret(secret(url=URL, **{key: "s3cret"}))
    assert known is not None
    (text,) = refusals([known], URL, "default")
    assert text.startswith(f"Secret repo-1: {key} is not supported by this version of Tiphys")
    assert "s3cret" not in text + repr(known)


@pytest.mark.parametrize(("key", "value"), [("insecure", "true"), ("type", "helm")])
def test_values_that_ask_for_something(key: str, value: str) -> None:
    assert refused(secret(url=URL, **{key: value})) == [f"Secret repo-1: {key}"]


def test_a_value_that_cannot_be_read_counts_as_one() -> None:
    manifest = secret(url=URL)
    manifest["data"] = {**manifest["data"], "password": "%%", "proxy": "/w=="}  # type: ignore[dict-item]
    assert refused(manifest) == ["Secret repo-1: password", "Secret repo-1: proxy"]


def test_a_repository_is_matched_by_its_normal_form() -> None:
    manifest = secret(url="https://GIT.example.com/org/apps", username="me")
    assert refused(manifest) == ["Secret repo-1: username"]
    assert refused(manifest, url="https://git.example.com/org/other.git") == []


def test_credentials_are_matched_by_prefix() -> None:
    manifest = secret("repo-creds", url="https://git.example.com/org", username="me")
    assert refused(manifest) == ["Secret repo-1: username"]
    assert refused(manifest, url="https://git.example.com/organisation/x") != []
    assert refused(manifest, url="https://elsewhere.example.com/org/x") == []


def test_a_secret_of_another_project_does_not_count() -> None:
    manifest = secret(url=URL, username="me", project="other")
    assert refused(manifest) == []
    assert refused(manifest, project="other") == ["Secret repo-1: username"]


def test_other_secrets() -> None:
    assert repository_secret(secret("cluster", server="x")) is None
    assert repository_secret({"metadata": {"name": "x"}}) is None
    assert refused(secret(username="me")) == []


def test_they_are_told_by_name() -> None:
    both = (secret(name="b", url=URL, proxy="x"), secret(name="a", url=URL, username="x"))
    assert refused(*both) == ["Secret a: username", "Secret b: proxy"]

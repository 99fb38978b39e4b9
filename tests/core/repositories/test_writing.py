"""Records as Secrets, and as they are shown."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.repositories.secrets import encoded, secret, template
from tiphys.core.repositories.record import KEYS, Form, Record, SecretType
from tiphys.core.repositories.secret import RepositorySecret, read_secret
from tiphys.core.repositories.writing import (
    changed_secret,
    credentials_shown,
    differing,
    new_secret,
    secret_name,
    shown_repository,
    shown_template,
)
from tiphys.model.errors import ApiError
from tiphys.model.names import LABEL_SECRET_TYPE
from tiphys.model.repository import Confidential

URL = "https://git.example.com/org/apps.git"


@pytest.mark.parametrize(
    ("kind", "project", "name"),
    [
        (SecretType.REPOSITORY, "", "repo-2166136261"),
        (SecretType.REPOSITORY_WRITE, "", "repo-write-2166136261"),
        (SecretType.TEMPLATE, "", "creds-2166136261"),
        (SecretType.TEMPLATE_WRITE, "", "creds-write-2166136261"),
        # FNV-1a of "a" and of "foobar" are in its reference.
        (SecretType.REPOSITORY, "a", f"repo-{0xE40C292C}"),
        (SecretType.REPOSITORY, "foobar", f"repo-{0xBF9CF968}"),
    ],
)
def test_names(kind: SecretType, project: str, name: str) -> None:
    assert secret_name(kind, "", project) == name
    assert secret_name(kind, project, "") == name


_VALUES: dict[Form, st.SearchStrategy[Any]] = {
    Form.TEXT: st.text(max_size=8),
    Form.SECRET: st.text(max_size=8).map(Confidential),
    Form.BOOL: st.booleans(),
    Form.NUMBER: st.integers(-(2**62), 2**62),
}


def _record(values: dict[str, Any]) -> Record:
    return Record(**values)


_RECORDS = st.fixed_dictionaries(
    {"url": st.just(URL), **{key.attribute: _VALUES[key.form] for key in KEYS}}
).map(_record)


@given(_RECORDS)
def test_what_is_written_is_read_again(record: Record) -> None:
    made = new_secret(record, SecretType.REPOSITORY, "argocd")
    read = read_secret(made)
    assert isinstance(read, RepositorySecret)
    assert read.record == record
    assert read.managed
    assert json.dumps(made)


def test_templates_leave_out_what_is_of_one_repository() -> None:
    record = Record(url=URL, name="x", project="p", insecure=True, azure_client="c")
    made = new_secret(record, SecretType.TEMPLATE, "argocd")
    assert made["data"] == {"url": encoded(URL), "azureServicePrincipalClientID": encoded("c")}


def test_a_change_keeps_what_nobody_knows() -> None:
    live = secret("mine", url=URL, password="old", username="u", own="kept")
    live["metadata"]["labels"]["team"] = "a"
    live["metadata"]["annotations"] = {"note": "b"}
    changed = changed_secret(
        live, Record(url=URL, password=Confidential("new"), depth=2), SecretType.REPOSITORY
    )
    texts = {key: base64.b64decode(text).decode() for key, text in changed["data"].items()}
    assert texts == {"url": URL, "password": "new", "username": "", "own": "kept", "depth": "2"}
    assert changed["metadata"]["labels"] == {LABEL_SECRET_TYPE: "repository", "team": "a"}
    assert changed["metadata"]["annotations"] == {
        "note": "b", "managed-by": "argocd.argoproj.io",
    }  # fmt: skip
    assert live["metadata"]["annotations"] == {"note": "b"}


@pytest.mark.parametrize("labels", [None, {}, {"other": "x"}])
def test_a_secret_of_somebody_else_is_not_changed(labels: dict[str, str] | None) -> None:
    live = {"metadata": {"name": "mine", "labels": labels}}
    with pytest.raises(ApiError, match=r'secret "mine" doesn\'t have the proper'):
        changed_secret(live, Record(url=URL), SecretType.REPOSITORY)


def test_a_secret_without_anything_in_it() -> None:
    live = template("t")
    del live["data"]
    changed = changed_secret(live, Record(url=URL), SecretType.TEMPLATE)
    assert changed["data"] == {"url": encoded(URL)}


def test_differences() -> None:
    one, other = (
        Record(url=URL, name="a", insecure=True),
        Record(url=URL, password=Confidential("p")),
    )
    assert differing(one, other, SecretType.REPOSITORY) == ["insecure", "name", "password"]
    assert differing(one, other, SecretType.TEMPLATE) == ["password"]


def test_shown_without_secrets() -> None:
    values: dict[Form, Any] = {
        Form.TEXT: "text", Form.SECRET: Confidential("s3cret"), Form.BOOL: True, Form.NUMBER: 7,
    }  # fmt: skip
    record = Record(
        **{
            "url": "https://me:s3cret@h/x",
            **{key.attribute: values[key.form] for key in KEYS},
            "proxy": Confidential("http://u:s3cret@proxy/"),
            "inherited": True,
        }
    )
    state = {"status": "Unknown", "message": "", "attemptedAt": None}
    shown = shown_repository(record, state)
    assert shown == {
        "repo": "https://me@h/x", "username": "text", "connectionState": state,
        "insecure": True, "enableLfs": True, "type": "text", "name": "text",
        "inheritedCreds": True, "enableOCI": True, "githubAppID": 7,
        "githubAppInstallationID": 7, "githubAppEnterpriseBaseUrl": "text",
        "proxy": "http://u@proxy/", "project": "text", "forceHttpBasicAuth": True,
        "noProxy": "text", "useAzureWorkloadIdentity": True, "insecureOCIForceHttp": True,
        "depth": 7, "webhookManifestCacheWarmDisabled": True,
    }  # fmt: skip
    assert list(shown) == [
        "repo", "username", "connectionState", "insecure", "enableLfs", "type", "name",
        "inheritedCreds", "enableOCI", "githubAppID", "githubAppInstallationID",
        "githubAppEnterpriseBaseUrl", "proxy", "project", "forceHttpBasicAuth", "noProxy",
        "useAzureWorkloadIdentity", "insecureOCIForceHttp", "depth",
        "webhookManifestCacheWarmDisabled",
    ]  # fmt: skip
    assert shown_template(record) == {
        "url": "https://me@h/x", "username": "text", "enableOCI": True, "type": "text",
    }  # fmt: skip


def test_little_is_shown_of_little() -> None:
    assert shown_repository(Record(url="git@h:x")) == {"repo": "git@h:x", "type": "git"}
    assert shown_repository(Record(url="oci://h/x"))["type"] == "oci"
    assert shown_repository(Record(url=URL, insecure_host_key=True))["insecure"] is True
    assert shown_template(Record(url=URL)) == {"url": URL}


@pytest.mark.parametrize(
    ("record", "shown"),
    [
        (Record(url=URL), "false"),
        (Record(url=URL, username="u"), "true"),
        (Record(url=URL, azure_workload=True), "true"),
        (Record(url=URL, password=Confidential("p")), "false"),
        (Record(url=URL, username="u", inherited=True), "inherited"),
    ],
)
def test_credentials_in_a_table(record: Record, shown: str) -> None:
    assert credentials_shown(record) == shown

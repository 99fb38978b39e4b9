"""Where the Applications of a project may stand, and as which account they act."""

import time

import pytest

from tests.core.project.build import project
from tiphys.core.project import ServiceAccountError, namespace_permitted, service_account


@pytest.mark.parametrize("entry", ["team-a", "team-*", "/^team-[a-c]$/", "/eam/", "*"])
def test_namespaces(entry: str) -> None:
    assert namespace_permitted(project(sourceNamespaces=[entry]), "team-a", "argocd")


@pytest.mark.parametrize("entry", ["team", "/^team$/", "/", "//x", "/(?=team)/", "/(/", "[a"])
def test_other_namespaces(entry: str) -> None:
    assert not namespace_permitted(project(sourceNamespaces=[entry]), "team-a", "argocd")


def test_our_own_namespace_always() -> None:
    assert namespace_permitted(project(), "argocd", "argocd")


def test_an_expression_takes_no_more_time_than_its_text() -> None:
    began = time.process_time()
    assert not namespace_permitted(project(sourceNamespaces=["/^(a+)+$/"]), "a" * 60 + "b", "x")
    assert time.process_time() - began < 1


def account(name: str, namespace: str = "demo", server: str = "https://one") -> str | None:
    entries = [
        {"server": "https://one", "namespace": "demo", "defaultServiceAccount": name},
        {"server": "*", "namespace": "*", "defaultServiceAccount": "last"},
    ]
    found = project(destinationServiceAccounts=entries[: 2 if name == "first" else 1])
    return service_account(found, server, namespace, "apps")


def test_the_first_entry_that_fits() -> None:
    assert account("first") == "system:serviceaccount:demo:first"
    assert account("first", namespace="other") == "system:serviceaccount:other:last"
    assert account("first", server="https://two") == "system:serviceaccount:demo:last"


def test_an_account_of_another_namespace() -> None:
    assert account("ops:deployer") == "system:serviceaccount:ops:deployer"


def test_without_a_namespace_the_application_s_own_counts() -> None:
    assert account("first", namespace="") == "system:serviceaccount:apps:last"


def test_none_fits() -> None:
    assert account("only", namespace="other") is None


@pytest.mark.parametrize("name", ["", "  ", "!x", "a*", "a/b", "a\\b", "{a}", "[a]"])
def test_no_account(name: str) -> None:
    with pytest.raises(ServiceAccountError, match="invalid chars"):
        account(name)

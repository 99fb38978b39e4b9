"""Accounts as the ConfigMap and the Secret describe them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tiphys.core.session.accounts import (
    Account,
    AccountToken,
    Capability,
    changed_keys,
    parse_accounts,
)
from tiphys.model.errors import SettingsError

HASH = "$2a$10$abc"


def test_admin_is_there_and_may_log_in() -> None:
    found = parse_accounts({}, {}).by_name
    assert found == {"admin": Account(name="admin", capabilities=(Capability.LOGIN,))}


def test_what_is_stored_of_admin() -> None:
    secret = {
        "admin.password": HASH,
        "admin.passwordMtime": "2026-01-02T03:04:05Z",
        "admin.tokens": '[{"id":"a","iat":5},{"id":"b","iat":6,"exp":7}]',
    }
    admin = parse_accounts({"admin.enabled": "false"}, secret).by_name["admin"]
    assert not admin.enabled
    assert admin.password == HASH
    assert admin.password_changed == 1767323045
    assert admin.tokens == (AccountToken("a", 5), AccountToken("b", 6, 7))
    assert admin.token("b") == AccountToken("b", 6, 7)
    assert admin.token("c") is None
    assert HASH not in repr(admin)


def test_a_bad_boolean_leaves_admin_enabled() -> None:
    assert parse_accounts({"admin.enabled": "maybe"}, {}).by_name["admin"].enabled


def test_admin_gets_more_capabilities() -> None:
    admin = parse_accounts({"accounts.admin": "apiKey"}, {}).by_name["admin"]
    assert admin.capabilities == (Capability.LOGIN, Capability.API_KEY)


def test_other_accounts() -> None:
    general = {
        "accounts.alice": " login , apiKey,",
        "accounts.bob": "apiKey",
        "accounts.bob.enabled": "False",
        "accounts.carol.enabled": "true",
        "accounts.a.b": "login",
        "accounts.x.y.z": "login",
        "url": "https://x",
    }
    found = parse_accounts(general, {"accounts.alice.password": HASH}).by_name
    assert set(found) == {"admin", "alice", "bob", "carol", "a"}
    assert found["alice"].capabilities == (Capability.LOGIN, Capability.API_KEY)
    assert found["alice"].password == HASH
    assert found["alice"].can(Capability.LOGIN)
    assert not found["bob"].enabled
    assert not found["bob"].can(Capability.LOGIN)
    assert found["carol"] == Account(name="carol")
    assert found["a"] == Account(name="a")


def test_capabilities_that_there_are_not_are_told() -> None:
    found = parse_accounts({"accounts.alice": "login, fly"}, {})
    assert found.unknown == (("accounts.alice", "fly"),)
    assert found.by_name["alice"].capabilities == (Capability.LOGIN,)


@pytest.mark.parametrize(
    ("general", "secret", "key"),
    [
        ({"accounts.a.enabled": "maybe"}, {}, "accounts.a.enabled"),
        ({}, {"admin.passwordMtime": "yesterday"}, "admin.passwordMtime"),
        ({}, {"admin.tokens": "{"}, "admin.tokens"),
        ({}, {"admin.tokens": '[{"iat":1}]'}, "admin.tokens"),
        ({"accounts.a": ""}, {"accounts.a.tokens": "[1]"}, "accounts.a.tokens"),
    ],
)
def test_what_cannot_be_read(general: dict[str, str], secret: dict[str, str], key: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_accounts(general, secret)
    assert caught.value.key == key


def test_a_list_of_tokens_that_was_never_set() -> None:
    assert parse_accounts({}, {"admin.tokens": "null"}).by_name["admin"].tokens == ()


def test_what_a_change_is_in_the_secret() -> None:
    before = Account(name="admin", tokens=(AccountToken("a", 1),))
    assert changed_keys(before, before) == {}
    after = replace(
        before,
        password=HASH,
        password_changed=1767323045,
        tokens=(AccountToken("a", 1), AccountToken("b", 2, 3)),
    )
    assert changed_keys(before, after) == {
        "admin.password": HASH,
        "admin.passwordMtime": "2026-01-02T03:04:05Z",
        "admin.tokens": '[{"id":"a","iat":1},{"id":"b","iat":2,"exp":3}]',
    }
    alice = Account(name="alice", tokens=(AccountToken("a", 1),))
    assert changed_keys(alice, replace(alice, tokens=())) == {"accounts.alice.tokens": None}

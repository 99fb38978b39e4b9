"""Accounts, rights and the ends of sessions, by REST, over a restart of the server."""

from __future__ import annotations

from tests.e2e.api import Api, initial_password, ports
from tests.e2e.stack import NAMESPACE, Stack

_SESSION = "/api/v1/session"
_CAN = "/api/v1/account/can-i/projects/get/default"
_PASSWORD = "a password of alice"


def _api(stack: Stack, after: int = 0) -> Api:
    """Of the process that said last where it serves, when more than `after` have."""
    said = stack.until("the API is served", lambda: ports(stack)[after:], 60)
    return Api(f"127.0.0.1:{said[-1]}")


def test_accounts_rights_and_ends(stack: Stack) -> None:
    stack.kube.merge(
        "ConfigMap", NAMESPACE, "argocd-cm", {"data": {"accounts.alice": "login, apiKey"}}
    )
    admin = _api(stack)
    first = initial_password(stack)
    admin.login("admin", first)
    stack.until("alice is known", lambda: admin.ask("GET", "/api/v1/account/alice")[0] == 200)
    changed = {"name": "alice", "currentPassword": first, "newPassword": _PASSWORD}
    admin.ok("PUT", "/api/v1/account/password", changed)

    alice = Api(admin.address)
    alice.login("alice", _PASSWORD)
    assert alice.ok("GET", _CAN) == {"value": "no"}
    rule = "p, alice, projects, get, default, allow"
    stack.kube.merge("ConfigMap", NAMESPACE, "argocd-rbac-cm", {"data": {"policy.csv": rule}})
    stack.until("the policy counts", lambda: alice.ok("GET", _CAN) == {"value": "yes"})
    key = alice.ok("POST", "/api/v1/account/alice/token", {"name": "alice", "id": "ci"})["token"]
    status, _ = alice.ask("GET", "/auth/logout", headers={"Cookie": f"argocd.token={alice.token}"})
    assert status == 303
    assert alice.ask("GET", _CAN)[0] == 401
    ended = alice.token
    for _ in range(5):
        wrong = {"username": "alice", "password": "wrong"}
        assert Api(admin.address).ask("POST", _SESSION, wrong)[0] == 401

    before = len(ports(stack))
    stack.kill_tiphys()
    stack.start_tiphys()
    again = _api(stack, before)
    again.token = key
    assert again.ok("GET", _CAN) == {"value": "yes"}
    again.token = ended
    status, answer = again.ask("GET", _CAN)
    assert (status, answer["message"]) == (
        401,
        "invalid session: token is revoked, please re-login",
    )
    again.token = ""
    status, answer = again.ask("POST", _SESSION, {"username": "alice", "password": _PASSWORD})
    assert (status, answer["message"]) == (401, "Invalid username or password")
    again.login("admin", first)
    again.ok("DELETE", "/api/v1/account/alice/token/ci")
    again.token = key
    assert again.ask("GET", _CAN)[0] == 401

"""The policies that are there without anybody writing them: role:readonly and role:admin."""

from __future__ import annotations

from tiphys.core.rbac.lines import Grant, PolicyText, Rule

READONLY = "role:readonly"
ADMIN = "role:admin"

_READ = {
    "applications": "*/*",
    "applicationsets": "*/*",
    "certificates": "*",
    "clusters": "*",
    "repositories": "*",
    "write-repositories": "*",
    "projects": "*",
    "accounts": "*",
    "gpgkeys": "*",
    "logs": "*/*",
}
_CHANGE = ("create", "update", "delete")
_WRITTEN: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "applications",
        "*/*",
        (
            "create",
            "update",
            "update/*",
            "delete",
            "delete/*",
            "sync",
            "rollback",
            "override",
            "action/*",
        ),
    ),
    ("applicationsets", "*/*", ("get", *_CHANGE)),
    ("certificates", "*", _CHANGE),
    ("clusters", "*", _CHANGE),
    ("repositories", "*", _CHANGE),
    ("write-repositories", "*", _CHANGE),
    ("projects", "*", _CHANGE),
    ("accounts", "*", ("update",)),
    ("gpgkeys", "*", ("create", "delete")),
    ("exec", "*/*", ("create",)),
)

BUILTIN = PolicyText(
    rules=(
        *(Rule(READONLY, resource, "get", obj, "allow") for resource, obj in _READ.items()),
        *(
            Rule(ADMIN, resource, action, obj, "allow")
            for resource, obj, actions in _WRITTEN
            for action in actions
        ),
    ),
    grants=(Grant(ADMIN, READONLY), Grant("admin", ADMIN)),
)

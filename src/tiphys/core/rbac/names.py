"""The resources and actions that policies know, and what else people call them."""

from __future__ import annotations

from collections.abc import Mapping

_CHANGES = ("get", "create", "update", "delete")

ACTIONS: Mapping[str, tuple[str, ...]] = {
    "clusters": _CHANGES,
    "projects": _CHANGES,
    "applications": (*_CHANGES, "sync", "rollback", "override", "action"),
    "applicationsets": _CHANGES,
    "repositories": _CHANGES,
    "write-repositories": _CHANGES,
    "certificates": ("get", "create", "delete"),
    "accounts": ("get", "update"),
    "gpgkeys": ("get", "create", "delete"),
    "logs": ("get",),
    "exec": ("create",),
    "extensions": ("invoke",),
}
"""What can be done with each resource."""

RESOURCES = tuple(ACTIONS)
ALL_ACTIONS = (*_CHANGES, "sync", "rollback", "override", "action", "invoke")

_ALIASES: Mapping[str, str] = {
    "account": "accounts",
    "app": "applications",
    "application": "applications",
    "applicationset": "applicationsets",
    "apps": "applications",
    "appset": "applicationsets",
    "appsets": "applicationsets",
    "cert": "certificates",
    "certificate": "certificates",
    "certs": "certificates",
    "cluster": "clusters",
    "extension": "extensions",
    "gpgkey": "gpgkeys",
    "key": "gpgkeys",
    "keys": "gpgkeys",
    "log": "logs",
    "proj": "projects",
    "project": "projects",
    "projs": "projects",
    "repo": "repositories",
    "repos": "repositories",
    "repository": "repositories",
    "write-repo": "write-repositories",
    "write-repos": "write-repositories",
    "write-repository": "write-repositories",
}
OF_PROJECTS = frozenset(
    {"applications", "applicationsets", "repositories", "clusters", "logs", "exec"}
)
"""Resources whose objects begin with the project that they belong to."""


def resource_called(name: str) -> str:
    return _ALIASES.get(name, name)


def is_action_of(resource: str, action: str) -> bool:
    """Whether it makes sense to ask for it, with a part of an application behind it or not."""
    word, slash, _ = action.partition("/")
    if slash:
        return resource == "applications" and word in ("action", "update", "delete")
    return action in ACTIONS.get(resource, ())


def whole(resource: str, obj: str) -> str:
    """What belongs to projects is asked for as all of all where nothing is named."""
    return "*/*" if resource in OF_PROJECTS and obj in ("", "*") else obj

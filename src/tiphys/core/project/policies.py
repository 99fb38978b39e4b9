"""The policies of a project's roles: how they are written, and which may be."""

from __future__ import annotations

import re

from tiphys.model.errors import ApiCode, ApiError

RESOURCES = ("applications", "applicationsets", "repositories", "exec", "logs", "clusters")
"""What a role's policy may speak of: what belongs to a project."""
_ACTIONS = ("get", "create", "update", "delete", "sync", "override", "rollback", "*")
_PARTS = ("action/", "update/", "delete/")
"""What an action may be about: a part of an application."""
_EFFECTS = ("allow", "deny")


def role_subject(project: str, role: str) -> str:
    return f"proj:{project}:{role}"


def policy_text(
    project: str, role: str, *, resource: str, action: str, obj: str, effect: str
) -> str:
    """`obj` is the part after the project."""
    subject = role_subject(project, role)
    return f"p, {subject}, {resource}, {action}, {project}/{obj}, {effect}"


def normal_policy(text: str) -> str:
    """One blank after each comma, none elsewhere around the parts."""
    return ", ".join(part.strip() for part in text.split(","))


def check_policy(project: str, role: str, text: str) -> None:
    """Raises ApiError where the policy is none, or reaches beyond its role and project."""
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 6 or parts[0] != "p":
        raise _bad(text, "must be of the form: 'p, sub, res, act, obj, eft'")
    _, subject, resource, action, obj, effect = parts
    own = role_subject(project, role)
    if subject != own:
        raise _bad(text, f"policy subject must be: '{own}', not '{subject}'")
    if resource not in RESOURCES:
        raise _bad(text, f"resource must be one of {', '.join(RESOURCES)}, not '{resource}'")
    if action not in _ACTIONS and not any(part in action for part in _PARTS):
        raise _bad(text, f"no such action: '{action}'")
    # The first part may be a namespace.
    if not re.fullmatch(re.escape(project) + r"(/[*\w\-.]+)?/[*\w\-.]+", obj, re.ASCII):
        raise _bad(text, f"object must be of the form '{project}/*', not '{obj}'")
    if effect not in _EFFECTS:
        raise _bad(text, f"effect must be: 'allow' or 'deny', not '{effect}'")


def _bad(text: str, why: str) -> ApiError:
    return ApiError(ApiCode.INVALID_ARGUMENT, f"invalid policy rule '{text}': {why}")

"""Tokens of a project's roles, which stand in its spec and, by role, in its status."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from tiphys.core.project.policies import role_subject
from tiphys.model.appproject import AppProjectSpec, AppProjectStatus, JWTToken, JWTTokens


def in_step(
    spec: AppProjectSpec, status: AppProjectStatus
) -> tuple[AppProjectSpec, AppProjectStatus]:
    """Both with the same tokens, the newest first. Roles that are gone have none."""
    roles = []
    by_role = {}
    for role in spec.roles:
        listed = status.jwt_tokens_by_role.get(role.name, JWTTokens())
        tokens = ordered((*role.jwt_tokens, *listed.items))
        roles.append(replace(role, jwt_tokens=tokens))
        by_role[role.name] = JWTTokens(items=tokens)
    return replace(spec, roles=tuple(roles)), replace(status, jwt_tokens_by_role=by_role)


def with_token(
    spec: AppProjectSpec, status: AppProjectStatus, role: str, token: JWTToken
) -> tuple[AppProjectSpec, AppProjectStatus]:
    roles = tuple(
        replace(one, jwt_tokens=(token, *one.jwt_tokens)) if one.name == role else one
        for one in spec.roles
    )
    return in_step(replace(spec, roles=roles), status)


def without_token(
    spec: AppProjectSpec, status: AppProjectStatus, role: str, token: JWTToken
) -> tuple[AppProjectSpec, AppProjectStatus]:
    """`token` as it stands where both are in step."""
    spec, status = in_step(spec, status)
    roles = tuple(
        replace(one, jwt_tokens=tuple(left for left in one.jwt_tokens if left != token))
        if one.name == role
        else one
        for one in spec.roles
    )
    by_role = {one.name: JWTTokens(items=one.jwt_tokens) for one in roles}
    return replace(spec, roles=roles), replace(status, jwt_tokens_by_role=by_role)


def ordered(tokens: Iterable[JWTToken]) -> tuple[JWTToken, ...]:
    """One of each id, the newest first; one without id is known by the time of its issue."""
    by_id: dict[str, JWTToken] = {}
    for token in tokens:
        known = token if token.id else replace(token, id=str(token.iat))
        by_id.setdefault(known.id, known)
    return tuple(sorted(by_id.values(), key=lambda token: -token.iat))


def claims(project: str, role: str, token: JWTToken) -> dict[str, Any]:
    """What the signed token says."""
    said: dict[str, Any] = {
        "iss": "argocd",
        "sub": role_subject(project, role),
        "nbf": token.iat,
        "iat": token.iat,
        "jti": token.id,
    }
    return {**said, "exp": token.exp} if token.exp else said

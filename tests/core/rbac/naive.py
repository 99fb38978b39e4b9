"""A second evaluator, as slow and plain as the rules can be written down."""

from __future__ import annotations

from collections.abc import Sequence

from tiphys.core.rbac.lines import Grant, PolicyText, Rule


def naive_glob(pattern: str, text: str) -> bool:
    """`*` and `?` alone."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(naive_glob(pattern[1:], text[at:]) for at in range(len(text) + 1))
    if not text:
        return False
    return pattern[0] in ("?", text[0]) and naive_glob(pattern[1:], text[1:])


def naive_roles(subject: str, grants: Sequence[Grant]) -> set[str]:
    roles = {subject}
    for _ in range(10):
        roles |= {grant.role for grant in grants if grant.member in roles}
    return roles


def naive_allows(policy: PolicyText, subject: str, resource: str, action: str, obj: str) -> bool:
    roles = naive_roles(subject, policy.grants)
    effects = [rule.effect for rule in policy.rules if _hits(rule, roles, resource, action, obj)]
    return "allow" in effects and "deny" not in effects


def _hits(rule: Rule, roles: set[str], resource: str, action: str, obj: str) -> bool:
    return (
        rule.subject in roles
        and naive_glob(rule.resource, resource)
        and naive_glob(rule.action, action)
        and naive_glob(rule.obj, obj)
    )

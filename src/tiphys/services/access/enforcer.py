"""Says whether a caller may: by the policies of argocd-rbac-cm and of projects, as they are now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

import structlog
import yaml

from tiphys.core.rbac.builtin import BUILTIN
from tiphys.core.rbac.deciding import Grounds, Question, allowed, groups_of
from tiphys.core.rbac.errors import PolicyError
from tiphys.core.rbac.lines import PolicyText, parse, policy_text
from tiphys.core.rbac.patterns import MatchMode
from tiphys.core.rbac.policies import Policies
from tiphys.core.rbac.projects import project_of, project_policies
from tiphys.model.access import Caller
from tiphys.model.appproject import AppProject
from tiphys.model.errors import ApiCode, ApiError, ManifestDecodeError, SettingsError
from tiphys.model.resource import Manifest
from tiphys.services.reconcile.named import NamedObjects

log = structlog.get_logger()

POLICIES = "argocd-rbac-cm"
_SCOPES = ("groups",)


@dataclass(frozen=True, slots=True)
class _Project:
    """A project's policies, as they were made of this manifest."""

    manifest: Manifest
    policies: Policies


class Enforcer:
    """`policies` hold the ConfigMap argocd-rbac-cm, `projects` all AppProjects.

    `zone` is in which times are told to people. Implements Access.
    """

    def __init__(
        self, policies: NamedObjects, projects: NamedObjects, *, zone: tzinfo | None = None
    ) -> None:
        self._objects = policies
        self._projects = projects
        self._zone = zone or UTC
        self._mode = MatchMode.GLOB
        self._grounds = Grounds(Policies(BUILTIN, self._mode))
        self._text = PolicyText()
        self._error: PolicyError | None = None
        self._by_project: dict[str, _Project] = {}
        self._version = object()
        self._seen_projects: object = None
        self._roles: dict[str, tuple[Manifest, object]] = {}

    # -- Access -------------------------------------------------------------------------------

    @property
    def version(self) -> object:
        if self._projects.version is not self._seen_projects:
            self._seen_projects = self._projects.version
            if self._roles_changed():
                self._version = object()
        return self._version

    def allows(self, caller: Caller, resource: str, action: str, target: str) -> bool:
        if caller.everything:
            return True
        if self._error is not None:
            raise ApiError(ApiCode.INTERNAL, str(self._error))
        question = Question(resource, action, target)
        return allowed(question, caller, self._grounds, self._project(resource, target))

    def require(self, caller: Caller, resource: str, action: str, target: str) -> None:
        if not self.allows(caller, resource, action, target):
            asked = [resource, action, target, *self._who(caller)]
            raise ApiError(ApiCode.PERMISSION_DENIED, f"permission denied: {', '.join(asked)}")

    def groups(self, caller: Caller) -> Sequence[str]:
        return groups_of(caller.claims, self._grounds.scopes)

    # -- what policies there are --------------------------------------------------------------

    def load(self) -> None:
        """Reads the policies, and again when they change. Raises SettingsError for bad ones."""
        self._read()
        self._objects.listener = self._changed
        if self._error is not None:
            raise SettingsError(str(self._error), key="policy.csv")

    def _changed(self, name: str) -> None:
        if name != POLICIES:
            return
        self._read()
        if self._error is not None:
            log.error("nobody is allowed anything until this is mended", error=str(self._error))

    def _read(self) -> None:
        found = self._objects.get(POLICIES)
        if found is None:
            # Without it the last policies stay: nobody may more because it is gone.
            return
        data: Mapping[str, str] = found.get("data") or {}
        regex = data.get("policy.matchMode") == MatchMode.REGEX.value
        self._mode = MatchMode.REGEX if regex else MatchMode.GLOB
        default_role = data.get("policy.default", "")
        scopes = _scopes(data.get("scopes", ""))
        if scopes is None:
            log.error("scopes are no list of names, the old policy stays", configmap=POLICIES)
        else:
            try:
                self._text = parse(policy_text(data.items()))
                self._error = None
            except PolicyError as error:
                self._error = error
        everywhere = Policies(
            PolicyText(BUILTIN.rules + self._text.rules, BUILTIN.grants + self._text.grants),
            self._mode,
        )
        self._grounds = Grounds(everywhere, default_role, scopes or self._grounds.scopes)
        self._by_project.clear()
        self._version = object()
        self._say_empty(everywhere)

    def _say_empty(self, everywhere: Policies) -> None:
        roles = dict.fromkeys(grant.role for grant in self._text.grants)
        empty = [role for role in roles if not everywhere.has_rules_for(role)]
        if empty:
            log.warning(f"user defined roles not found in policies: {','.join(empty)}")

    # -- projects -----------------------------------------------------------------------------

    def _project(self, resource: str, target: str) -> tuple[str, Policies] | None:
        name = project_of(resource, target)
        manifest = None if name is None else self._projects.get(name)
        if name is None or manifest is None:
            return None
        known = self._by_project.get(name)
        if known is None or known.manifest is not manifest:
            known = _Project(manifest, self._policies_of(name, manifest))
            self._by_project[name] = known
        return name, known.policies

    def _policies_of(self, name: str, manifest: Manifest) -> Policies:
        everywhere = self._grounds.everywhere
        try:
            text = project_policies(name, AppProject(manifest).spec.roles)
        except (PolicyError, ManifestDecodeError) as error:
            log.warning("a project's roles count for nothing", project=name, error=str(error))
            return everywhere
        return Policies(text, self._mode, everywhere) if text.rules else everywhere

    def _roles_changed(self) -> bool:
        """Whether somebody's rights may be others: most changes of a project are of something
        else.
        """
        before, self._roles = self._roles, {}
        changed = False
        for name in self._projects.names():
            manifest = self._projects.get(name)
            if manifest is None:
                continue
            known = before.pop(name, None)
            if known is None or known[0] is not manifest:
                roles = _roles(manifest)
                changed = changed or known is None or known[1] != roles
                known = manifest, roles
            self._roles[name] = known
        for name in before:
            self._by_project.pop(name, None)
        return changed or bool(before)

    def _who(self, caller: Caller) -> list[str]:
        told = [f"sub: {caller.subject}"] if caller.subject else []
        if caller.issued is not None:
            when = datetime.fromtimestamp(caller.issued, self._zone)
            told.append(f"iat: {when.isoformat(timespec='seconds').replace('+00:00', 'Z')}")
        return told


def _scopes(text: str) -> tuple[str, ...] | None:
    """None where the text is no list of names."""
    if not text.strip():
        return _SCOPES
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError:
        return None
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        return None
    return tuple(found)


def _roles(manifest: Manifest) -> object:
    """What a project says of rights, as it is written."""
    spec: Mapping[str, Any] = manifest.get("spec") or {}
    return [
        {key: value for key, value in role.items() if key != "jwtTokens"}
        for role in spec.get("roles") or ()
        if isinstance(role, Mapping)
    ]

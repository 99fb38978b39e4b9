"""Projects as people change them. All calls raise ApiError and KubeError."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from tiphys.core.project.policies import normal_policy
from tiphys.core.project.tokens import claims, in_step, with_token, without_token
from tiphys.core.project.validation import validated
from tiphys.model.appproject import (
    AppProject,
    AppProjectSpec,
    AppProjectStatus,
    JWTToken,
    ProjectRole,
)
from tiphys.model.errors import (
    ApiCode,
    ApiError,
    ConflictError,
    ManifestDecodeError,
    ObjectExistsError,
)
from tiphys.model.live import ObjectList, Propagation
from tiphys.model.names import API_VERSION
from tiphys.model.structs import encode
from tiphys.services.live.ports import KubeReader, KubeWriter
from tiphys.services.projects.signing import SigningKey
from tiphys.services.projects.surroundings import PROJECTS, Surroundings, invalidated
from tiphys.services.projects.zones import is_zone

MANAGER = "argocd"
DEFAULT = "default"
_KEPT_METADATA = ("name", "labels", "annotations", "finalizers")

_UPDATED_METADATA = ("labels", "annotations", "finalizers")

Sign = Callable[[Mapping[str, Any], bytes], str]
MayChange = Callable[[AppProjectSpec, AppProjectSpec], None]
"""Raises ApiError where the caller must not make of the first spec the second."""
MayToken = Callable[[AppProject, ProjectRole], None]
"""Raises ApiError where the caller must not touch the tokens of a role."""


@dataclass(frozen=True, slots=True)
class Detailed:
    """A project with what global projects add, and what belongs to it alone, by URL."""

    project: AppProject
    repositories: tuple[str, ...]
    clusters: tuple[str, ...]


class Projects:
    """`namespace` is that of the control plane; `sign` makes a token of claims and a key."""

    def __init__(
        self,
        reader: KubeReader,
        writer: KubeWriter,
        *,
        namespace: str,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
        sign: Sign,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._namespace = namespace
        self._now = now
        self._new_id = new_id
        self._sign = sign
        self._key = SigningKey(reader, writer, namespace)
        self._around = Surroundings(reader, namespace)

    async def list(self) -> Sequence[AppProject]:
        found = await self._reader.list(PROJECTS, namespace=self._namespace)
        return sorted(map(AppProject, found.items), key=lambda project: project.name)

    async def stored(self) -> ObjectList:
        """As Kubernetes lists them."""
        return await self._reader.list(PROJECTS, namespace=self._namespace)

    async def globals(self, name: str) -> Sequence[AppProject]:
        """The global projects that count for this one."""
        return await self._around.global_projects(await self.get(name))

    async def effective(self, name: str) -> AppProject:
        """With all that global projects and its own repositories and clusters add."""
        project = await self.get(name)
        table = await self._around.clusters()
        effective = await self._around.effective(project, table.clusters)
        own = tuple(one for one in await self._around.repositories(name))
        missing = tuple(url for url in own if url not in effective.spec.source_repos)
        spec = replace(effective.spec, source_repos=effective.spec.source_repos + missing)
        return AppProject({**project.to_manifest(), "spec": encode(spec)})

    async def get(self, name: str) -> AppProject:
        return AppProject(await self._reader.get(PROJECTS, self._namespace, name))

    async def detailed(self, name: str) -> Detailed:
        project = await self.get(name)
        effective = await self._around.effective(project)
        table = await self._around.clusters()
        return Detailed(
            AppProject({**project.to_manifest(), "spec": encode(effective.spec)}),
            await self._around.repositories(name),
            tuple(one.server for one in table.clusters if one.project == name),
        )

    async def create(
        self,
        project: AppProject,
        *,
        upsert: bool,
        exists: Callable[[], None] = lambda: None,
    ) -> AppProject:
        """Creates it, or with `upsert` gives an existing one the spec. `exists` is called where it
        exists, before anything is written.
        """
        spec, status = in_step(self._validated(project), project.status)
        metadata = {
            key: value
            for key, value in (project.to_manifest().get("metadata") or {}).items()
            if key in _KEPT_METADATA
        }
        manifest = {
            "apiVersion": API_VERSION,
            "kind": "AppProject",
            "metadata": {**metadata, "namespace": self._namespace},
            "spec": encode(spec),
            "status": encode(status),
        }
        try:
            return AppProject(await self._writer.create(PROJECTS, manifest, manager=MANAGER))
        except ObjectExistsError:
            exists()
            return await self._put(await self.get(project.name), spec, upsert=upsert)

    async def _put(self, before: AppProject, spec: AppProjectSpec, *, upsert: bool) -> AppProject:
        different = _differences(before.spec, spec)
        if not different:
            return before
        if not upsert:
            raise ApiError(
                ApiCode.INVALID_ARGUMENT,
                "existing project spec is different; use upsert flag to force update; "
                f'difference in keys "{",".join(different)}"',
            )
        return await self._write(before, *in_step(spec, before.status))

    async def update(
        self,
        project: AppProject,
        *,
        may: MayChange = lambda _before, _after: None,
        metadata: bool = False,
    ) -> AppProject:
        """Replaces the spec, and with `metadata` labels, annotations and finalizers. A project that
        was read before carries its resourceVersion: raises ConflictError where it was changed
        since.
        """
        spec = self._validated(project)
        before = await self.get(project.name)
        may(before.spec, spec)
        await self._check_applications(before, spec)
        version = project.metadata.resource_version
        if version and version != before.metadata.resource_version:
            raise ConflictError(f"project {project.name} was changed meanwhile")
        base = _with_metadata(before, project) if metadata else before
        return await self._write(base, *in_step(spec, before.status))

    async def delete(self, name: str) -> AppProject:
        """Answers what is gone."""
        if name == DEFAULT:
            raise ApiError(
                ApiCode.INVALID_ARGUMENT, "name 'default' is reserved and cannot be deleted"
            )
        project = await self.get(name)
        count = len(await self._around.users(name))
        if count:
            raise ApiError(
                ApiCode.INVALID_ARGUMENT, f"project is referenced by {count} applications"
            )
        await self._writer.delete(
            PROJECTS,
            self._namespace,
            name,
            uid=project.metadata.uid,
            propagation=Propagation.BACKGROUND,
        )
        return project

    async def create_token(
        self,
        name: str,
        role: str,
        *,
        expires_in: int = 0,
        token_id: str = "",
        may: MayToken = lambda _project, _role: None,
    ) -> str:
        """The signed token; `expires_in` are seconds, 0 is for ever."""
        project = await self.get(name)
        self._validated(project)
        found = _role(project, role)
        if found is None:
            raise ApiError(ApiCode.NOT_FOUND, f"project '{name}' does not have role '{role}'")
        may(project, found)
        if token_id and any(one.id == token_id for one in found.jwt_tokens):
            raise ApiError(ApiCode.INVALID_ARGUMENT, f"Token id '{token_id}' has been used. ")
        issued = int(self._now().timestamp())
        token = JWTToken(
            iat=issued,
            exp=issued + expires_in if expires_in else 0,
            id=token_id or self._new_id(),
        )
        # Signed first: a token that nobody holds must not be listed.
        signed = self._sign(claims(name, role, token), await self._key.read())
        await self._write(project, *with_token(project.spec, project.status, role, token))
        return signed

    async def delete_token(
        self,
        name: str,
        role: str,
        *,
        issued: int,
        token_id: str = "",
        may: MayToken = lambda _project, _role: None,
    ) -> None:
        """By id where one is given and known, else by the time of its issue."""
        project = await self.get(name)
        found = _role(project, role)
        may(project, found or ProjectRole(name=role))
        tokens = found.jwt_tokens if found else ()
        gone = next((one for one in tokens if token_id and one.id == token_id), None)
        gone = gone or next((one for one in tokens if one.iat == issued), None)
        if gone is not None:
            await self._write(project, *without_token(project.spec, project.status, role, gone))

    # -- parts --------------------------------------------------------------------------------

    def _validated(self, project: AppProject) -> AppProjectSpec:
        if not project.name:
            raise ApiError(ApiCode.INVALID_ARGUMENT, "missing payload 'project' in request")
        try:
            spec = project.spec
        except ManifestDecodeError as error:
            raise ApiError(ApiCode.INVALID_ARGUMENT, str(error)) from None
        roles = tuple(
            replace(role, policies=tuple(map(normal_policy, role.policies))) for role in spec.roles
        )
        return validated(project.name, replace(spec, roles=roles), is_zone)

    async def _write(
        self, before: AppProject, spec: AppProjectSpec, status: AppProjectStatus
    ) -> AppProject:
        """All that is neither spec nor status stays as it was."""
        manifest = {**before.to_manifest(), "spec": encode(spec), "status": encode(status)}
        return AppProject(await self._writer.replace(PROJECTS, manifest, manager=MANAGER))

    async def _check_applications(self, before: AppProject, spec: AppProjectSpec) -> None:
        """No application of the project may lose its repository or destination."""
        of_project = await self._around.users(before.name)
        if not of_project:
            return
        after = AppProject({**before.to_manifest(), "spec": encode(spec)})
        table = await self._around.clusters()
        sources, destinations = invalidated(
            of_project,
            await self._around.effective(before, table.clusters),
            await self._around.effective(after, table.clusters),
            table.resolve,
        )
        told = [
            f"{count} applications {what} became invalid"
            for count, what in ((sources, "source"), (destinations, "destination"))
            if count
        ]
        if told:
            raise ApiError(
                ApiCode.INVALID_ARGUMENT, f"as a result of project update {' and '.join(told)}"
            )


def _with_metadata(before: AppProject, asked: AppProject) -> AppProject:
    """What users own of the metadata is replaced, the rest is the cluster's."""
    stored = before.to_manifest()
    wanted = asked.to_manifest().get("metadata") or {}
    kept = {key: value for key, value in stored["metadata"].items() if key not in _UPDATED_METADATA}
    given = {key: wanted[key] for key in _UPDATED_METADATA if wanted.get(key)}
    return AppProject({**stored, "metadata": {**kept, **given}})


def _role(project: AppProject, name: str) -> ProjectRole | None:
    """With its tokens in step."""
    spec, _ = in_step(project.spec, project.status)
    return next((one for one in spec.roles if one.name == name), None)


def _differences(before: AppProjectSpec, after: AppProjectSpec) -> list[str]:
    """The fields of two specs that differ."""
    old, new = encode(before), encode(after)
    return [f"spec.{key}" for key in {**old, **new} if old.get(key) != new.get(key)]

"""The methods on what is live: trees, comparisons, events, single objects, server-side diffs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Protocol

import orjson

from tiphys.api.calls import Answer, Call, Handlers, Message, ServerStream, Unary
from tiphys.api.handlers.shapes import bare, text
from tiphys.core.diff.normalise import encode
from tiphys.core.settings.values import boolean
from tiphys.model.application import Application
from tiphys.model.errors import ApiCode, ApiError, KubeError
from tiphys.model.live import ObjectList
from tiphys.model.resource import ApiResource, Manifest, ResourceKey
from tiphys.services.access.auditing import Audit, Reason
from tiphys.services.applications.access import AppAccess
from tiphys.services.applications.objects import delete_object, get_object, patch_object
from tiphys.services.applications.serverdiff import shown
from tiphys.services.applications.service import Applications
from tiphys.services.applications.values import TreeNode
from tiphys.services.live.view import LiveView
from tiphys.services.liveview.finding import Finder, Which, key_of_node
from tiphys.services.projects.rules import ProjectRules

SERVICE = "application.ApplicationService"
_EVENTS = ApiResource("", "v1", "Event", "events", True, frozenset({"list"}))
_INHERITANCE_OFF = "server.rbac.disableApplicationFineGrainedRBACInheritance"


class ChosenReader(Protocol):
    """Reads by fields, which not all readers can."""

    async def chosen(
        self, resource: ApiResource, *, namespace: str, field_selector: str
    ) -> ObjectList: ...


class LiveHandlers:
    """`general` is the data of argocd-cm, `home` reads in the control plane's own cluster."""

    def __init__(
        self,
        apps: AppAccess,
        applications: Applications,
        view: LiveView,
        finder: Finder,
        rules: ProjectRules,
        audit: Audit,
        home: ChosenReader,
        general: Callable[[], Mapping[str, str]],
    ) -> None:
        self._apps = apps
        self._applications = applications
        self._view = view
        self._finder = finder
        self._rules = rules
        self._audit = audit
        self._home = home
        self._general = general

    def methods(self) -> Handlers:
        return {
            f"{SERVICE}/ResourceTree": Unary(self._tree),
            f"{SERVICE}/WatchResourceTree": ServerStream(self._watch_tree),
            f"{SERVICE}/ManagedResources": Unary(self._managed),
            f"{SERVICE}/ListResourceEvents": Unary(self._events),
            f"{SERVICE}/GetResource": Unary(self._get),
            f"{SERVICE}/PatchResource": Unary(self._patch),
            f"{SERVICE}/DeleteResource": Unary(self._delete),
            f"{SERVICE}/ServerSideDiff": Unary(self._server_side_diff),
        }

    # -- trees ----------------------------------------------------------------------------------

    async def _tree(self, call: Call, message: Message) -> Answer:
        application = await self._seen(call, message, "applicationName")
        return await self._finder.tree(application)

    async def _watch_tree(self, call: Call, message: Message) -> AsyncIterator[Answer]:
        application = await self._seen(call, message, "applicationName")
        async for tree in self._view.trees(application.namespace, application.name):
            yield tree
        raise ApiError(ApiCode.UNKNOWN, "error getting cached app resource tree: it is gone")

    async def _managed(self, call: Call, message: Message) -> Answer:
        application = await self._seen(call, message, "applicationName")
        which = Which(
            text(message, "group"),
            text(message, "kind"),
            text(message, "namespace"),
            text(message, "name"),
        )
        found = await self._finder.managed(application)
        items = [one for one in found if not one.get("hook") and which.matches(one)]
        return {"items": items} if items else {}

    # -- events ---------------------------------------------------------------------------------

    async def _events(self, call: Call, message: Message) -> Answer:
        application = await self._seen(call, message, "name")
        name, uid = text(message, "resourceName"), text(message, "resourceUID")
        if not name and not uid:
            about = (application.namespace, application.name, application.uid)
            return await _events_of(self._home, *about)
        namespace = text(message, "resourceNamespace")
        node = await self._finder.any_node(application, name, namespace, uid)
        if node is None:
            raise ApiError(
                ApiCode.INVALID_ARGUMENT,
                f"{name} not found as part of application {application.name}",
            )
        reached = await self._applications.reach(application, acting=True)
        reader: Any = reached.reader
        return await _events_of(reader, node.namespace, node.name, node.uid)

    # -- one object -----------------------------------------------------------------------------

    async def _get(self, call: Call, message: Message) -> Answer:
        application = await self._seen(call, message, "name")
        node = await self._finder.node(application, _key(message))
        live = await get_object(
            application,
            node.key,
            await self._applications.reach(application, acting=True),
            masked=await self._applications.masked_annotations(),
            node=node,
            version=text(message, "version"),
        )
        return _manifest(live)

    async def _patch(self, call: Call, message: Message) -> Answer:
        application = await self._changed(call, message, "update")
        node = await self._finder.node(application, _key(message))
        stored = await patch_object(
            application,
            node.key,
            text(message, "patchType"),
            _patch_of(message, node),
            await self._applications.reach(application, acting=True),
            masked=await self._applications.masked_annotations(),
            node=node,
        )
        self._told(call, application, Reason.UPDATED, "patched", node)
        return _manifest(stored)

    async def _delete(self, call: Call, message: Message) -> Answer:
        application = await self._changed(call, message, "delete")
        node = await self._finder.node(application, _key(message))
        await delete_object(
            application,
            node.key,
            await self._applications.reach(application, acting=True),
            force=bool(message.get("force")),
            orphan=bool(message.get("orphan")),
            node=node,
        )
        self._told(call, application, Reason.DELETED, "deleted", node)
        return {}

    def _told(
        self, call: Call, application: Application, reason: Reason, verb: str, node: TreeNode
    ) -> None:
        kind = f"{node.group}/{node.kind}"
        self._audit.tell(
            call.caller, application.raw, reason, f"{verb} resource {kind} '{node.name}'"
        )

    # -- what the server would make of it ---------------------------------------------------------

    async def _server_side_diff(self, call: Call, message: Message) -> Answer:
        application = await self._seen(call, message, "appName")
        items = list(message.get("liveResources") or ())
        targets = list(message.get("targetManifests") or ())
        if len(targets) > len(items):
            raise ApiError(ApiCode.INVALID_ARGUMENT, "there are more targets than live resources")
        targets += [""] * (len(items) - len(targets))
        known = {key_of_node(one): one for one in await self._finder.managed(application)}
        found = await self._applications.server_side_diff(
            application,
            list(zip(items, targets, strict=True)),
            known,
            self._rules.permission(application),
        )
        modified = any(one.modified for one in found)
        answer: dict[str, Any] = {"items": [shown(one) for one in found], "modified": modified}
        return answer if found else {"modified": modified}

    # -- who may --------------------------------------------------------------------------------

    async def _seen(self, call: Call, message: Message, name: str) -> Application:
        return await seen(self._apps, call, message, name)

    async def _changed(self, call: Call, message: Message, action: str) -> Application:
        """For a right on this object, or, where settings let them inherit it, on all."""
        key = _key(message)
        fine = f"{action}/{key.group}/{key.kind}/{key.namespace}/{key.name}"
        if self._inherits():
            try:
                return await seen(self._apps, call, message, "name", action)
            except ApiError as error:
                if error.code is not ApiCode.PERMISSION_DENIED:
                    raise
        return await seen(self._apps, call, message, "name", fine)

    def _inherits(self) -> bool:
        value = self._general().get(_INHERITANCE_OFF) or ""
        return bool(value) and not boolean(_INHERITANCE_OFF, value)


async def seen(
    apps: AppAccess, call: Call, message: Message, name: str, action: str = "get"
) -> Application:
    """The application that a message names, as it was last heard of."""
    return await apps.cached(
        call.caller,
        action,
        text(message, "appNamespace"),
        text(message, name),
        text(message, "project"),
    )


def _key(message: Message) -> ResourceKey:
    return ResourceKey(
        text(message, "group"),
        text(message, "kind"),
        text(message, "namespace"),
        text(message, "resourceName"),
    )


def _manifest(manifest: Manifest) -> Answer:
    return {"manifest": encode(manifest).decode()}


def _patch_of(message: Message, node: TreeNode) -> Any:
    """What cannot be read is not repeated: it may be a Secret's."""
    try:
        return orjson.loads(text(message, "patch"))
    except orjson.JSONDecodeError:
        if node.key.group_kind == ("", "Secret"):
            what = f"failed to patch Secret {node.namespace}/{node.name}"
            raise ApiError(ApiCode.UNKNOWN, what) from None
        raise ApiError(
            ApiCode.INVALID_ARGUMENT, f"the patch of {node.kind} {node.name} is no JSON"
        ) from None


async def _events_of(reader: ChosenReader, namespace: str, name: str, uid: str) -> Answer:
    chosen = (
        f"involvedObject.name={name},involvedObject.namespace={namespace},involvedObject.uid={uid}"
    )
    try:
        found = await reader.chosen(_EVENTS, namespace=namespace, field_selector=chosen)
    except KubeError as error:
        raise ApiError(ApiCode.UNKNOWN, f"error listing resource events: {error}") from None
    return {
        "metadata": {"resourceVersion": found.resource_version},
        "items": [bare(item) for item in found.items] or None,
    }

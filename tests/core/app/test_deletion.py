"""How a deleted application goes away, and what goes with it."""

from dataclasses import replace as replace_value
from typing import Any

import pytest
from msgspec.structs import replace

from tests.core.app.build import SPEC, ago, app
from tiphys.core.app.deletion import (
    Candidate,
    Cascade,
    CascadeDone,
    CleanUpHooks,
    DeleteObjects,
    Deletion,
    DeletionBlocked,
    DropFinalizers,
    NothingAsked,
    RunHooks,
    WaitForDeletion,
    candidate,
    decide_deletion,
    delete_finalizers,
    next_deletions,
)
from tiphys.model.application import (
    Application,
    ApplicationSpec,
    ApplicationStatus,
    ResourceStatus,
    SyncPolicy,
)
from tiphys.model.live import Propagation
from tiphys.model.resource import Manifest, ResourceKey
from tiphys.model.status import HookType

PLAIN = "resources-finalizer.argocd.argoproj.io"
FOREGROUND = f"{PLAIN}/foreground"
BACKGROUND = f"{PLAIN}/background"
PRE_DELETE = "pre-delete-finalizer.argocd.argoproj.io"
PRE_CLEANUP = f"{PRE_DELETE}/cleanup"
POST_DELETE = "post-delete-finalizer.argocd.argoproj.io"
POST_CLEANUP = f"{POST_DELETE}/cleanup"


def deleted(*finalizers: str, spec: ApplicationSpec = SPEC, **options: Any) -> Application:
    return app(spec, finalizers=finalizers, deleting=ago(10), **options)


def decide(application: Application, refused: str = "", resolvable: bool = True) -> Deletion:
    return decide_deletion(application, refused=refused, resolvable=resolvable)


def test_without_finalizers_the_objects_stay() -> None:
    assert decide(deleted()) == NothingAsked()
    assert decide(deleted("example.com/other"), "gone", False) == NothingAsked()


def test_a_project_that_is_missing_blocks() -> None:
    assert decide(deleted(PLAIN), "no such project", False) == DeletionBlocked("no such project")


def test_unknown_destination_drops_our_finalizers_only() -> None:
    finalizers = (PRE_DELETE, PLAIN, "example.com/other", POST_CLEANUP)
    assert decide(deleted(*finalizers), resolvable=False) == DropFinalizers(
        (PLAIN, PRE_DELETE, POST_CLEANUP)
    )


def test_hooks_and_objects_have_their_order() -> None:
    """The list may be in any order: what comes first is decided by the kind of finalizer."""
    left = [POST_CLEANUP, PRE_CLEANUP, POST_DELETE, PLAIN, PRE_DELETE, "example.com/other"]
    assert decide(deleted(*left)) == RunHooks(HookType.PRE_DELETE, PRE_DELETE)
    left.remove(PRE_DELETE)
    assert decide(deleted(*left)) == Cascade(Propagation.FOREGROUND, (PLAIN,))
    left.remove(PLAIN)
    assert decide(deleted(*left)) == RunHooks(HookType.POST_DELETE, POST_DELETE)
    left.remove(POST_DELETE)
    assert decide(deleted(*left)) == CleanUpHooks(HookType.PRE_DELETE, PRE_CLEANUP)
    left.remove(PRE_CLEANUP)
    assert decide(deleted(*left)) == CleanUpHooks(HookType.POST_DELETE, POST_CLEANUP)
    left.remove(POST_CLEANUP)
    assert decide(deleted(*left)) == NothingAsked()


@pytest.mark.parametrize(
    ("present", "types", "after"),
    [
        ([PLAIN], [], None),
        ([PLAIN], [HookType.PRE_DELETE], (PLAIN, PRE_DELETE, PRE_CLEANUP)),
        ([POST_DELETE, "x"], [HookType.POST_DELETE], (POST_DELETE, "x", POST_CLEANUP)),
        ([PRE_DELETE, PLAIN, PRE_CLEANUP], [], (PLAIN,)),
        ([PRE_DELETE, PRE_CLEANUP], [HookType.PRE_DELETE], None),
        (
            [PRE_DELETE, PRE_CLEANUP],
            [HookType.POST_DELETE],
            (POST_DELETE, POST_CLEANUP),
        ),
    ],
)
def test_finalizers_follow_the_hooks_of_the_manifests(
    present: list[str], types: list[HookType], after: tuple[str, ...] | None
) -> None:
    assert delete_finalizers(present, types) == after


@pytest.mark.parametrize(
    ("finalizers", "expected"),
    [
        ((PLAIN,), Cascade(Propagation.FOREGROUND, (PLAIN,))),
        ((FOREGROUND,), Cascade(Propagation.FOREGROUND, (FOREGROUND,))),
        ((BACKGROUND, PLAIN), Cascade(Propagation.BACKGROUND, (BACKGROUND, PLAIN))),
        ((PLAIN, BACKGROUND), Cascade(Propagation.FOREGROUND, (PLAIN, BACKGROUND))),
        (("example.com/other", BACKGROUND), Cascade(Propagation.BACKGROUND, (BACKGROUND,))),
    ],
)
def test_cascade(finalizers: tuple[str, ...], expected: Deletion) -> None:
    assert decide(deleted(*finalizers)) == expected


def found(
    name: str,
    *,
    wave: int = 0,
    deleting: bool = False,
    kept: bool = False,
    confirm: bool = False,
) -> Candidate:
    key = ResourceKey("", "ConfigMap", "demo", name)
    return Candidate(key=key, uid=name, wave=wave, deleting=deleting, kept=kept, confirm=confirm)


def test_highest_wave_first() -> None:
    first, second = found("first", wave=-1), found("second")
    third, beside = found("third", wave=5), found("beside", wave=5)
    every = [first, third, second, beside]
    assert next_deletions(deleted(PLAIN), every) == DeleteObjects((third, beside))
    assert next_deletions(deleted(PLAIN), [first, second]) == DeleteObjects((second,))
    assert next_deletions(deleted(PLAIN), [first]) == DeleteObjects((first,))


def test_objects_that_are_going_are_waited_for() -> None:
    candidates = [found("a"), found("b", deleting=True, wave=1)]
    assert next_deletions(deleted(PLAIN), candidates) == WaitForDeletion()
    # Hooks that only our finalizer holds are let go.
    held = replace_value(found("hook", deleting=True), held=True)
    assert next_deletions(deleted(PLAIN), [*candidates, held]) == WaitForDeletion((held,))


def test_kept_objects_do_not_hold_up_the_end() -> None:
    assert next_deletions(deleted(PLAIN), [found("a", kept=True)]) == CascadeDone()
    assert next_deletions(deleted(PLAIN), []) == CascadeDone()


@pytest.mark.parametrize(
    ("approved", "goes"),
    [(None, False), (ago(11), False), (ago(10), True), (ago(0), True), ("yes", False)],
)
def test_approval(approved: str | None, goes: bool) -> None:
    annotations = {"argocd.argoproj.io/deletion-approved": approved} if approved else {}
    application = deleted(PLAIN, annotations=annotations)
    candidates = [found("plain"), found("asks", confirm=True)]
    step = next_deletions(application, candidates)
    assert step == (DeleteObjects(tuple(candidates)) if goes else WaitForDeletion())


def test_what_the_last_comparison_flagged_is_asked_for() -> None:
    asks = ResourceStatus(
        kind="ConfigMap", namespace="demo", name="a", requires_deletion_confirmation=True
    )
    silent = replace(asks, name="b", requires_deletion_confirmation=False)
    status = ApplicationStatus(resources=(asks, silent))
    application = app(SPEC, status, finalizers=[PLAIN], deleting=ago(10))
    assert next_deletions(application, [found("a")]) == WaitForDeletion()
    assert next_deletions(application, [found("b")]) == DeleteObjects((found("b"),))


def test_a_label_names_no_object() -> None:
    plain = manifest(tracking="")
    assert not candidate(deleted(PLAIN), plain, labelled=True).kept
    asked = manifest(tracking="", annotations={OPTIONS: "Delete=false"})
    assert candidate(deleted(PLAIN), asked, labelled=True).kept


def test_a_kept_object_needs_no_approval() -> None:
    candidates = [found("asks", confirm=True, kept=True), found("plain")]
    assert next_deletions(deleted(PLAIN), candidates) == DeleteObjects((candidates[1],))


def manifest(
    kind: str = "ConfigMap",
    *,
    api_version: str = "v1",
    namespace: str = "demo",
    name: str = "a",
    tracking: str | None = None,
    annotations: dict[str, str] | None = None,
    **meta: str,
) -> Manifest:
    group = api_version.rpartition("/")[0]
    own = f"guestbook:{group}/{kind}:{namespace or 'demo'}/{name}"
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": "u",
            "annotations": {
                "argocd.argoproj.io/tracking-id": own if tracking is None else tracking,
                **(annotations or {}),
            },
            **meta,
        },
    }


def test_a_plain_object_goes() -> None:
    assert candidate(deleted(PLAIN), manifest()) == Candidate(
        key=ResourceKey("", "ConfigMap", "demo", "a"), uid="u"
    )
    waved = candidate(
        deleted(PLAIN),
        manifest(annotations={"argocd.argoproj.io/sync-wave": "3"}, deletionTimestamp=ago(1)),
    )
    assert (waved.wave, waved.deleting) == (3, True)
    assert not candidate(deleted(PLAIN), manifest("Namespace", namespace="")).kept
    hook = manifest()
    hook = {**hook, "metadata": {**hook["metadata"], "finalizers": [HELD]}}
    assert candidate(deleted(PLAIN), hook).held


HELD = "argocd.argoproj.io/hook-finalizer"
OPTIONS = "argocd.argoproj.io/sync-options"
KEPT = [
    manifest("CustomResourceDefinition", api_version="apiextensions.k8s.io/v1", namespace=""),
    manifest(
        "Application", api_version="argoproj.io/v1alpha1", namespace="argocd", name="guestbook"
    ),
    manifest(annotations={"helm.sh/resource-policy": "keep"}),
    manifest(annotations={OPTIONS: "Delete=false"}),
    manifest(tracking="guestbook:/ConfigMap:demo/original"),
    manifest(tracking="unreadable"),
    manifest(tracking=""),
]


@pytest.mark.parametrize("kept", KEPT)
def test_what_outlives_the_application(kept: Manifest) -> None:
    assert candidate(deleted(PLAIN), kept).kept


@pytest.mark.parametrize(
    ("app_option", "own", "kept", "confirm"),
    [
        ("Delete=false", None, True, False),
        ("Delete=false", "Delete=true", False, False),
        ("Delete=false", "Delete=confirm", False, True),
        ("Delete=confirm", None, False, True),
        ("Delete=confirm", "Delete=true", False, False),
        ("Prune=confirm", None, False, True),
        ("Validate=false", "Prune=confirm", False, True),
    ],
)
def test_options(app_option: str, own: str | None, kept: bool, confirm: bool) -> None:
    spec = replace(SPEC, sync_policy=SyncPolicy(sync_options=(app_option,)))
    annotations = {OPTIONS: own} if own else None
    judged = candidate(deleted(PLAIN, spec=spec), manifest(annotations=annotations))
    assert (judged.kept, judged.confirm) == (kept, confirm)

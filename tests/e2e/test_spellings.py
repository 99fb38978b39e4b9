"""Every built-in kind, once, in values that mean the same as what the API server makes of them.

Self-heal is on: an object that looked different would be written again and again, and every
write is in the audit log.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.stack import Stack
from tiphys.core.manifest.order import KIND_ORDER

FOLDER = Path(__file__).parent / "spellings"
NAME = "spelling"
QUIET_SECONDS = 60.0


def spelled() -> list[dict[str, Any]]:
    texts = (file.read_text() for file in sorted(FOLDER.glob("*.yaml")))
    return [document for text in texts for document in yaml.safe_load_all(text)]


def spelled_kinds() -> set[str]:
    return {manifest["kind"] for manifest in spelled()}


def test_every_ordered_kind_is_spelled() -> None:
    ordered = {kind for kind in KIND_ORDER if not kind.endswith("List")} - {"PodSecurityPolicy"}
    assert spelled_kinds() - {"Spelling"} == ordered


def test_another_spelling_is_in_sync_and_stays_so(stack: Stack) -> None:
    repo = stack.repo("spellings")
    for file in FOLDER.glob("*.yaml"):
        repo.write(f"all/{file.name}", file.read_text())
    repo.commit()
    stack.create(NAME, repo, "all", "--sync-policy", "automated", "--self-heal")

    def synced() -> bool:
        status = stack.app(NAME).get("status") or {}
        late = {
            f"{resource['kind']}/{resource['name']}"
            for resource in status.get("resources") or ()
            if resource.get("status") != "Synced"
        }
        operation = status.get("operationState") or {}
        assert (status.get("sync") or {}).get("status") == "Synced", (
            late,
            operation.get("message"),
        )
        assert operation.get("phase") == "Succeeded", operation.get("message")
        return True

    stack.until("every object in sync", synced, 90)
    kinds = {resource["kind"] for resource in stack.app(NAME)["status"]["resources"]}
    assert kinds == spelled_kinds()

    since, end = stack.audit_offset(), time.monotonic() + QUIET_SECONDS
    while time.monotonic() < end:
        assert synced()
        time.sleep(0.5)
    names = {manifest["metadata"]["name"] for manifest in spelled()}
    references = [event["objectRef"] for event in stack.audit(since=since)]
    writes = [
        (reference["resource"], reference["name"])
        for reference in references
        if reference.get("name") in names and reference["resource"] != "applications"
    ]
    assert writes == []
    assert len(stack.app(NAME)["status"]["history"]) == 1

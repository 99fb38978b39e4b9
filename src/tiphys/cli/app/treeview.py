"""The live objects of an application, each below the one that owns it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tiphys.cli.app.resources import Row, rows_of
from tiphys.cli.output import age, table
from tiphys.model.application import Application
from tiphys.services.applications import TreeNode

_HEADER = ("KIND/NAME", "STATUS", "HEALTH", "MESSAGE")
_DETAILED_HEADER = ("KIND/NAME", "STATUS", "HEALTH", "AGE", "MESSAGE", "REASON")


def tree_table(
    application: Application, nodes: Sequence[TreeNode], *, detailed: bool, now_seconds: float
) -> str:
    """Nothing when nothing is live."""
    if not nodes:
        return ""
    known = {f"{row.kind}/{row.name}": row for row in rows_of(application)}
    cells = [
        _cells(prefix, node, known.get(f"{node.kind}/{node.name}"), now_seconds)
        for prefix, node in walk(nodes)
    ]
    if detailed:
        return table([_DETAILED_HEADER, *cells])
    return table([_HEADER, *((name, s, h, message) for name, s, h, _, message, _ in cells)])


def walk(nodes: Sequence[TreeNode]) -> Iterator[tuple[str, TreeNode]]:
    """Each node with the lines before it, owners before what they own."""
    children: dict[str, list[TreeNode]] = {}
    for node in nodes:
        children.setdefault(node.parent, []).append(node)

    def below(parent: str, indent: str) -> Iterator[tuple[str, TreeNode]]:
        for index, node in enumerate(siblings := children.get(parent, [])):
            last = index == len(siblings) - 1
            yield indent + ("└─" if last else "├─"), node
            yield from below(node.uid, indent + ("  " if last else "│ "))

    for root in children.get("", []):
        yield "", root
        yield from below(root.uid, "")


def _cells(
    prefix: str, node: TreeNode, row: Row | None, now_seconds: float
) -> tuple[str, str, str, str, str, str]:
    health = node.health.status.value if node.health else ""
    reason = node.health.message if node.health else ""
    return (
        f"{prefix}{node.kind}/{node.name}",
        row.status if row else "",
        row.health if row else health,
        age(node.created_at, now_seconds),
        row.message if row else "",
        reason,
    )

"""Messages of a sync, made to fit: an Application is stored in one piece, and that has a limit.

The longest messages are cut first, so that most objects still say all. What was cut says so.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from tiphys.model.operation import OperationState

MESSAGE_LIMIT = 16 * 1024
"""Bytes of one message. An apply that names every rule of a large role needs less."""

RECORD_LIMIT = 512 * 1024
"""Bytes of all messages of a sync: what is left of etcd's 1.5 MiB is for the rest."""

_CUT = " [shortened]"


def shortened(record: OperationState, *, limit: int = RECORD_LIMIT) -> OperationState:
    """The record with messages of at most `limit` bytes in all; the same one where they fit."""
    result = record.sync_result
    resources = result.resources if result else ()
    texts = [record.message, *(one.message for one in resources)]
    most = _longest([_size(text) for text in texts], limit)
    if all(_size(text) <= most for text in texts):
        return record
    record = replace(record, message=cut(record.message, most))
    if result is None:
        return record
    kept = tuple(
        one if _size(one.message) <= most else replace(one, message=cut(one.message, most))
        for one in resources
    )
    return replace(record, sync_result=replace(result, resources=kept))


def cut(text: str, size: int) -> str:
    """At most `size` bytes of a text, with a word that there was more; nothing below that word."""
    if _size(text) <= size:
        return text
    room = size - len(_CUT)
    if room < 0:
        return ""
    return text.encode()[:room].decode(errors="ignore") + _CUT


def _longest(sizes: Sequence[int], limit: int) -> int:
    """How long a message may be, so that all together stay within the limit."""
    left, waiting = limit, len(sizes)
    for size in sorted(sizes):
        share = left // waiting
        if size > share:
            return min(share, MESSAGE_LIMIT)
        left, waiting = left - size, waiting - 1
    return MESSAGE_LIMIT


def _size(text: str) -> int:
    return len(text.encode())

"""Which of two reports of an object is the newer, and which reports come too late.

A write's answer and the watch tell of the same object by two ways, so either may be behind.
Resource versions of one kind are compared as numbers where both are numbers (Kubernetes
documents that order since 1.35); otherwise what arrives later holds.
"""

from __future__ import annotations

from collections import OrderedDict

_KEPT = 16_384


def is_older(version: str, than: str) -> bool:
    """Whether a resource version is surely before another of the same kind."""
    return version.isdecimal() and than.isdecimal() and int(version) < int(than)


class Departed:
    """The uids of objects that are known to be gone; the newest few thousand of them.

    A uid is never used again, so a report of one of them is a late one.
    """

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept = kept
        self._uids: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, uid: str) -> bool:
        return uid in self._uids

    def add(self, uid: str) -> None:
        if not uid:
            return
        self._uids[uid] = None
        if len(self._uids) > self._kept:
            self._uids.popitem(last=False)

    def clear(self) -> None:
        """After a restore from a backup, when what was gone may be there again."""
        self._uids.clear()

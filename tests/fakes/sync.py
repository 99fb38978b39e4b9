"""A store of operation states in memory, that can be made to fail."""

from __future__ import annotations

from tiphys.model.operation import OperationState


class FakeOperationStore:
    """`saved` is everything that was stored, in order."""

    def __init__(self, *, fails_at: int = -1) -> None:
        self.saved: list[OperationState] = []
        self.fails_at = fails_at

    async def save(self, record: OperationState) -> None:
        if len(self.saved) == self.fails_at:
            raise RuntimeError("the store is broken")
        self.saved.append(record)

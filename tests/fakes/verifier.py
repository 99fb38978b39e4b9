"""A Verifier that knows which revisions nobody signed."""

from __future__ import annotations

from collections.abc import Sequence

from tiphys.services.render.job import RenderJob


class FakeVerifier:
    def __init__(self) -> None:
        self.unsigned: set[str] = set()
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    async def problems(
        self, job: RenderJob, revision: str, beside: Sequence[str]
    ) -> tuple[str, ...]:
        self.asked.append((revision, tuple(beside)))
        return (f"{revision} is unsigned",) if revision in self.unsigned else ()

"""The answer of `git ls-remote`: one line a ref, annotated tags twice, the second time peeled."""

from __future__ import annotations

from collections.abc import Mapping

from tiphys.core.source.revision import is_commit


def parse_listing(output: bytes) -> Mapping[str, str]:
    """Full name of a ref -> commit. Lines that name no commit are passed over."""
    refs: dict[str, str] = {}
    peeled: dict[str, str] = {}
    for line in output.decode("utf-8", "replace").splitlines():
        commit, _, name = line.partition("\t")
        if not is_commit(commit) or not name:
            continue
        if name.endswith("^{}"):
            peeled[name.removesuffix("^{}")] = commit
        else:
            refs[name] = commit
    return refs | peeled

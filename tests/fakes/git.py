"""Git kept in memory: one fake of GitRepositories, run through the same tests as the real one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha1

from tiphys.core.source.references import is_sealed, references
from tiphys.core.source.revision import is_commit
from tiphys.model.errors import RepositoryError, RevisionNotFoundError
from tiphys.model.integrity import SignedObject
from tiphys.model.render import EntryKind, TreeEntry
from tiphys.model.repository import CommitInfo, Repository

_TAGS = "refs/tags/"
_AUTHOR = "Ada <ada@example.com>"


class FakeTree:
    """TreeReader over a mapping from path to text; a text `-> x` is a link to x."""

    def __init__(self, commit: str, files: Mapping[str, str]) -> None:
        self._commit = commit
        self.calls: Counter[str] = Counter()
        self._entries: dict[str, TreeEntry] = {}
        self._folder("", dict(files))

    @property
    def commit(self) -> str:
        return self._commit

    def read(self, paths: Sequence[str]) -> Mapping[str, TreeEntry | None]:
        self.calls["read"] += 1
        return {path: self._entries.get(path) for path in paths}

    def walk(self, path: str) -> Mapping[str, TreeEntry]:
        self.calls["walk"] += 1
        prefix = f"{path}/" if path else ""
        return {
            name: entry
            for name, entry in self._entries.items()
            if name == path or name.startswith(prefix)
        }

    def oids(self, paths: Sequence[str]) -> Mapping[str, str | None]:
        self.calls["oids"] += 1
        found = {path: self._entries.get(path) for path in paths}
        return {path: None if entry is None else entry.oid for path, entry in found.items()}

    def _folder(self, path: str, files: dict[str, str]) -> TreeEntry:
        children: dict[str, TreeEntry] = {}
        for name in sorted({file.partition("/")[0] for file in files}):
            below = {
                file.removeprefix(f"{name}/"): text
                for file, text in files.items()
                if file.startswith(f"{name}/")
            }
            full = f"{path}/{name}" if path else name
            children[name] = self._folder(full, below) if below else self._leaf(full, files[name])
        entry = TreeEntry(
            EntryKind.FOLDER,
            _tree_id(children),
            children={name: child.kind for name, child in children.items()},
        )
        self._entries[path] = entry
        return entry

    def _leaf(self, path: str, text: str) -> TreeEntry:
        kind = EntryKind.LINK if text.startswith("-> ") else EntryKind.FILE
        data = text.removeprefix("-> ").encode() if kind is EntryKind.LINK else text.encode()
        self._entries[path] = TreeEntry(kind, _object_id("blob", data), data)
        return self._entries[path]


class FakeGit:
    """Repositories by URL. `failure` and `fault` are raised by listings."""

    def __init__(self) -> None:
        self._refs: dict[str, dict[str, str]] = {}
        self._commits: dict[str, dict[str, FakeTree]] = {}
        self._before: dict[str, str] = {}
        self._messages: dict[str, str] = {}
        self.failure: RepositoryError | None = None
        self.fault: Exception | None = None
        self.requests: Counter[str] = Counter()

    def commit(
        self,
        url: str,
        files: Mapping[str, str],
        ref: str = "refs/heads/main",
        message: str = "change",
    ) -> str:
        """A new commit with exactly these files, which the ref and HEAD point at."""
        number = len(self._commits.setdefault(url, {}))
        commit = sha1(f"{url} {number}".encode(), usedforsecurity=False).hexdigest()
        self._before[commit] = self._refs.get(url, {}).get(ref, "")
        self._messages[commit] = message
        self._commits[url][commit] = FakeTree(commit, files)
        self.point(url, ref, commit)
        self.point(url, "HEAD", commit)
        return commit

    def point(self, url: str, ref: str, commit: str) -> None:
        self._refs.setdefault(url, {})[ref] = commit

    def delete(self, url: str, ref: str) -> None:
        del self._refs[url][ref]

    async def refs(self, repository: Repository) -> Mapping[str, str]:
        url = repository.url
        self.requests["ls-remote"] += 1
        if self.failure is not None:
            raise self.failure
        if self.fault is not None:
            raise self.fault
        if url not in self._refs:
            raise RepositoryError("failed to list refs: repository not found: ", url=url)
        return dict(self._refs[url])

    async def tree(self, repository: Repository, commit: str) -> FakeTree:
        url = repository.url
        self.requests["tree"] += 1
        asked = commit.lower()
        found = [
            tree
            for name, tree in self._commits.get(url, {}).items()
            if name == asked or (not is_commit(asked) and name.startswith(asked))
        ]
        if len(found) != 1:
            raise RevisionNotFoundError(
                f"Failed to checkout revision {asked}: the repository has no such commit", url=url
            )
        return found[0]

    async def commit_info(self, repository: Repository, commit: str) -> CommitInfo:
        found = (await self.tree(repository, commit)).commit
        refs = self._refs[repository.url].items()
        tags = (name for name, at in refs if at == found and name.startswith(_TAGS))
        message = self._messages[found]
        return CommitInfo(
            _AUTHOR,
            "2026-01-02T03:04:05Z",
            message.strip(),
            tuple(sorted(name.removeprefix(_TAGS) for name in tags)),
            references(message.strip().rpartition("\n\n")[2]),
        )

    async def changed(self, repository: Repository, before: str, after: str) -> Sequence[str]:
        first = (await self.tree(repository, before)).walk("")
        second = (await self.tree(repository, after)).walk("")
        return sorted(
            path
            for path in first.keys() | second.keys()
            for one, other in [(first.get(path), second.get(path))]
            if one != other
            and any(each is not None and each.kind is not EntryKind.FOLDER for each in (one, other))
        )

    async def signed(
        self,
        repository: Repository,
        commit: str,
        *,
        tag: str = "",
        lineage: bool = False,
        past: Collection[str] = (),
    ) -> Sequence[SignedObject]:
        """Nothing is signed here, and no tag is annotated."""
        at = (await self.tree(repository, commit)).commit
        found: list[SignedObject] = []
        while at:
            sealed = is_sealed(self._messages[at])
            found.append(SignedObject(at, _AUTHOR, b"", "", sealed))
            at = self._before[at] if lineage and (not sealed or at in past) else ""
        return found

    async def maintain(self, repository: Repository, in_use: Collection[str]) -> None:
        """Nothing is kept here, so there is nothing to tidy."""

    async def aclose(self) -> None:
        self._commits.clear()


def _object_id(kind: str, data: bytes) -> str:
    return sha1(f"{kind} {len(data)}\0".encode() + data, usedforsecurity=False).hexdigest()


_MODES = {EntryKind.FILE: "100644", EntryKind.LINK: "120000", EntryKind.FOLDER: "40000"}


def _tree_id(children: Mapping[str, TreeEntry]) -> str:
    """Git sorts a folder as if its name ended with a slash."""

    def place(name: str) -> bytes:
        return f"{name}/".encode() if children[name].kind is EntryKind.FOLDER else name.encode()

    data = b"".join(
        f"{_MODES[children[name].kind]} {name}\0".encode() + bytes.fromhex(children[name].oid)
        for name in sorted(children, key=place)
    )
    return _object_id("tree", data)

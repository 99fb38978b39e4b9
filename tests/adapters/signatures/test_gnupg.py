"""Signatures judged, made by real keys: good ones, and every way in which one is not."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fixtures.gitrepo import GitRepo
from tests.fixtures.gpg import Keys
from tiphys.adapters.git.cli import GitCli
from tiphys.adapters.git.process import GitSettings
from tiphys.adapters.signatures import GnuPGSignatures
from tiphys.adapters.signatures.status import signature_of
from tiphys.model.errors import RepositoryError
from tiphys.model.integrity import (
    IntegrityMode,
    IntegrityPolicy,
    Signature,
    SignatureState,
    SignedObject,
)
from tiphys.model.repository import Asked, Repository
from tiphys.services.sources.integrity import SourceIntegrity

LONG_AGO = "20200101T000000!"


@pytest.fixture(scope="module")
def keys() -> Iterator[Keys]:
    keys = Keys()
    yield keys
    keys.close()


@pytest.fixture(scope="module")
def ada(keys: Keys) -> str:
    return keys.create("ada")


@pytest.fixture(scope="module")
def eve(keys: Keys) -> str:
    return keys.create("eve")


@pytest.fixture
def signatures() -> Iterator[GnuPGSignatures]:
    yield (signatures := GnuPGSignatures())
    for home in signatures._homes.values():
        home.folder.cleanup()


def signed(keys: Keys, key: str, payload: bytes = b"tree x\n", *more: str) -> SignedObject:
    return SignedObject("abc", "Ada", payload, keys.sign(payload, key, *more))


async def judged(
    signatures: GnuPGSignatures, keys: Keys, found: SignedObject, *known: str
) -> Signature:
    (answer,) = await signatures.check([found], [keys.public(key) for key in known])
    return answer


async def test_a_good_one(signatures: GnuPGSignatures, keys: Keys, ada: str, eve: str) -> None:
    found = await judged(signatures, keys, signed(keys, ada), ada, eve)
    assert found == Signature(SignatureState.GOOD, ada[-16:])


async def test_a_changed_text(signatures: GnuPGSignatures, keys: Keys, ada: str) -> None:
    found = replace(signed(keys, ada), payload=b"tree y\n")
    assert await judged(signatures, keys, found, ada) == Signature(SignatureState.BAD, ada[-16:])


async def test_a_key_that_nobody_gave(
    signatures: GnuPGSignatures, keys: Keys, ada: str, eve: str
) -> None:
    missing = Signature(SignatureState.MISSING_KEY, ada[-16:])
    assert await judged(signatures, keys, signed(keys, ada), eve) == missing
    assert await judged(signatures, keys, signed(keys, ada)) == missing


async def test_none_at_all(signatures: GnuPGSignatures, keys: Keys, ada: str) -> None:
    for text in ("", "-----BEGIN SSH SIGNATURE-----\nx\n", "junk"):
        found = SignedObject("abc", "Ada", b"x", text)
        assert await judged(signatures, keys, found, ada) == Signature(SignatureState.UNSIGNED)


async def test_what_only_begins_like_one(signatures: GnuPGSignatures, keys: Keys, ada: str) -> None:
    found = SignedObject("abc", "Ada", b"x", "-----BEGIN PGP SIGNATURE-----\njunk\n")
    assert (await judged(signatures, keys, found, ada)).state is SignatureState.BAD


async def test_one_that_has_expired(signatures: GnuPGSignatures, keys: Keys, ada: str) -> None:
    old = keys.create("old", at="20190101T000000!")
    how = (f"--faked-system-time={LONG_AGO}", "--default-sig-expire", "30d")
    found = await judged(signatures, keys, signed(keys, old, b"x", *how), old)
    assert found == Signature(SignatureState.EXPIRED, old[-16:])


async def test_a_key_that_has_expired(signatures: GnuPGSignatures, keys: Keys) -> None:
    gone = keys.create("gone", expires="20210101T000000", at="20190101T000000!")
    found = signed(keys, gone, b"x", f"--faked-system-time={LONG_AGO}")
    assert await judged(signatures, keys, found, gone) == Signature(
        SignatureState.EXPIRED_KEY, gone[-16:]
    )


async def test_a_key_that_was_revoked(signatures: GnuPGSignatures, keys: Keys) -> None:
    lost = keys.create("lost")
    found = signed(keys, lost)
    keys.revoke(lost)
    assert await judged(signatures, keys, found, lost) == Signature(
        SignatureState.REVOKED_KEY, lost[-16:]
    )


async def test_two_signatures_are_none(
    signatures: GnuPGSignatures, keys: Keys, ada: str, eve: str
) -> None:
    found = SignedObject("abc", "Ada", b"x", keys.sign(b"x", ada, "-u", eve))
    assert (await judged(signatures, keys, found, ada, eve)).state is SignatureState.BAD


async def test_a_key_that_cannot_be_read_leaves_the_others(
    signatures: GnuPGSignatures, keys: Keys, ada: str
) -> None:
    asked = [signed(keys, ada)]
    for ring in (["junk", keys.public(ada)], [keys.public(ada), "junk"]):
        (found,) = await signatures.check(asked, ring)
        assert found.state is SignatureState.GOOD


async def test_an_answer_is_remembered_for_a_while_and_by_the_keys(
    keys: Keys, ada: str, eve: str, tmp_path: Path
) -> None:
    runs, program = tmp_path / "runs", tmp_path / "gpg"
    program.write_text(f'#!/bin/sh\necho "$@" >> {runs}\nexec gpg "$@"\n')
    program.chmod(0o755)
    now = 0.0
    signatures = GnuPGSignatures(str(program), clock=lambda: now)
    found = signed(keys, ada)
    counts = []
    for key, at in ((ada, 0.0), (ada, 500.0), (eve, 500.0), (ada, 700.0)):
        now = at
        await judged(signatures, keys, found, key)
        counts.append(runs.read_text().count("--verify"))
    assert counts == [1, 1, 2, 3]
    await signatures.aclose()


async def test_a_long_history_keeps_nobody_waiting(
    signatures: GnuPGSignatures, keys: Keys, ada: str, eve: str
) -> None:
    text = keys.sign(b"x", ada)
    many = [SignedObject(str(n), "Ada", b"%d" % n, text) for n in range(40)]
    long = asyncio.ensure_future(signatures.check(many, [keys.public(ada)]))
    await asyncio.sleep(0)
    found = await judged(signatures, keys, signed(keys, eve), eve)
    assert found.state is SignatureState.GOOD
    assert not long.done()
    assert {each.state for each in await long} == {SignatureState.BAD}


async def test_homes_that_nobody_uses_go(signatures: GnuPGSignatures, keys: Keys, ada: str) -> None:
    found = signed(keys, ada)
    for number in range(9):
        await signatures.check([found], [keys.public(ada), str(number)])
    assert len(signatures._homes) == 4
    (answer,) = await signatures.check([found], [keys.public(ada), "0"])
    assert answer.state is SignatureState.GOOD


async def test_without_the_program(keys: Keys, ada: str) -> None:
    with pytest.raises(RepositoryError, match="cannot be verified: none: No such file"):
        await judged(GnuPGSignatures("/none"), keys, signed(keys, ada), ada)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("", SignatureState.BAD),
        ("[GNUPG:] GOODSIG 1111111111111111 Ada", SignatureState.BAD),
        ("GOODSIG 1 x\nVALIDSIG 2", SignatureState.BAD),
        ("[GNUPG:] ERRSIG 1111111111111111 22 10 00 1 4 -", SignatureState.BAD),
        ("[GNUPG:] ERRSIG 1111111111111111 22 10 00 1 9 -", SignatureState.MISSING_KEY),
    ],
)
def test_good_is_only_what_is_said_to_be_valid(status: str, state: SignatureState) -> None:
    assert signature_of(status).state is state


class Signed:
    """A repository whose commits are signed, read by Git and judged by GnuPG."""

    def __init__(self, repo: GitRepo, keys: Keys, folder: Path) -> None:
        self.repo, self._keys = repo, keys
        self.known: list[str] = []
        git = GitCli(folder / "kept", GitSettings(environment=os.environ))
        self.integrity = SourceIntegrity(git, git, GnuPGSignatures(), lambda: self.known)

    def commit(self, key: str, message: str = "change") -> str:
        self.repo.commit({"a": os.urandom(4).hex()}, message)
        if key:
            self._signed("commit", "--amend", "--no-edit", f"--gpg-sign={key}")
        return self.repo.git("rev-parse", "HEAD")

    def tag(self, name: str, key: str) -> None:
        self._signed("tag", "--message", "x", *(["-u", key] if key else ["--annotate"]), name)

    def _signed(self, *arguments: str) -> None:
        who = {f"GIT_{role}_{what}": "Ada" for role in ("AUTHOR", "COMMITTER")
               for what in ("NAME", "EMAIL")}  # fmt: skip
        subprocess.run(
            ["git", *arguments], cwd=self.repo.path, check=True, capture_output=True,
            env=self._keys.environment | who,
        )  # fmt: skip

    async def problems(
        self, revision: str, *keys: str, mode: IntegrityMode = IntegrityMode.HEAD
    ) -> list[str]:
        repository = Repository(self.repo.url)
        commit = self.repo.git("rev-parse", f"{revision}^{{commit}}")
        policy = IntegrityPolicy(mode, keys)
        found = await self.integrity.problems(repository, Asked(revision), commit, policy)
        return [line.partition(": ")[2].partition(" (")[0] for line in found]


@pytest.fixture
def web(tmp_path: Path, keys: Keys, ada: str) -> Signed:
    found = Signed(GitRepo(tmp_path / "web"), keys, tmp_path)
    found.known = [keys.public(ada)]
    return found


async def test_the_head(web: Signed, keys: Keys, ada: str, eve: str) -> None:
    web.commit("", "unsigned")
    assert await web.problems("main", ada) == ["unsigned"]
    assert await web.problems("main", ada, mode=IntegrityMode.NONE) == []
    commit = web.commit(ada, "signed")
    assert await web.problems("main", ada) == []
    assert await web.problems(commit, ada[-16:]) == []
    assert await web.problems("main", eve) == ["signed with unallowed key"]
    web.commit(eve, "by another")
    assert await web.problems("main", ada) == ["signed with key not in keyring"]
    web.known.append(keys.public(eve))
    assert await web.problems("main", ada) == ["signed with unallowed key"]


async def test_an_annotated_tag_vouches_for_its_commit(web: Signed, ada: str) -> None:
    commit = web.commit("")
    web.tag("v1", ada)
    web.tag("v2", "")
    web.repo.git("tag", "plain")
    assert await web.problems("v1", ada) == []
    assert await web.problems("refs/tags/v1", ada) == []
    assert await web.problems("v2", ada) == ["unsigned"]
    assert await web.problems("plain", ada) == ["unsigned"]
    assert await web.problems(commit, ada) == ["unsigned"]


async def test_strictly_all_of_history_counts(web: Signed, ada: str, eve: str) -> None:
    strict = IntegrityMode.STRICT
    web.commit("", "first")
    web.commit(ada)
    assert await web.problems("main", ada, mode=strict) == ["unsigned"]
    web.commit(ada, "seal\n\nArgocd-gpg-seal: all before is fine")
    web.commit(ada)
    assert await web.problems("main", ada, mode=strict) == []
    web.commit("", "seal\n\nArgocd-gpg-seal: not signed")
    web.commit(ada)
    assert await web.problems("main", ada, mode=strict) == ["unsigned"]
    web.commit(eve, "seal\n\nArgocd-gpg-seal: by nobody we know")
    # A broken seal is looked past, as far as the next one.
    told = await web.problems("main", ada, mode=strict)
    assert sorted(told) == ["signed with key not in keyring", "unsigned"]
    web.commit(ada, "seal\n\nArgocd-gpg-seal: again")
    web.tag("v1", ada)
    web.tag("v2", "")
    assert await web.problems("v1", ada, mode=strict) == []
    assert await web.problems("v2", ada, mode=strict) == ["unsigned"]

"""Which signatures are asked for, and what problems are called."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tiphys.core.source.integrity import described, policy_for, problems
from tiphys.model.appproject import (
    AppProjectSpec,
    SignatureKey,
    SourceIntegrity,
    SourceIntegrityGit,
    SourceIntegrityGitPolicy,
    SourceIntegrityGitPolicyGPG,
    SourceIntegrityGitPolicyRepo,
)
from tiphys.model.errors import RepositoryError
from tiphys.model.integrity import (
    IntegrityMode,
    IntegrityPolicy,
    Signature,
    SignatureState,
    SignedObject,
    Verified,
)

KEY = "D56C4FCA57A46444"
HEAD = IntegrityPolicy(IntegrityMode.HEAD, (KEY,))


def project(*policies: tuple[str, ...], mode: str = "head", **more: Any) -> AppProjectSpec:
    written = tuple(
        SourceIntegrityGitPolicy(
            repos=tuple(SourceIntegrityGitPolicyRepo(url=url) for url in urls),
            gpg=SourceIntegrityGitPolicyGPG(mode=mode, keys=(KEY,)),
        )
        for urls in policies
    )
    integrity = SourceIntegrity(git=SourceIntegrityGit(policies=written))
    return AppProjectSpec(source_integrity=integrity, **more)


@pytest.mark.parametrize(
    ("urls", "asked"),
    [
        (("*",), True),
        (("https://h/*",), True),
        (("https://H/*/web.git",), True),
        (("https://other/*",), False),
        (("*", "!https://h/a/*"), False),
        (("!https://h/a/*", "*"), False),
        (("*", "!https://other/*"), True),
        (("!https://other/*",), False),
        ((), False),
    ],
)
def test_which_repositories_a_policy_is_for(urls: tuple[str, ...], asked: bool) -> None:
    assert policy_for(project(urls), "https://h/a/b/web") == (HEAD if asked else None)


def test_two_policies_are_an_error() -> None:
    text = r"^multiple \(2\) git source integrity policies found for repo URL: https://h/r$"
    with pytest.raises(RepositoryError, match=text):
        policy_for(project(("*",), ("https://h/*",), ("x",)), "https://h/r")


def test_modes() -> None:
    found = policy_for(project(("*",), mode="strict"), "https://h/r")
    assert found is not None
    assert found.mode is IntegrityMode.STRICT
    with pytest.raises(RepositoryError, match="unknown source integrity mode 'loose'"):
        policy_for(project(("*",), mode="loose"), "https://h/r")


def test_old_keys_are_a_policy_for_all() -> None:
    old = AppProjectSpec(signature_keys=(SignatureKey(key_id=KEY),))
    assert policy_for(old, "https://h/r") == HEAD
    assert policy_for(AppProjectSpec(), "https://h/r") is None
    both = msgspec.structs.replace(old, source_integrity=project(("x",)).source_integrity)
    assert policy_for(both, "https://h/r") is None


def found(state: SignatureState, key: str = KEY, revision: str = "abc") -> Verified:
    return Verified(SignedObject(revision, "Ada <a@x>", b"", ""), Signature(state, key))


@pytest.mark.parametrize("listed", [KEY, KEY.lower(), f"0x{KEY}", f"AAAA{KEY}"])
def test_a_good_signature_of_a_listed_key(listed: str) -> None:
    policy = IntegrityPolicy(IntegrityMode.HEAD, (listed,))
    assert problems([found(SignatureState.GOOD)], policy) == ()


@pytest.mark.parametrize(
    ("state", "key", "word"),
    [
        (SignatureState.GOOD, "1111111111111111", "signed with unallowed key"),
        (SignatureState.UNSIGNED, "", "unsigned"),
        (SignatureState.BAD, KEY, "bad signature"),
        (SignatureState.EXPIRED, KEY, "expired signature"),
        (SignatureState.EXPIRED_KEY, KEY, "signed with expired key"),
        (SignatureState.REVOKED_KEY, KEY, "signed with revoked key"),
        (SignatureState.MISSING_KEY, KEY, "signed with key not in keyring"),
    ],
)
def test_problems_are_told_in_the_contract_s_words(
    state: SignatureState, key: str, word: str
) -> None:
    text = f"Failed verifying revision abc by 'Ada <a@x>': {word} (key_id={key})"
    assert problems([found(state, key)], HEAD) == (text,)


def test_one_problem_of_each_key_and_ten_in_all() -> None:
    same = [found(SignatureState.BAD, revision=str(number)) for number in range(3)]
    assert len(problems(same, HEAD)) == 1
    assert "revision 0 by" in problems(same, HEAD)[0]
    unsigned = [found(SignatureState.UNSIGNED, "", str(number)) for number in range(20)]
    assert len(problems(unsigned, HEAD)) == 10


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (SignatureState.UNSIGNED, "Revision is not signed."),
        (SignatureState.GOOD, f"Good signature from Ada <a@x> key {KEY}"),
        (SignatureState.BAD, f"Bad signature from Ada <a@x> key {KEY}"),
        (SignatureState.EXPIRED_KEY, f"Invalid signature from Ada <a@x> key {KEY}"),
    ],
)
def test_the_old_text(state: SignatureState, text: str) -> None:
    assert described(found(state)) == text

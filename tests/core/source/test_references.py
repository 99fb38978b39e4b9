"""Trailers that name another commit, and those that vouch for history."""

from __future__ import annotations

import pytest

from tiphys.core.source.references import is_sealed, references

WHOLE = r"""Signed-off-by: Ada <a@x>
Argocd-reference-commit-repourl: https://h/r
Argocd-reference-commit-author: Ada <a@x>
Argocd-reference-commit-date: 2026-01-02T03:04:05Z
Argocd-reference-commit-subject: Add: a thing
Argocd-reference-commit-body: "two\nlines"
ARGOCD-REFERENCE-COMMIT-SHA: 0123abc
Argocd-reference-commit-other: x"""


def test_a_whole_reference() -> None:
    assert references(WHOLE) == (
        {
            "repourl": "https://h/r",
            "author": "Ada <a@x>",
            "date": "2026-01-02T03:04:05Z",
            "subject": "Add: a thing",
            "body": "two\nlines",
            "sha": "0123abc",
        },
    )


@pytest.mark.parametrize(
    "line",
    [
        "sha: 0123",
        "sha: 0123ABC",
        "sha: " + "0" * 41,
        "date: yesterday",
        "date: 2026-01-02",
        "date: 2026-01-02T03:04:05",
        "body: no json",
        "body: 7",
        "body: " + "[" * 100_000,
        "author: ",
    ],
)
def test_a_field_that_is_none_is_left_out(line: str) -> None:
    assert references(f"Argocd-reference-commit-{line}") == ()
    assert references(f"Argocd-reference-commit-{line}\n{WHOLE}") == references(WHOLE)


def test_no_reference() -> None:
    assert references("sha: 0123abc\nSigned-off-by: x") == ()


@pytest.mark.parametrize(
    ("message", "sealed"),
    [
        ("subject\n\nArgocd-gpg-seal: all before is fine\n", True),
        ("subject\n\nbody\n\nSigned-off-by: x\nargocd-gpg-seal : y", True),
        ("subject\n\nArgocd-gpg-seal: early\n\nlast", False),
        ("subject\n\nArgocd-gpg-seal: in a\nsentence", False),
        ("subject\n\nArgocd-gpg-seal:", False),
        ("Argocd-gpg-seal: only a subject", False),
        ("subject", False),
        ("", False),
    ],
)
def test_a_seal(message: str, sealed: bool) -> None:
    assert is_sealed(message) == sealed

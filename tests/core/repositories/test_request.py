"""Repositories and templates as callers write them."""

from __future__ import annotations

from tiphys.core.repositories.request import asked_repository, asked_template


def test_a_repository() -> None:
    record = asked_repository(
        {
            "repo": " https://me:PW@git/a ",
            "password": "S3CRET",
            "githubAppID": 7,
            "insecure": True,
            "depth": 1,
            "project": "team",
        }
    )
    assert record.url == "https://me:PW@git/a"
    assert (record.github_app, record.insecure, record.depth) == (7, True, 1)
    assert (record.project, record.password) == ("team", "S3CRET")
    assert "S3CRET" not in repr(record)
    assert "PW" not in repr(record)


def test_a_query_spells_two_names_otherwise() -> None:
    record = asked_repository({"repo": "r", "enableOci": True, "insecureOciForceHttp": True})
    assert record.oci
    assert record.force_http
    assert asked_repository({"repo": "r", "enableOCI": True}).oci


def test_a_template_has_no_project() -> None:
    record = asked_template({"url": "https://git", "username": "u", "project": "team"})
    assert (record.url, record.username, record.project) == ("https://git", "u", "")

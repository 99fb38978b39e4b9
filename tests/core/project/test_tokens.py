"""Tokens of roles."""

from tests.core.project.build import app_project
from tiphys.core.project.tokens import claims, in_step, with_token, without_token
from tiphys.model.appproject import AppProject, AppProjectStatus, JWTToken


def test_spec_and_status_are_in_step() -> None:
    spec = app_project(
        roles=[{"name": "ci", "jwtTokens": [{"iat": 1}, {"iat": 5, "id": "x"}]}, {"name": "cd"}]
    ).spec
    status = AppProject.from_manifest(
        {
            "status": {
                "jwtTokensByRole": {
                    "ci": {"items": [{"iat": 5, "id": "x"}, {"iat": 9, "id": "y", "exp": 20}]},
                    "gone": {"items": [{"iat": 2}]},
                }
            }
        }
    ).status
    new_spec, new_status = in_step(spec, status)
    tokens = (
        JWTToken(iat=9, id="y", exp=20),
        JWTToken(iat=5, id="x"),
        JWTToken(iat=1, id="1"),
    )
    assert [role.jwt_tokens for role in new_spec.roles] == [tokens, ()]
    assert {name: one.items for name, one in new_status.jwt_tokens_by_role.items()} == {
        "ci": tokens,
        "cd": (),
    }


def test_claims() -> None:
    said = claims("team", "ci", JWTToken(iat=7, id="x"))
    assert said == {"iss": "argocd", "sub": "proj:team:ci", "nbf": 7, "iat": 7, "jti": "x"}
    assert claims("team", "ci", JWTToken(iat=7, id="x", exp=9))["exp"] == 9


def test_tokens_come_and_go() -> None:
    spec = app_project(roles=[{"name": "ci"}, {"name": "cd"}]).spec
    token = JWTToken(iat=7, id="x")
    spec, status = with_token(spec, AppProjectStatus(), "ci", token)
    assert [role.jwt_tokens for role in spec.roles] == [(token,), ()]
    assert status.jwt_tokens_by_role["ci"].items == (token,)
    spec, status = without_token(spec, status, "ci", token)
    assert [role.jwt_tokens for role in spec.roles] == [(), ()]
    assert status.jwt_tokens_by_role["ci"].items == ()

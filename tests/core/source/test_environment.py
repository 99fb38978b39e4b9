"""The build environment and its substitution."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiphys.core.source.environment import BuildContext, build_environment, substitute
from tiphys.model.source import ApplicationSource


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("plain", "plain"),
        ("$NAME-x", "web-x"),
        ("${NAME}x", "webx"),
        ("$NAMEx", ""),
        ("$UNKNOWN/${UNKNOWN}", "/"),
        ("$$NAME", "$NAME"),
        ("${$}", "$"),
        ("cost $", "cost $"),
        ("$.field", "$.field"),
        ("$1x", "x"),
        ("${}", ""),
        ("${NAME", "NAME"),
        ("${NAME:-x}", ""),
    ],
)
def test_substitution(text: str, result: str) -> None:
    assert substitute(text, {"NAME": "web"}) == result


@given(st.text().filter(lambda text: "$" not in text))
def test_a_text_without_dollars_stays(text: str) -> None:
    assert substitute(text, {"NAME": "web"}) == text


@given(st.text())
def test_doubled_dollars_give_the_text_back(text: str) -> None:
    assert substitute(text.replace("$", "$$"), {}) == text


def test_the_variables() -> None:
    source = ApplicationSource(repo_url="https://h/r", path="apps/web", target_revision="main")
    context = BuildContext("team_web", "demo", project="payments")
    assert build_environment(source, context, "0123456789" * 4) == {
        "ARGOCD_APP_NAME": "team_web",
        "ARGOCD_APP_NAMESPACE": "demo",
        "ARGOCD_APP_PROJECT_NAME": "payments",
        "ARGOCD_APP_REVISION": "0123456789" * 4,
        "ARGOCD_APP_REVISION_SHORT": "0123456",
        "ARGOCD_APP_REVISION_SHORT_8": "01234567",
        "ARGOCD_APP_SOURCE_REPO_URL": "https://h/r",
        "ARGOCD_APP_SOURCE_PATH": "apps/web",
        "ARGOCD_APP_SOURCE_TARGET_REVISION": "main",
    }


def test_the_application_s_own_name() -> None:
    assert BuildContext("team_web", "demo").name == "web"
    assert BuildContext("web", "demo").name == "web"

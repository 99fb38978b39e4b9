"""`$ref/path` in values files."""

from __future__ import annotations

from typing import Any

import pytest

from tiphys.core.source.environment import BuildContext
from tiphys.core.source.helm import referenced_names
from tiphys.core.source.options import options_for
from tiphys.core.source.refs import RefTree, ref_sources
from tiphys.model.errors import RenderError
from tiphys.model.render import MOUNT, HelmOptions, ToolKind
from tiphys.model.repository import Repository
from tiphys.model.source import ApplicationSource, ApplicationSourceHelm, HelmFileParameter

COMMIT = "a" * 40
OTHER = "b" * 40
VALUES = RefTree(Repository("https://h/values.git"), OTHER, "main")


def chart(*paths: str, url: str = "https://h/charts", **fields: Any) -> ApplicationSource:
    return ApplicationSource(
        repo_url=url,
        path="web",
        target_revision="v1",
        helm=ApplicationSourceHelm(value_files=paths),
        **fields,
    )


def files(source: ApplicationSource, **refs: RefTree) -> tuple[str, ...]:
    options = options_for(source, ToolKind.HELM, BuildContext("web", "demo"), COMMIT, None, refs)
    assert isinstance(options, HelmOptions)
    return options.value_files


def refused(source: ApplicationSource, **refs: RefTree) -> str:
    with pytest.raises(RenderError) as caught:
        files(source, **refs)
    return str(caught.value)


@pytest.mark.parametrize(
    ("path", "led"),
    [
        ("$values/prod.yaml", f"{MOUNT}values/prod.yaml"),
        ("$values/a/../$ARGOCD_APP_NAME.yaml", f"{MOUNT}values/web.yaml"),
        ("$values//env/*.yaml", f"{MOUNT}values/env/*.yaml"),
        ("$ARGOCD_APP_NAME/v.yaml", "web/v.yaml"),
        ("$ARGOCD_APP_NAME-x/v.yaml", "web-x/v.yaml"),
        ("${values}/v.yaml", "/v.yaml"),
        ("$$values/v.yaml", "$values/v.yaml"),
        ("env/$values/v.yaml", "env//v.yaml"),
    ],
)
def test_where_a_path_leads(path: str, led: str) -> None:
    assert files(chart(path), values=VALUES) == (led,)


def test_a_file_of_a_parameter_may_be_another_source_s() -> None:
    source = ApplicationSource(
        repo_url="https://h/charts",
        helm=ApplicationSourceHelm(
            file_parameters=(HelmFileParameter(name="cert", path="$values/ca.pem"),)
        ),
    )
    options = options_for(
        source, ToolKind.HELM, BuildContext("web", "demo"), COMMIT, None, {"values": VALUES}
    )
    assert isinstance(options, HelmOptions)
    assert options.file_parameters == (("cert", f"{MOUNT}values/ca.pem"),)


@pytest.mark.parametrize("path", ["$values/../x", "$values/a/../../x", "$values//../../etc/passwd"])
def test_no_path_leaves_the_other_source(path: str) -> None:
    assert refused(chart(path), values=VALUES) == (
        f"file '{path}' resolved to outside repository root: illegal filepath"
    )


@pytest.mark.parametrize("path", ["$values", "$values/", "$values/$UNKNOWN"])
def test_the_root_is_no_file(path: str) -> None:
    assert refused(chart(path), values=VALUES) == (
        "internal error: failed to resolve path. Check logs for more details"
    )


def test_without_any_ref() -> None:
    assert refused(chart("$values/x")) == (
        "source referenced \"$values\", but no source has a 'ref' field defined"
    )


def test_another_name() -> None:
    assert refused(chart("$other/x"), values=VALUES, base=VALUES) == (
        'source referenced "$other", which is not one of the available sources ($base, $values)'
    )


def test_a_chart_lends_nothing() -> None:
    lent = RefTree(Repository("https://h/index"), "1.0.0", "1.0.0", chart="x")
    assert refused(chart("$values/x"), values=lent) == (
        "source has a 'chart' field defined, but Helm charts are not yet not supported "
        "for 'ref' sources"
    )


def test_one_repository_at_two_revisions() -> None:
    again = RefTree(Repository("https://H/values"), COMMIT, "v2")
    assert refused(chart("$values/x", "$again/x"), values=VALUES, again=again) == (
        "cannot reference multiple revisions for the same repository "
        '($again references "v2" while $values references "main")'
    )
    same = RefTree(Repository("https://H/values"), OTHER, "main")
    assert len(files(chart("$values/x", "$same/x"), values=VALUES, same=same)) == 2


def test_the_source_s_own_repository_at_another_commit() -> None:
    own = chart("$values/x", url="https://h/values")
    assert refused(own, values=VALUES) == (
        "cannot reference a different revision of the same repository "
        f'($values references "main" which resolves to "{OTHER}" while the application '
        f'references "v1" which resolves to "{COMMIT}")'
    )
    here = RefTree(VALUES.repository, COMMIT, "main")
    assert files(own, values=here) == (f"{MOUNT}values/x",)


def test_a_chart_of_a_repository_has_no_commit_to_compare() -> None:
    own = chart("$values/x", url="https://h/values", chart="web")
    assert files(own, values=VALUES) == (f"{MOUNT}values/x",)


def test_which_names_a_source_reads() -> None:
    environment = {"ARGOCD_APP_NAME": "web"}
    source = chart("$values/x", "y", "$ARGOCD_APP_NAME/x", "$base/z")
    assert referenced_names(source, environment) == {"values", "base"}
    assert referenced_names(ApplicationSource(repo_url=""), environment) == set()


def test_the_sources_that_lend() -> None:
    one = ApplicationSource(repo_url="https://h/values", ref="values")
    assert ref_sources([chart(), one]) == {"values": one}


def test_a_name_has_plain_characters() -> None:
    with pytest.raises(RenderError) as caught:
        ref_sources([ApplicationSource(repo_url="", ref="a.b")])
    assert str(caught.value) == (
        "sources.ref a.b cannot contain any special characters except '_' and '-'"
    )


def test_a_name_is_given_once() -> None:
    one = ApplicationSource(repo_url="https://h/values", ref="values")
    with pytest.raises(RenderError) as caught:
        ref_sources([one, one])
    assert str(caught.value) == "invalid sources: multiple sources had the same `ref` key"

"""kustomize.buildOptions by an allow-list."""

from __future__ import annotations

import pytest

from tiphys.core.source.buildoptions import BuildOptions, parse_build_options
from tiphys.model.errors import RenderError


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("", BuildOptions()),
        ("--enable-helm", BuildOptions(enable_helm=True)),
        ("--enable-helm=TRUE", BuildOptions(enable_helm=True)),
        ("--enable-helm --enable-helm=false", BuildOptions()),
        ("--load-restrictor LoadRestrictionsNone", BuildOptions(unrestricted_files=True)),
        ("--load-restrictor=LoadRestrictionsNone", BuildOptions(unrestricted_files=True)),
        ("--load-restrictor LoadRestrictionsRootOnly", BuildOptions()),
        ("  --reorder\tlegacy\n", BuildOptions(reorder="legacy")),
        ("--reorder=none --enable-helm", BuildOptions(enable_helm=True, reorder="none")),
    ],
)
def test_what_is_known(text: str, options: BuildOptions) -> None:
    assert parse_build_options(text) == options


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("--enable-helm --helm-command ./evil.sh", "--helm-command"),
        ("--helm-command=./evil.sh", "--helm-command"),
        ("--enable-exec", "--enable-exec"),
        ("--enable-alpha-plugins", "--enable-alpha-plugins"),
        ("--network", "--network"),
        ("--mount type=bind", "--mount"),
        ("-o /etc/x", "-o"),
        ("--output=/etc/x", "--output"),
        ("--env SECRET", "--env"),
        ("-e SECRET", "-e"),
        ("--as-current-user", "--as-current-user"),
        ("--helm-debug", "--helm-debug"),
        ("../elsewhere", "../elsewhere"),
        ("--", "--"),
    ],
)
def test_anything_else_is_refused_by_its_name(text: str, name: str) -> None:
    with pytest.raises(RenderError) as caught:
        parse_build_options(text)
    assert str(caught.value) == (
        f"kustomize.buildOptions: {name} is not supported by this version of Tiphys"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("--enable-helm=perhaps", "--enable-helm does not take 'perhaps'"),
        ("--load-restrictor none", "--load-restrictor does not take 'none'"),
        ("--load-restrictor", "--load-restrictor needs a value"),
        ("--reorder up", "--reorder does not take 'up'"),
        ("--reorder", "--reorder needs a value"),
    ],
)
def test_a_value_that_is_none(text: str, said: str) -> None:
    with pytest.raises(RenderError) as caught:
        parse_build_options(text)
    assert str(caught.value) == f"kustomize.buildOptions: {said}"

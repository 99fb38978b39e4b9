"""How command lines are read, and what is said to wrong ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.proofs import proves
from tests.cli.world import World, app
from tiphys.cli.errors import UsageError
from tiphys.cli.flags import FlagNames, sort_words

NAMES = FlagNames({"yes": True, "out": False, "help": True}, {"y": "yes", "o": "out", "h": "help"})


@pytest.mark.parametrize(
    ("line", "flags", "words"),
    [
        ("a --out x b", [("out", "x")], ["a", "b"]),
        ("--out=x=y", [("out", "x=y")], []),
        ("--yes a", [("yes", "true")], ["a"]),
        ("--yes=false a", [("yes", "false")], ["a"]),
        ("-yo x", [("yes", "true"), ("out", "x")], []),
        ("-ox", [("out", "x")], []),
        ("-o=x", [("out", "x")], []),
        ("-o -", [("out", "-")], []),
        ("-- --yes", [], ["--yes"]),
        ("- a", [], ["-", "a"]),
    ],
)
def test_sorting(line: str, flags: list[tuple[str, str]], words: list[str]) -> None:
    found = sort_words(line.split(), NAMES)
    assert (list(found.flags), list(found.words)) == (flags, words)


def test_what_follows_the_first_word_can_be_left() -> None:
    found = sort_words(["-y", "sub", "--unknown"], NAMES, first_word_ends=True)
    assert found.words == ("sub", "--unknown")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--frobnicate", "unknown flag: --frobnicate"),
        ("--frobnicate=1", "unknown flag: --frobnicate"),
        ("-x", "unknown shorthand flag: 'x' in -x"),
        ("-yx", "unknown shorthand flag: 'x' in -yx"),
        ("--out", "flag needs an argument: --out"),
        ("-o", "flag needs an argument: 'o' in -o"),
    ],
)
def test_what_is_no_flag(line: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        sort_words(line.split(), NAMES)
    assert str(caught.value) == message


@given(st.lists(st.text(st.sampled_from("-=yoh a"), max_size=5)))
def test_every_line_is_sorted_or_refused(line: list[str]) -> None:
    try:
        found = sort_words(line, NAMES)
    except UsageError:
        return
    assert all(name in NAMES.long for name, _ in found.flags)


def test_unknown_flags_and_commands(world: World) -> None:
    ran = world.run("app", "list", "--frobnicate")
    assert (ran.code, ran.out, ran.err) == (1, "Error: unknown flag: --frobnicate\n", "")
    ran = world.run("frobnicate")
    assert (ran.code, ran.out) == (
        1,
        'Error: unknown command "frobnicate" for "argocd"\nRun \'argocd --help\' for usage.\n',
    )
    ran = world.run("app", "frobnicate", "a")
    assert ran.code == 1
    assert ran.out.startswith('Error: unknown command "frobnicate" for "argocd app"\n')


@pytest.mark.parametrize("line", [["app", "actions"], ["appset"]])
def test_commands_that_come_later_are_refused_by_name(world: World, line: list[str]) -> None:
    said = f"Error: {' '.join(line)} is not supported by this version of Tiphys\n"
    for words in (line, [*line, "x", "--flag"]):
        ran = world.run(*words, core=False)
        assert (ran.code, ran.out) == (1, said)


@proves("everywhere", "--kube-context")
def test_flags_may_stand_before_commands(world: World) -> None:
    world.seed(app("a"))
    ran = world.run("--core", "app", "--kube-context", "other", "list", "-o", "name", core=False)
    assert (ran.code, ran.out) == (0, "argocd/a\n")
    assert world.choices[-1].context == "other"


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--timeout=x", 'invalid argument "x" for "--timeout" flag: not a number from 0 on'),
        ("--timeout=-1", 'invalid argument "-1" for "--timeout" flag: not a number from 0 on'),
        ("--refresh=maybe", 'invalid argument "maybe" for "--refresh" flag: not a boolean'),
    ],
)
def test_bad_values(world: World, flag: str, message: str) -> None:
    ran = world.run("app", "get", "a", flag)
    assert (ran.code, ran.out) == (1, f"Error: {message}\n")


def test_the_contracts_name_needs_core(world: World) -> None:
    ran = world.run("app", "list", core=False)
    assert (ran.code, ran.fatal) == (1, "Argo CD server address unspecified")


@proves("everywhere", "--loglevel")
def test_ours_says_so_once(world: World) -> None:
    ran = world.run("app", "list", program="tiphys", core=False)
    assert ran.code == 0
    assert ran.err.count("core mode") == 1
    assert world.run("app", "list", program="tiphys").err == ""
    quiet = world.run("app", "list", "--loglevel", "warn", program="tiphys", core=False)
    assert quiet.err == ""


@proves("everywhere", "--logformat")
def test_lines_can_be_text(world: World) -> None:
    ran = world.run("app", "get", "nosuch", "--logformat", "text")
    assert ran.err.startswith('time="')
    assert ran.err.endswith(
        '" level=fatal msg="rpc error: code = PermissionDenied desc = permission denied"\n'
    )


def test_help(world: World) -> None:
    ran = world.run("--help", core=False)
    assert ran.code == 0
    assert "app " in ran.out
    assert world.run("app", "--help", core=False).code == 0
    assert world.run("app", core=False).code == 1
    ran = world.run("app", "wait", "-h", core=False)
    assert ran.code == 0
    assert "--degraded" in ran.out
    assert "--hydrated" not in ran.out


@proves("version", "--client", "--short")
def test_version(world: World) -> None:
    ran = world.run("version", "--client", "--short", core=False)
    assert ran.code == 0
    assert ran.out.startswith("argocd: v3.6.0+")
    assert len(ran.out.splitlines()) == 1
    assert len(world.run("version", "--client", core=False).out.splitlines()) > 1

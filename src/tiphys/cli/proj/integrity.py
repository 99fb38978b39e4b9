"""`proj source-integrity git policies`: which commits must be signed, and with which keys."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

from msgspec.structs import replace

from tiphys.cli.app.session import write
from tiphys.cli.command import Call, command
from tiphys.cli.errors import UsageError
from tiphys.cli.globals import commas, text, yes
from tiphys.cli.output import table
from tiphys.cli.ports import ProjectApi
from tiphys.cli.proj.session import change_spec, require_words, run_projects, tell
from tiphys.model.appproject import (
    AppProject,
    AppProjectSpec,
    SourceIntegrity,
    SourceIntegrityGit,
    SourceIntegrityGitPolicy,
    SourceIntegrityGitPolicyGPG,
    SourceIntegrityGitPolicyRepo,
)

_MODES = ("none", "head", "strict")
_YES = yes("yes", "Do not ask", "y")
_WHOLE = (
    commas("gpg-key", "Ids of the keys that are good"),
    text("gpg-mode", "What must be signed: none, head or strict"),
    commas("repo-url", "Repositories that it is for; globs, ! leaves out"),
)
_PARTS = (
    commas("add-gpg-key", "Ids of further keys"),
    commas("add-repo-url", "Further repositories"),
    commas("delete-gpg-key", "Ids of keys that are good no more"),
    commas("delete-repo-url", "Repositories that it is for no more"),
)

_Policies = list[SourceIntegrityGitPolicy]


@command("list", (), usage="PROJECT [flags]", summary="List the policies of a project.")
def list_command(call: Call) -> None:
    require_words(call, 1)

    async def verb(api: ProjectApi) -> None:
        project = await api.get(call.words[0])
        policies = _policies(project)
        if not policies:
            raise UsageError(_none(project.name))
        write(_shown(project.name, policies))

    run_projects(call, verb)


@command("add", _WHOLE, usage="PROJECT [flags]", summary="Add a policy for Git repositories.")
def add(call: Call) -> None:
    require_words(call, 1)
    policy = _changed(call, _policy(_mode(call), (), ()))
    if not policy.repos:
        _wrong("--repo-url is required")

    _store(call, lambda policies: [*policies, policy])


@command(
    "update",
    (*_WHOLE, *_PARTS, _YES),
    usage="PROJECT POLICY_ID [flags]",
    summary="Change a policy.",
)
def update(call: Call) -> None:
    require_words(call, 2)
    number = _number(call.words[1])
    takes = ("gpg-key", "repo-url", "delete-gpg-key", "delete-repo-url")
    if any(call.given(flag) for flag in takes):
        _ask(call, f"Are you sure you want to update policy {number} of project")

    def make(policies: _Policies) -> _Policies:
        _require(policies, number)
        policies[number] = _adjusted(call, _changed(call, policies[number]))
        return policies

    _store(call, make)


@command("delete", (_YES,), usage="PROJECT POLICY_ID... [flags]", summary="Delete policies.")
def delete(call: Call) -> None:
    if len(call.words) < 2:
        call.help_and_fail()
    numbers = {_number(word) for word in call.words[1:]}
    _ask(call, f"Are you sure you want to delete policies {', '.join(call.words[1:])} from project")

    def make(policies: _Policies) -> _Policies:
        for number in numbers:
            _require(policies, number)
        return [one for number, one in enumerate(policies) if number not in numbers]

    _store(call, make, show=False)


def _ask(call: Call, question: str) -> None:
    """Asked always, unless it is answered beforehand; anything but yes is no."""
    if call.yes("yes"):
        return
    write(f'{question} "{call.words[0]}"? [y/N] ')
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        _wrong("Aborted by user.")


def _store(call: Call, make: Callable[[_Policies], _Policies], *, show: bool = True) -> None:
    name = call.words[0]
    left: _Policies = []

    def of_project(project: AppProject) -> AppProjectSpec:
        nonlocal left
        left = make(list(_policies(project)))
        integrity = SourceIntegrity(git=SourceIntegrityGit(policies=tuple(left))) if left else None
        return replace(project.spec, source_integrity=integrity)

    async def verb(api: ProjectApi) -> None:
        await change_spec(api, name, of_project)
        if show:
            tell(_shown(name, left).rstrip("\n"))
            for warning in _warnings(left):
                tell(f"Warning: {warning}")

    run_projects(call, verb)


def _warnings(policies: _Policies) -> list[str]:
    """What is stored and does probably not do what was meant."""
    found = []
    for number, policy in enumerate(policies):
        if policy.gpg.mode != "none" and not policy.gpg.keys:
            found.append(f"policy {number} lists no key, so nothing passes it")
        if all(repo.url.startswith("!") for repo in policy.repos):
            found.append(f"policy {number} is for no repository")
    return found


def _policies(project: AppProject) -> tuple[SourceIntegrityGitPolicy, ...]:
    integrity = project.spec.source_integrity
    return integrity.git.policies if integrity else ()


def _policy(mode: str, keys: tuple[str, ...], urls: tuple[str, ...]) -> SourceIntegrityGitPolicy:
    return SourceIntegrityGitPolicy(
        repos=tuple(SourceIntegrityGitPolicyRepo(url=url) for url in urls),
        gpg=SourceIntegrityGitPolicyGPG(mode=mode, keys=keys),
    )


def _changed(call: Call, before: SourceIntegrityGitPolicy) -> SourceIntegrityGitPolicy:
    """What is given replaces what was there."""
    keys = call.parts("gpg-key") if call.given("gpg-key") else before.gpg.keys
    urls = tuple(repo.url for repo in before.repos)
    urls = call.parts("repo-url") if call.given("repo-url") else urls
    mode = _mode(call) if call.given("gpg-mode") else before.gpg.mode
    return _policy(mode, keys, urls)


def _adjusted(call: Call, before: SourceIntegrityGitPolicy) -> SourceIntegrityGitPolicy:
    keys = _moved(before.gpg.keys, call.parts("add-gpg-key"), call.parts("delete-gpg-key"))
    urls = _moved(
        tuple(repo.url for repo in before.repos),
        call.parts("add-repo-url"),
        call.parts("delete-repo-url"),
    )
    return _policy(before.gpg.mode, keys, urls)


def _moved(
    before: tuple[str, ...], more: tuple[str, ...], less: tuple[str, ...]
) -> tuple[str, ...]:
    for value in less:
        if value not in before:
            _wrong(f"{value} is not in the policy")
    kept = tuple(value for value in before if value not in less)
    return (*kept, *(value for value in more if value not in kept))


def _mode(call: Call) -> str:
    mode = call.text("gpg-mode")
    if mode not in _MODES:
        _wrong(f"--gpg-mode is one of {', '.join(_MODES)}, not '{mode}'")
    return mode


def _number(word: str) -> int:
    if not (word.isascii() and word.isdigit()):
        _wrong(f"POLICY_ID takes the number of a policy, not {word}")
    return int(word)


def _require(policies: _Policies, number: int) -> None:
    if number >= len(policies):
        _wrong(f"policy with id {number} not found")


def _none(project: str) -> str:
    return f'no source integrity git policies defined for project "{project}"'


def _shown(project: str, policies: tuple[SourceIntegrityGitPolicy, ...] | _Policies) -> str:
    if not policies:
        return f"{_none(project)}\n"
    rows = [
        (
            str(number),
            one.gpg.mode,
            ",".join(one.gpg.keys),
            ",".join(repo.url for repo in one.repos),
        )
        for number, one in enumerate(policies)
    ]
    return table([("ID", "GPG-MODE", "GPG-KEYS", "REPO-URLS"), *rows])


def _wrong(text: str) -> NoReturn:
    raise UsageError(text)

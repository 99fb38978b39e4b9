"""`admin settings rbac`, `admin initial-password` and `account bcrypt`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import bcrypt
import pytest
import yaml

from tests.cli.proofs import proves
from tiphys.adapters.passwords import hashed
from tiphys.cli.main import run
from tiphys.cli.ports import ClusterChoice
from tiphys.model.errors import ObjectNotFoundError

POLICY = """
p, alice, applications, get, team/*, allow
p, role:ops, exec, create, */*, allow
g, ops, role:ops
"""


class Desk:
    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capture = capture
        self.config_maps: dict[str, Mapping[str, str]] = {}
        self.secrets: dict[str, Mapping[str, str]] = {}
        self.choices: list[ClusterChoice] = []
        self.said = ""

    def file(self, content: str) -> str:
        path = self.folder / "policy"
        path.write_text(content)
        return f"--policy-file={path}"

    def run(self, *line: str) -> tuple[int, str]:
        """The exit code and standard output; what was logged is in `said`."""
        code = run("argocd", line, self)  # type: ignore[arg-type]
        captured = self._capture.readouterr()
        self.said = "\n".join(
            str(json.loads(line)["msg"]) for line in captured.err.splitlines() if line
        )
        return code, captured.out

    def can(self, *line: str) -> tuple[int, str]:
        return self.run("admin", "settings", "rbac", "can", *line)

    def validate(self, *line: str) -> tuple[int, str]:
        return self.run("admin", "settings", "rbac", "validate", *line)

    async def config_map(self, choice: ClusterChoice, name: str) -> Mapping[str, str]:
        return self._of(self.config_maps, choice, f'configmaps "{name}" not found', name)

    async def secret(self, choice: ClusterChoice, name: str) -> Mapping[str, str]:
        return self._of(self.secrets, choice, f'secrets "{name}" not found', name)

    def _of(
        self,
        known: Mapping[str, Mapping[str, str]],
        choice: ClusterChoice,
        missing: str,
        name: str,
    ) -> Mapping[str, str]:
        self.choices.append(choice)
        if name not in known:
            raise ObjectNotFoundError(missing, status=404)
        return known[name]

    def hashed(self, password: str) -> str:
        return hashed(password)


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


def test_as_it_was_recorded(desk: Desk) -> None:
    desk.config_maps["argocd-rbac-cm"] = {}
    line = ("role:admin", "get", "applications", "*/*", "--namespace", "argocd")
    assert desk.can(*line) == (0, "Yes\n")
    assert [choice.namespace for choice in desk.choices] == ["argocd"]


@proves("admin settings rbac can", "--policy-file", "--quiet")
@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("alice get applications team/app", "Yes"),
        ("alice get app team/app", "Yes"),
        ("alice get applications other/app", "No"),
        ("alice sync apps team/app", "No"),
        ("ops create exec", "Yes"),
        ("ops create exec *", "Yes"),
        ("ops create exec team/app", "Yes"),
        ("role:readonly get cert", "Yes"),
        ("role:readonly get projects", "Yes"),
        ("role:readonly get applications", "Yes"),
        ("role:admin action/apps/Deployment/restart applications team/app", "Yes"),
        ("role:admin delete/apps/Deployment/ns/x applications team/app", "Yes"),
        ("role:admin invoke extensions metrics", "No"),
        ("admin update accounts bob", "Yes"),
        ("bob get applications team/app", "No"),
    ],
)
def test_what_somebody_can(desk: Desk, line: str, answer: str) -> None:
    policy = desk.file(POLICY)
    assert desk.can(*line.split(), policy) == (0 if answer == "Yes" else 1, f"{answer}\n")
    assert desk.can(*line.split(), policy, "--quiet") == (0 if answer == "Yes" else 1, "")


@proves("admin settings rbac can", "--default-role")
@proves("admin settings rbac validate", "--policy-file")
def test_a_config_map_in_a_file(desk: Desk) -> None:
    data = {
        "policy.csv": "p, alice, ^logs$, ^get$, ^team/, allow",
        "policy.more.csv": "p, role:all, ^logs$, get, ^open/, allow",
        "policy.default": "role:all",
        "policy.matchMode": "regex",
    }
    policy = desk.file(yaml.safe_dump({"kind": "ConfigMap", "data": data}))
    assert desk.can("alice", "get", "logs", "team/x", policy) == (0, "Yes\n")
    assert desk.can("alice", "get", "logs", "x/team/x", policy) == (1, "No\n")
    assert desk.can("bob", "get", "logs", "open/x", policy) == (0, "Yes\n")
    other = ("bob", "get", "logs", "open/x", policy, "--default-role", "role:none")
    assert desk.can(*other) == (1, "No\n")
    assert desk.validate(policy) == (0, "Policy is valid.\n")


@proves("admin settings rbac can", "--use-builtin-policy")
def test_without_what_is_built_in(desk: Desk) -> None:
    policy = desk.file(POLICY)
    line = ("role:admin", "get", "applications", "team/x", policy)
    assert desk.can(*line, "--use-builtin-policy=false") == (1, "No\n")


@proves("admin settings rbac can", "--strict")
@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("alice get things x", "error in RBAC request: 'things' is not a valid resource name"),
        (
            "alice invoke apps x",
            "error in RBAC request: 'invoke' is not a valid action for applications",
        ),
    ],
)
def test_names_that_there_are_not(desk: Desk, line: str, text: str) -> None:
    policy = desk.file(POLICY)
    assert desk.can(*line.split(), policy) == (1, "")
    assert desk.said == text
    assert desk.can(*line.split(), policy, "--strict=false") == (1, "No\n")


def test_where_the_policy_comes_from_has_to_be_said_once(desk: Desk) -> None:
    text = "please provide exactly one of --policy-file or --namespace"
    for more in ((), (desk.file(POLICY), "--namespace=argocd")):
        assert desk.can("alice", "get", "applications", "x", *more) == (1, "")
        assert desk.said == text
        code, out = desk.validate(*more)
        assert (code, desk.said) == (1, text)
        assert out.startswith("Usage:")


@pytest.mark.parametrize("words", [[], ["a", "get"], ["a", "get", "apps", "x", "y"]])
def test_a_wrong_number_of_words(desk: Desk, words: list[str]) -> None:
    code, out = desk.can(*words, desk.file(POLICY))
    assert code == 1
    assert out.startswith("Usage:")


def test_rules_that_look_as_if_they_counted_for_a_group(desk: Desk) -> None:
    policy = desk.file("p, dev, logs, get, */*, allow")
    assert desk.can("dev", "get", "logs", "a/b", policy) == (0, "Yes\n")
    assert "for a group they count only beside a line 'g, dev, <role>'" in desk.said
    policy = desk.file("p, dev, logs, get, */*, allow\ng, dev, role:x")
    desk.can("dev", "get", "logs", "a/b", policy)
    assert desk.said == ""


def test_policies_that_cannot_be_read(desk: Desk) -> None:
    bad = desk.file("p, alice, applications")
    assert desk.validate(bad) == (
        1,
        "Policy is invalid: invalid RBAC policy: p, alice, applications\n",
    )
    assert desk.can("alice", "get", "applications", "x", bad) == (1, "")
    assert desk.said == ("could not set user policy: invalid RBAC policy: p, alice, applications")
    for empty in ("", "kind: ConfigMap"):
        assert desk.validate(desk.file(empty)) == (1, "")
        assert desk.said == "Policy is empty or could not be loaded."
    assert desk.validate(desk.file("data: {policy.csv: 5}"))[0] == 1
    assert "data holds something else than texts" in desk.said
    assert desk.validate(f"--policy-file={desk.folder}/absent")[0] == 1
    assert "no such file or directory" in desk.said
    assert desk.validate("more", desk.file(POLICY))[0] == 1
    assert desk.said == "too many arguments"


def test_policies_of_the_cluster(desk: Desk) -> None:
    assert desk.validate("--namespace=argocd") == (1, "")
    assert desk.said == 'could not get configmap: configmaps "argocd-rbac-cm" not found'
    desk.config_maps["argocd-rbac-cm"] = {"policy.csv": POLICY}
    assert desk.validate("--namespace=argocd") == (0, "Policy is valid.\n")
    assert desk.can("ops", "create", "exec", "--namespace=argocd") == (0, "Yes\n")


@pytest.mark.parametrize(
    "flag", ["--argocd-cm-path=x", "--argocd-secret-path=x", "--load-cluster-settings"]
)
def test_flags_of_settings_mean_nothing_for_policies(desk: Desk, flag: str) -> None:
    code, out = desk.validate(flag, desk.file(POLICY))
    assert code == 1
    assert "is not supported by this version of Tiphys" in out


def test_the_initial_password(desk: Desk) -> None:
    assert desk.run("admin", "initial-password", "-n", "argocd") == (20, "")
    assert desk.said == 'secrets "argocd-initial-admin-secret" not found'
    desk.secrets["argocd-initial-admin-secret"] = {"password": "s3cret-of-argocd"}
    assert desk.run("admin", "initial-password", "-n", "argocd") == (
        0,
        "s3cret-of-argocd\n\n This password must be only used for first time login. We strongly "
        "recommend you update the password using `argocd account update-password`.\n",
    )
    desk.secrets["argocd-initial-admin-secret"] = {}
    assert desk.run("admin", "initial-password")[0] == 20
    assert [choice.namespace for choice in desk.choices] == ["argocd", "argocd", ""]


@proves("account bcrypt", "--password")
def test_a_hash(desk: Desk) -> None:
    code, out = desk.run("account", "bcrypt", "--password", "a password")
    assert code == 0
    assert out.startswith("$2a$10$")
    assert bcrypt.checkpw(b"a password", out.encode())
    code, out = desk.run("account", "bcrypt")
    assert (code, out) == (1, 'Error: required flag(s) "password" not set\n')
    assert desk.run("account", "bcrypt", "--password", "x" * 73)[0] == 20
    assert "password length exceeds 72 bytes" in desk.said

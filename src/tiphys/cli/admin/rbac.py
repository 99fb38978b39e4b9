"""`admin settings rbac`: policies, tried before they are used."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, NoReturn

from tiphys.cli.admin.given import SETTINGS_FLAGS, admin_wiring
from tiphys.cli.app.session import cluster_choice, write
from tiphys.cli.command import Call, command, group
from tiphys.cli.errors import Ended, FatalError
from tiphys.cli.globals import ADMIN_KUBE_FLAGS, later, text, yes
from tiphys.cli.log import Level, log

if TYPE_CHECKING:
    from tiphys.core.rbac.lines import PolicyText

_HERE = "tiphys.cli.admin.rbac"
_CONFIG_MAP = "argocd-rbac-cm"
_ONE_OF = "please provide exactly one of --policy-file or --namespace"

rbac = group(
    "rbac",
    {
        "can": (f"{_HERE}:can", "Say whether a role or subject may do something"),
        "validate": (f"{_HERE}:validate", "Say whether a policy can be read"),
    },
    "Try policies before they are used.",
)

_FLAGS = (
    *ADMIN_KUBE_FLAGS,
    text("policy-file", "A file with the policy: its lines, or the ConfigMap"),
    # Of the group, and without a meaning for policies.
    *(later(flag.name, flag.kind) for flag in SETTINGS_FLAGS),
)


@command(
    "can",
    (
        *_FLAGS,
        text("default-role", "The role that everybody has"),
        yes("quiet", "Say nothing, and answer by the exit code", "q"),
        yes("strict", "Refuse resources and actions that there are not", default=True),
        yes("use-builtin-policy", "Count what is built in as well", default=True),
    ),
    usage="ROLE/SUBJECT ACTION RESOURCE [SUB-RESOURCE] [flags]",
    summary="Say whether a role or subject may do something.",
)
def can(call: Call) -> None:
    if len(call.words) not in (3, 4):
        call.help_and_fail()
    allowed = _allowed(call, _policy_data(call))
    if not call.yes("quiet"):
        write("Yes\n" if allowed else "No\n")
    if not allowed:
        raise Ended(1)


@command(
    "validate",
    _FLAGS,
    usage="[--policy-file POLICYFILE] [--namespace NAMESPACE] [flags]",
    summary="Say whether a policy can be read.",
)
def validate(call: Call) -> None:
    from tiphys.core.rbac.errors import PolicyError
    from tiphys.core.rbac.lines import parse, policy_text

    if call.words:
        write(call.help)
        _fail("too many arguments")
    if call.given("namespace") == call.given("policy-file"):
        write(call.help)
    policy = policy_text(_policy_data(call).items())
    if not policy.strip():
        _fail("Policy is empty or could not be loaded.")
    try:
        parse(policy)
    except PolicyError as error:
        write(f"Policy is invalid: {error}\n")
        raise Ended(1) from None
    write("Policy is valid.\n")


def _allowed(call: Call, data: Mapping[str, str]) -> bool:
    from tiphys.core.rbac.builtin import BUILTIN
    from tiphys.core.rbac.deciding import Grounds, Question, allowed
    from tiphys.core.rbac.lines import PolicyText
    from tiphys.core.rbac.names import resource_called, whole
    from tiphys.core.rbac.patterns import MatchMode
    from tiphys.core.rbac.policies import Policies
    from tiphys.model.access import Caller

    subject, action, resource, *more = call.words
    resource = resource_called(resource)
    _check_names(call, resource, action)
    policy = _parsed(data)
    if not call.yes("quiet"):
        _warn_of_groups(call, subject, policy)
    builtin = BUILTIN if call.yes("use-builtin-policy") else PolicyText()
    regex = data.get("policy.matchMode") == MatchMode.REGEX.value
    policies = Policies(
        PolicyText(builtin.rules + policy.rules, builtin.grants + policy.grants),
        MatchMode.REGEX if regex else MatchMode.GLOB,
    )
    default_role = call.text("default-role") or data.get("policy.default", "")
    question = Question(resource, action, whole(resource, more[0] if more else ""))
    return allowed(question, Caller({"sub": subject}), Grounds(policies, default_role), None)


def _check_names(call: Call, resource: str, action: str) -> None:
    from tiphys.core.rbac.names import RESOURCES, is_action_of

    if not call.yes("strict"):
        return
    if resource not in RESOURCES:
        _fail(f"error in RBAC request: '{resource}' is not a valid resource name")
    if not is_action_of(resource, action):
        _fail(f"error in RBAC request: '{action}' is not a valid action for {resource}")


def _warn_of_groups(call: Call, subject: str, policy: PolicyText) -> None:
    """Of what looks as if it counted for a group, and does not."""
    has_rules = any(rule.subject == subject for rule in policy.rules)
    is_granted = any(grant.member == subject for grant in policy.grants)
    if has_rules and not is_granted and not subject.startswith(("role:", "proj:")):
        log(
            Level.WARN,
            f"rules for {subject} count where it is a user; for a group they count only "
            f"beside a line 'g, {subject}, <role>'",
            form=call.text("logformat"),
        )


def _parsed(data: Mapping[str, str]) -> PolicyText:
    from tiphys.core.rbac.errors import PolicyError
    from tiphys.core.rbac.lines import parse, policy_text

    try:
        return parse(policy_text(data.items()))
    except PolicyError as error:
        _fail(f"could not set user policy: {error}")


def _policy_data(call: Call) -> Mapping[str, str]:
    """The data of argocd-rbac-cm, from a file or from the cluster."""
    if call.given("namespace") == call.given("policy-file"):
        _fail(_ONE_OF)
    if not call.given("policy-file"):
        return asyncio.run(_of_cluster(call))
    return _of_file(call.text("policy-file"))


async def _of_cluster(call: Call) -> Mapping[str, str]:
    from tiphys.model.errors import KubeError

    try:
        return await admin_wiring(call).config_map(cluster_choice(call), _CONFIG_MAP)
    except KubeError as error:
        _fail(f"could not get configmap: {error}")


def _of_file(path: str) -> Mapping[str, str]:
    """What is no ConfigMap is the lines of a policy."""
    from pathlib import Path

    import yaml

    try:
        content = Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror or "").lower() if isinstance(error, OSError) else "is no text"
        _fail(f"could not read policy file: open {path}: {reason}")
    try:
        found = yaml.safe_load(content)
    except yaml.YAMLError:
        found = None
    if not isinstance(found, dict):
        return {"policy.csv": content}
    data = found.get("data") or {}
    if not isinstance(data, dict) or not all(isinstance(one, str) for one in data.values()):
        _fail(f"{path}: data holds something else than texts")
    return data


def _fail(message: str) -> NoReturn:
    raise FatalError(message, code=1)

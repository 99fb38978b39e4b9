"""`proj add-destination-service-account` and its opposite."""

from __future__ import annotations

from msgspec.structs import replace

from tiphys.cli.command import Call, command
from tiphys.cli.globals import text
from tiphys.cli.proj.session import change, require_words, wrong
from tiphys.model.appproject import (
    ApplicationDestinationServiceAccount,
    AppProject,
    AppProjectSpec,
)

_USAGE = "PROJECT SERVER NAMESPACE SERVICE_ACCOUNT [flags]"


@command(
    "add-destination-service-account",
    (text("service-account-namespace", "The account's namespace, where it is another one"),),
    usage=_USAGE,
    summary="Act as a service account at a destination.",
)
def add(call: Call) -> None:
    require_words(call, 4)
    namespace = call.text("service-account-namespace")
    account = f"{namespace}:{call.words[3]}" if namespace else call.words[3]
    entry = _entry(call, account)

    def make(project: AppProject) -> AppProjectSpec:
        known = project.spec.destination_service_accounts
        if any((one.server, one.namespace) == (entry.server, entry.namespace) for one in known):
            raise wrong("Specified destination service account is already defined in project")
        return replace(project.spec, destination_service_accounts=(*known, entry))

    change(call, make)


@command(
    "remove-destination-service-account",
    (),
    usage=_USAGE,
    summary="Act as a service account no more.",
)
def remove(call: Call) -> None:
    require_words(call, 4)
    entry = _entry(call, call.words[3])

    def make(project: AppProject) -> AppProjectSpec:
        known = project.spec.destination_service_accounts
        if entry not in known:
            raise wrong("Specified destination service account does not exist in project")
        left = tuple(one for one in known if one != entry)
        return replace(project.spec, destination_service_accounts=left)

    change(call, make)


def _entry(call: Call, account: str) -> ApplicationDestinationServiceAccount:
    return ApplicationDestinationServiceAccount(
        server=call.words[1], namespace=call.words[2], default_service_account=account
    )

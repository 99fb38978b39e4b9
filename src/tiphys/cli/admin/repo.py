"""`admin repo`: repositories as files."""

from __future__ import annotations

import base64

from tiphys.cli.app.session import check_output, write
from tiphys.cli.command import Call, command, group
from tiphys.cli.globals import text
from tiphys.cli.output import to_json, to_yaml
from tiphys.cli.repo.flags import REPOSITORY_FLAGS, repository_record, with_password

repo = group(
    "repo",
    {"generate-spec": ("tiphys.cli.admin.repo:generate_spec", "Print a repository's Secret")},
    "Work on repositories",
)


@command(
    "generate-spec",
    (*REPOSITORY_FLAGS, text("output", "json or yaml", "o", "yaml")),
    usage="REPOURL [flags]",
    summary="Print the Secret of a repository.",
)
def generate_spec(call: Call) -> None:
    from tiphys.core.repositories.record import SecretType
    from tiphys.core.repositories.writing import new_secret

    if len(call.words) != 1:
        call.help_and_fail()
    check_output(call.text("output"), ("json", "yaml"))
    secret = dict(new_secret(with_password(repository_record(call)), SecretType.REPOSITORY, ""))
    texts = {key: base64.b64decode(one).decode() for key, one in secret.pop("data").items()}
    metadata = {key: one for key, one in secret["metadata"].items() if key != "namespace"}
    shown = {**secret, "metadata": metadata, "stringData": texts}
    write(to_json(shown) + "\n" if call.text("output") == "json" else to_yaml(shown))

"""Lists of texts in a project: repositories, namespaces of applications, signature keys."""

from __future__ import annotations

from msgspec.structs import replace

from tiphys.cli.app.session import write
from tiphys.cli.command import Call, command
from tiphys.cli.proj.session import change, require_words, wrong
from tiphys.cli.proj.specflags import signature_key
from tiphys.core.source.url import normal_form
from tiphys.model.appproject import AppProject, AppProjectSpec, SignatureKey


@command("add-source", (), usage="PROJECT URL [flags]", summary="Allow a repository.")
def add_source(call: Call) -> None:
    require_words(call, 2)
    url = call.words[1]

    def make(project: AppProject) -> AppProjectSpec | None:
        known = project.spec.source_repos
        if found := next((one for one in known if normal_form(one) == normal_form(url)), ""):
            write(f"Source repository '{found}' already allowed in project\n")
            return None
        return replace(project.spec, source_repos=(*known, url))

    change(call, make)


@command("remove-source", (), usage="PROJECT URL [flags]", summary="Allow a repository no more.")
def remove_source(call: Call) -> None:
    require_words(call, 2)
    url = call.words[1]

    def make(project: AppProject) -> AppProjectSpec | None:
        known = project.spec.source_repos
        left = tuple(one for one in known if normal_form(one) != normal_form(url))
        if left == known:
            write(f"Source repository '{url}' does not exist in project\n")
            return None
        return replace(project.spec, source_repos=left)

    change(call, make)


@command(
    "add-source-namespace",
    (),
    usage="PROJECT NAMESPACE [flags]",
    summary="Allow a namespace for applications.",
)
def add_source_namespace(call: Call) -> None:
    require_words(call, 2)
    namespace = call.words[1]

    def make(project: AppProject) -> AppProjectSpec | None:
        known = project.spec.source_namespaces
        if namespace in known:
            write(f"Source namespace '{namespace}' already allowed in project\n")
            return None
        return replace(project.spec, source_namespaces=(*known, namespace))

    change(call, make)


@command(
    "remove-source-namespace",
    (),
    usage="PROJECT NAMESPACE [flags]",
    summary="Allow a namespace no more.",
)
def remove_source_namespace(call: Call) -> None:
    require_words(call, 2)
    namespace = call.words[1]

    def make(project: AppProject) -> AppProjectSpec | None:
        known = project.spec.source_namespaces
        if namespace not in known:
            write(f"Source namespace '{namespace}' does not exist in project\n")
            return None
        left = tuple(one for one in known if one != namespace)
        return replace(project.spec, source_namespaces=left)

    change(call, make)


@command("add-signature-key", (), usage="PROJECT KEY-ID [flags]", summary="Allow a signature key.")
def add_signature_key(call: Call) -> None:
    require_words(call, 2)
    key = SignatureKey(key_id=signature_key(call.words[1]))

    def make(project: AppProject) -> AppProjectSpec | None:
        known = project.spec.signature_keys
        if key in known:
            raise wrong("Specified signature key is already defined in project")
        return replace(project.spec, signature_keys=(*known, key))

    change(call, make)


@command(
    "remove-signature-key",
    (),
    usage="PROJECT KEY-ID [flags]",
    summary="Allow a signature key no more.",
)
def remove_signature_key(call: Call) -> None:
    require_words(call, 2)
    key = SignatureKey(key_id=signature_key(call.words[1]))

    def make(project: AppProject) -> AppProjectSpec | None:
        known = project.spec.signature_keys
        if key not in known:
            raise wrong("Specified signature key is not configured for project")
        left = tuple(one for one in known if one != key)
        return replace(project.spec, signature_keys=left)

    change(call, make)

"""What a project's renders may use beside their sources, as repositories know it."""

from __future__ import annotations

from typing import Any

from tests.core.repositories.secrets import secret, template
from tests.fakes.kube import CONFIG_MAPS, SECRETS
from tiphys.core.project import EffectiveProject, effective_project
from tiphys.model.appproject import AppProject
from tiphys.model.live import ObjectList
from tiphys.services.render.job import Signed, ToolSettings
from tiphys.services.render.several import surroundings_of
from tiphys.services.repositories.registry import KnownRepositories

KEY = "-----BEGIN PGP PUBLIC KEY BLOCK-----"


def project(**spec: Any) -> EffectiveProject:
    manifest = {"metadata": {"name": "team"}, "spec": {"sourceRepos": ["https://h/*"], **spec}}
    return effective_project(AppProject(manifest), (), lambda _name: None, ())


def repositories() -> KnownRepositories:
    known = KnownRepositories()
    secrets = (
        secret("a", url="https://h/all"),
        secret("b", url="https://h/other", project="other"),
        secret("c", url="https://elsewhere/x"),
        template("t", url="https://h", password="p"),
    )
    known.replaced(SECRETS, ObjectList(secrets, "1"))
    keys = {"metadata": {"name": "argocd-gpg-keys-cm"}, "data": {"A" * 16: KEY}}
    hosts = {"metadata": {"name": "argocd-tls-certs-cm"}, "data": {"h": "PEM"}}
    known.config_maps.replaced(CONFIG_MAPS, ObjectList((keys, hosts), "1"))
    return known


def test_only_what_the_project_permits() -> None:
    found = surroundings_of(project(), ToolSettings(), repositories())
    assert [one.url for one in found.repositories] == ["https://h/all"]
    assert [one.like.url for one in found.templates] == ["https://h"]
    assert found.certificates == {"h": "PEM"}
    assert found.signed == Signed()


def test_keys_go_along_where_signatures_are_asked_for() -> None:
    asked = project(signatureKeys=[{"keyID": "A" * 16}])
    signed = surroundings_of(asked, ToolSettings(), repositories()).signed
    assert [one.key_id for one in signed.keys] == ["A" * 16]
    assert signed.keyring == (KEY,)
    policies = project(sourceIntegrity={"git": {"policies": []}})
    signed = surroundings_of(policies, ToolSettings(), repositories()).signed
    assert (signed.keys, signed.keyring) == ((), (KEY,))
    assert signed.policies is not None

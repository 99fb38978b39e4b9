"""Commands on a server of the API: what they ask of it, and what they make of its answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.proofs import proves
from tests.cli.test_login import token
from tests.cli.world import REPO, Ran, World, app, guestbook, project
from tests.fakes.remote import Answer
from tiphys.model.errors import ApiCode, ApiError
from tiphys.model.version import SHOWN

APPS = "application.ApplicationService/"
PROJECTS = "project.ProjectService/"
CLUSTERS = "cluster.ClusterService/"
REPOS = "repository.RepositoryService/"
ACCOUNTS = "account.AccountService/"
SETTINGS = "cluster.SettingsService/Get"
SERVER = ("--server", "localhost:18080", "--plaintext")
_DATA = Path(__file__).parent / "data"


def run(world: World, *line: str) -> Ran:
    return world.run(*line, *SERVER, core=False)


def data(name: str) -> Any:
    return json.loads((_DATA / f"{name}.json").read_text())


@pytest.fixture
def served(world: World) -> World:
    """A server that has the application `guestbook`."""
    bare = {key: part for key, part in guestbook().items() if key not in ("kind", "apiVersion")}
    tree = data("tree")
    answers: Mapping[str, Answer] = {
        APPS + "Get": bare,
        APPS + "List": {"items": [bare]},
        APPS + "ResourceTree": tree,
        APPS + "ManagedResources": data("managed"),
        PROJECTS + "Get": project(),
        SETTINGS: {},
    }
    world.remote.answers.update(answers)
    return world


class TestReading:
    def test_get(self, served: World) -> None:
        ran = run(served, "app", "get", "guestbook", "--show-operation")
        lines = ran.out.splitlines()
        assert lines[:10] == [
            "Name:               argocd/guestbook",
            "Project:            default",
            "Server:             https://kubernetes.default.svc",
            "Namespace:          demo",
            "URL:                http://localhost:18080/applications/guestbook",
            "Source:",
            "- Repo:             http://127.0.0.1:9181/examples.git",
            "  Target:           ",
            "  Path:             guestbook",
            "SyncWindow:         Sync Allowed",
        ]
        assert (ran.code, ran.err) == (0, "")
        assert served.remote.methods() == ["Get", "Get", "Get"]
        assert [method for method, _ in served.remote.asked] == [
            APPS + "Get", PROJECTS + "Get", SETTINGS,
        ]  # fmt: skip

    def test_the_settings_say_where_the_ui_is(self, served: World) -> None:
        served.remote.answers[SETTINGS] = {"url": "https://cd.example.com"}
        out = run(served, "app", "get", "guestbook").out
        assert "URL:                https://cd.example.com/applications/guestbook\n" in out

    def test_refresh(self, served: World) -> None:
        run(served, "app", "get", "team/guestbook", "--refresh")
        asked = served.remote.asked[0][1]
        assert (asked["name"], asked["appNamespace"]) == ("guestbook", "team")
        assert asked["refresh"] == "normal"
        run(served, "app", "get", "guestbook", "--refresh", "--hard-refresh", "-N", "x")
        kinds = [request.get("refresh") for _, request in served.remote.asked]
        assert [kind for kind in kinds if kind] == ["normal", "hard"]

    def test_json_has_no_kind(self, served: World) -> None:
        found = json.loads(run(served, "app", "get", "guestbook", "-o", "json").out)
        assert list(found) == ["metadata", "spec", "status"]

    def test_missing(self, world: World) -> None:
        ran = run(world, "app", "get", "nosuch")
        assert (ran.code, ran.fatal) == (
            20, "rpc error: code = PermissionDenied desc = permission denied",
        )  # fmt: skip

    def test_list(self, served: World) -> None:
        ran = run(served, "app", "list", "-l", "a=b", "-N", "team", "-o", "name")
        assert ran == Ran(0, "argocd/guestbook\n", "")
        assert served.remote.request("List") == {"selector": "a=b", "appNamespace": "team"}
        served.remote.answers[APPS + "List"] = {}
        assert run(served, "app", "list", "-o", "json").out == "[]\n"

    def test_tree(self, served: World) -> None:
        out = run(served, "app", "get", "guestbook", "-o", "tree").out
        assert "\nDeployment/guestbook-ui " in out
        assert "└─ReplicaSet/guestbook-ui-68b6dff9cb" in out
        assert "└─Pod/guestbook-ui-68b6dff9cb-4jzcb" in out

    def test_resources(self, served: World) -> None:
        out = run(served, "app", "resources", "guestbook").out.splitlines()
        assert out[0] == "GROUP  KIND        NAMESPACE  NAME              ORPHANED"
        assert sorted(out[1:]) == [
            "       Secret      demo       guestbook-secret  No",
            "       Service     demo       guestbook-ui      No",
            "apps   Deployment  demo       guestbook-ui      No",
        ]

    def test_manifests(self, served: World) -> None:
        out = run(served, "app", "manifests", "guestbook").out
        assert out.startswith(
            "---\napiVersion: v1\ndata:\n  password: ++++++++\nkind: Secret\nmetadata:\n"
            "  annotations:\n"
            "    argocd.argoproj.io/tracking-id: guestbook:/Secret:demo/guestbook-secret\n"
        )
        assert out.count("---\n") == 3
        assert (
            run(served, "app", "manifests", "guestbook", "--source", "live").out.count("uid: ") == 3
        )
        served.remote.answers[APPS + "GetManifests"] = {
            "manifests": ['{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"}}']
        }
        out = run(served, "app", "manifests", "guestbook", "--revision", "v1").out
        assert out == "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n\n"
        assert served.remote.request("GetManifests")["revision"] == "v1"

    def test_history(self, served: World) -> None:
        out = run(served, "app", "history", "guestbook").out
        assert out.startswith("SOURCE  http://127.0.0.1:9181/examples.git\nID")

    def test_live_objects(self, served: World) -> None:
        live = '{"kind":"Service","metadata":{"name":"guestbook-ui"},"spec":{"port":80}}'
        served.remote.answers[APPS + "GetResource"] = {"manifest": live}
        ran = run(served, "app", "get-resource", "guestbook", "--kind", "Service", "-o", "yaml")
        assert "port: 80" in ran.out
        assert served.remote.request("GetResource") == {
            "name": "guestbook", "appNamespace": "argocd", "namespace": "demo", "kind": "Service",
            "resourceName": "guestbook-ui", "version": "v1", "group": "", "project": "default",
        }  # fmt: skip
        served.remote.answers[APPS + "PatchResource"] = {"manifest": live}
        line = ("guestbook", "--kind", "Service", "--patch", '{"a":1}')
        assert run(served, "app", "patch-resource", *line).code == 0
        asked = served.remote.request("PatchResource")
        assert (asked["patch"], asked["patchType"]) == (
            '{"a": 1}', "application/merge-patch+json",
        )  # fmt: skip
        served.remote.answers[APPS + "DeleteResource"] = {}
        assert run(served, "app", "delete-resource", *line[:3], "--orphan").code == 0
        asked = served.remote.request("DeleteResource")
        assert (asked["orphan"], asked["force"]) == (True, False)


class TestDiff:
    def test_nothing_differs(self, served: World) -> None:
        assert run(served, "app", "diff", "guestbook") == Ran(0, "", "")

    def test_what_the_server_calls_modified(self, served: World) -> None:
        found = data("managed")
        service = next(one for one in found["items"] if one["kind"] == "Service")
        predicted = json.loads(service["predictedLiveState"])
        predicted["spec"]["ports"][0]["port"] = 81
        service |= {"predictedLiveState": json.dumps(predicted), "modified": True}
        served.remote.answers[APPS + "ManagedResources"] = found
        ran = run(served, "app", "diff", "guestbook")
        assert ran.code == 1
        assert ran.out.startswith("\n===== /Service demo/guestbook-ui ======\n")
        assert "<   - port: 80\n---\n>   - port: 81\n" in ran.out
        assert run(served, "app", "diff", "guestbook", "--exit-code=false").code == 0

    def test_another_revision(self, served: World) -> None:
        """Defaults that came of the last one are no differences."""
        targets = [json.loads(one["targetState"]) for one in data("managed")["items"]]
        for target in targets:
            del target["metadata"]["annotations"]
            if target["kind"] == "Deployment":
                target["spec"]["template"]["spec"]["containers"][0]["image"] = "new:2"
        service = next(one for one in targets if one["kind"] == "Service")
        targets.remove(service)
        targets.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "more"}})
        served.remote.answers[APPS + "GetManifests"] = {"manifests": list(map(json.dumps, targets))}
        ran = run(served, "app", "diff", "guestbook", "--revision", "next")
        assert ran.code == 1
        sections = [line for line in ran.out.splitlines() if line.startswith("=====")]
        assert sections == [
            "===== /ConfigMap demo/more ======",
            "===== /Service demo/guestbook-ui ======",
            "===== apps/Deployment demo/guestbook-ui ======",
        ]
        image = ran.out.partition("apps/Deployment")[2]
        assert [line for line in image.splitlines() if line[:1] in "<>"] == [
            "<       - image: registry.example.com/guestbook:v1",
            ">       - image: new:2",
        ]

    def test_server_side(self, served: World) -> None:
        def judged(request: Mapping[str, Any]) -> Mapping[str, Any]:
            items = [
                {**one, "targetState": one["liveState"], "modified": False}
                for one in request["liveResources"]
            ]
            return {"items": items, "modified": False}

        served.remote.answers[APPS + "ServerSideDiff"] = judged
        line = ("app", "diff", "guestbook", "--server-side-diff")
        assert run(served, *line).code == 0
        asked = served.remote.request("ServerSideDiff")
        assert len(asked["liveResources"]) == len(asked["targetManifests"]) == 3
        before = served.remote.methods().count("ServerSideDiff")
        run(served, *line, "--server-side-diff-max-batch-kb", "1")
        assert served.remote.methods().count("ServerSideDiff") - before == 3

    def test_a_folder_for_the_server(self, served: World, tmp_path: Path) -> None:
        (tmp_path / "a.yaml").write_text("a: 1")
        (tmp_path / "b.txt").write_text("no")
        served.remote.answers[APPS + "GetManifestsWithFiles"] = {}
        line = ("app", "diff", "guestbook", "--local", str(tmp_path), "--server-side-generate")
        assert run(served, *line).code == 1
        parts = [one for method, one in served.remote.asked if "WithFiles" in method]
        assert parts[0]["query"]["name"] == "guestbook"
        assert len(parts[0]["query"]["checksum"]) == 64
        assert all("chunk" in one for one in parts[1:])


class TestChanging:
    def test_create(self, world: World) -> None:
        made = app("guestbook")
        world.remote.answers[APPS + "Create"] = made
        where = ("--dest-server", "https://kubernetes.default.svc", "--dest-namespace", "demo")
        line = ("app", "create", "guestbook", "--repo", REPO, "--path", "guestbook", *where)
        assert run(world, *line) == Ran(0, "application 'guestbook' created\n", "")
        assert world.remote.methods() == ["Get", "Create"]
        asked = world.remote.request("Create")
        assert (asked["upsert"], asked["validate"]) == (False, True)
        assert asked["application"]["spec"]["source"] == {"repoURL": REPO, "path": "guestbook"}
        world.remote.answers[APPS + "Get"] = made
        assert "unchanged" in run(world, *line, "--upsert").out
        world.remote.answers[APPS + "Create"] = ApiError(
            ApiCode.INVALID_ARGUMENT,
            "existing application spec is different, use upsert flag to force update",
        )
        assert run(world, *line).fatal == (
            "rpc error: code = InvalidArgument desc = existing application spec is different, "
            "use upsert flag to force update"
        )

    def test_set(self, served: World) -> None:
        served.remote.answers[APPS + "UpdateSpec"] = guestbook()["spec"]
        assert run(served, "app", "set", "guestbook", "--revision", "v2") == Ran(0, "", "")
        asked = served.remote.request("UpdateSpec")
        assert asked["spec"]["source"]["targetRevision"] == "v2"
        assert asked["validate"] is True

    def test_patch(self, served: World) -> None:
        served.remote.answers[APPS + "Patch"] = app("guestbook")
        line = ("app", "patch", "guestbook", "--patch", '{"a":1}', "--type", "merge")
        assert run(served, *line).out.startswith("metadata:\n")
        asked = served.remote.request("Patch")
        assert (asked["patch"], asked["patchType"]) == ('{"a": 1}', "merge")

    @pytest.mark.parametrize(
        ("flags", "sent"),
        [
            ([], {}),
            (["--cascade=false"], {"cascade": False}),
            (["-p", "background"], {"propagationPolicy": "background"}),
        ],
    )
    def test_delete(self, served: World, flags: list[str], sent: dict[str, Any]) -> None:
        served.remote.answers[APPS + "Delete"] = {}
        ran = run(served, "app", "delete", "guestbook", "-y", *flags)
        assert ran == Ran(0, "application 'guestbook' deleted\n", "")
        asked = dict(served.remote.request("Delete"))
        asked.pop("appNamespace", None)
        assert asked == {"name": "guestbook", **sent}

    def test_sync(self, served: World) -> None:
        served.remote.answers[APPS + "Sync"] = app("guestbook")
        line = ("app", "sync", "guestbook", "--async", "--prune", "--revision", "v1", "--force",
                "--info", "a=b", "--replace", "--retry-limit", "2", "--dry-run")  # fmt: skip
        assert run(served, *line) == Ran(0, "", "")
        asked = served.remote.request("Sync")
        assert asked["revision"] == "v1"
        assert (asked["prune"], asked["dryRun"]) == (True, True)
        assert asked["strategy"] == {"hook": {"force": True}}
        assert asked["infos"] == [{"name": "a", "value": "b"}]
        assert asked["syncOptions"] == {"items": ["Replace=true"]}
        assert asked["retryStrategy"]["limit"] == 2

    def test_sync_is_waited_for(self, served: World) -> None:
        asking = {**guestbook(), "operation": {"sync": {}}}
        served.remote.answers[APPS + "Get"] = lambda request: (
            guestbook() if request.get("refresh") else asking
        )
        served.remote.answers[APPS + "Sync"] = asking
        served.remote.streams[APPS + "Watch"] = [
            {"type": "MODIFIED", "application": asking},
            {"type": "MODIFIED", "application": guestbook()},
        ]
        ran = run(served, "app", "sync", "guestbook")
        assert ran.code == 0
        assert "Phase:              Succeeded\n" in ran.out
        watched = served.remote.request("Watch")
        assert watched["resourceVersion"] == "353"

    def test_rollback_and_terminate(self, served: World) -> None:
        served.remote.answers[APPS + "Rollback"] = ApiError(
            ApiCode.FAILED_PRECONDITION, "rollback cannot be initiated when auto-sync is enabled"
        )
        ran = run(served, "app", "rollback", "guestbook", "0", "--prune")
        assert ran.fatal.endswith("rollback cannot be initiated when auto-sync is enabled")
        asked = served.remote.request("Rollback")
        assert (asked["id"], asked["prune"]) == (0, True)
        served.remote.answers[APPS + "TerminateOperation"] = {}
        assert run(served, "app", "terminate-op", "guestbook").out == (
            "Application 'guestbook' operation terminating\n"
        )

    def test_confirm_deletion(self, served: World) -> None:
        served.remote.answers[APPS + "Update"] = app("guestbook")
        assert run(served, "app", "confirm-deletion", "guestbook").code == 0
        asked = served.remote.request("Update")
        annotations = asked["application"]["metadata"]["annotations"]
        assert annotations["argocd.argoproj.io/deletion-approved"] == "2026-11-23T10:03:33Z"
        assert asked["validate"] is False


class TestProjects:
    def test_list_and_change(self, world: World) -> None:
        world.remote.answers |= {
            PROJECTS + "List": {"items": [project()]},
            PROJECTS + "Get": project(),
            PROJECTS + "Update": project(),
        }
        assert run(world, "proj", "list").out.splitlines()[1].split() == [
            "default", "*,*", "*", "*/*", "<none>", "<none>", "disabled", "<none>",
        ]  # fmt: skip
        assert run(world, "proj", "add-source", "default", "https://x") == Ran(0, "", "")
        asked = world.remote.request("Update")
        assert asked["project"]["spec"]["sourceRepos"] == ["*", "https://x"]

    def test_tokens(self, world: World) -> None:
        made = token(iss="argocd", sub="proj:default:ci", iat=7, jti="x", exp=9)
        world.remote.answers[PROJECTS + "CreateToken"] = {"token": made}
        line = ("proj", "role", "create-token", "default", "ci", "-e", "2s", "--id", "x", "-t")
        assert run(world, *line).out == f"{made}\n"
        assert world.remote.request("CreateToken") == {
            "project": "default", "role": "ci", "expiresIn": 2, "id": "x",
        }  # fmt: skip


class TestTheRest:
    def test_clusters(self, world: World) -> None:
        cluster = {
            "server": "https://kubernetes.default.svc",
            "name": "in-cluster",
            "config": {"tlsClientConfig": {"insecure": False}},
            "info": {
                "connectionState": {"status": "Successful", "message": ""},
                "serverVersion": "v1.34.4",
            },
        }
        world.remote.answers |= {
            CLUSTERS + "List": {"items": [cluster]},
            CLUSTERS + "Get": cluster,
            CLUSTERS + "Update": cluster,
            CLUSTERS + "RotateAuth": {},
        }
        assert run(world, "cluster", "list").out == (
            "SERVER                          NAME        VERSION  STATUS      MESSAGE  PROJECT\n"
            "https://kubernetes.default.svc  in-cluster  v1.34.4  Successful           \n"
        )
        assert "name: in-cluster\n" in run(world, "cluster", "get", "in-cluster").out
        assert world.remote.request("Get") == {"name": "in-cluster"}
        run(world, "cluster", "get", "https://kubernetes.default.svc")
        assert world.remote.request("Get") == {"server": "https://kubernetes.default.svc"}
        ran = run(world, "cluster", "set", "in-cluster", "--name", "new", "--namespace", "a")
        assert ran.out == "Cluster 'in-cluster' updated.\n"
        asked = world.remote.request("Update")
        assert sorted(asked["updatedFields"]) == ["name", "namespaces"]
        assert asked["id"] == {"type": "name", "value": "in-cluster"}
        assert run(world, "cluster", "rotate-auth", "in-cluster").code == 0

    @proves("repo list", "--refresh")
    def test_repositories(self, world: World) -> None:
        repository = {"repo": REPO, "connectionState": {"status": "Successful"}, "type": "git"}
        world.remote.answers |= {
            REPOS + "ListRepositories": {"items": [repository]},
            REPOS + "ValidateAccess": {},
            REPOS + "CreateRepository": repository,
            REPOS + "DeleteRepository": {},
        }
        assert run(world, "repo", "list", "--refresh", "hard").out.splitlines()[1] == (
            f"git         {REPO}  false     false  false  false  Successful           "
        )
        assert world.remote.request("ListRepositories")["forceRefresh"] is True
        line = ("repo", "add", REPO, "--username", "u", "--password", "p", "--project", "team")
        assert run(world, *line).out == f"Repository '{REPO}' added\n"
        tried = world.remote.request("ValidateAccess")
        assert (tried["repo"], tried["username"], tried["password"]) == (REPO, "u", "p")
        made = world.remote.request("CreateRepository")["repo"]
        assert (made["project"], made["password"]) == ("team", "p")
        assert run(world, "repo", "rm", REPO).out == f"Repository '{REPO}' removed\n"

    def test_templates(self, world: World) -> None:
        name = "repocreds.RepoCredsService/"
        world.remote.answers |= {
            name + "CreateRepositoryCredentials": {"url": "https://x"},
            name + "ListRepositoryCredentials": {"items": [{"url": "https://x", "username": "u"}]},
            name + "DeleteRepositoryCredentials": {},
        }
        run(world, "repocreds", "add", "https://x", "--username", "u", "--password", "p")
        assert world.remote.request("CreateRepositoryCredentials")["creds"] == {
            "url": "https://x", "username": "u", "password": "p", "type": "git",
        }  # fmt: skip
        assert run(world, "repocreds", "list").out.splitlines()[1].split()[:2] == ["https://x", "u"]
        assert run(world, "repocreds", "rm", "https://x").code == 0

    def test_certificates_and_keys(self, world: World) -> None:
        item = {"serverName": "github.com", "certType": "ssh", "certSubType": "ssh-rsa",
                "certInfo": "SHA256:"}  # fmt: skip
        world.remote.answers |= {
            "certificate.CertificateService/ListCertificates": {"items": [item]},
            "certificate.CertificateService/DeleteCertificate": {"items": [item]},
            "gpgkey.GPGKeyService/List": {"items": [{"keyID": "AB", "subType": "rsa4096"}]},
            "gpgkey.GPGKeyService/Delete": {},
        }
        assert run(world, "cert", "list").out.splitlines()[1].split() == [
            "github.com", "ssh", "ssh-rsa", "SHA256:",
        ]  # fmt: skip
        assert "Removed cert for 'github.com'" in run(world, "cert", "rm", "github.com").out
        assert run(world, "gpg", "list").out.splitlines()[1].split()[:2] == ["AB", "RSA4096"]
        assert run(world, "gpg", "rm", "AB").out == "Deleted key with key ID AB\n"

    @proves("version", "--output")
    def test_version(self, world: World) -> None:
        world.remote.answers["version.VersionService/Version"] = {
            "Version": "v9", "GoVersion": "go1", "HelmVersion": "v4.2",
        }  # fmt: skip
        out = run(world, "version").out
        assert out.endswith("argocd-server: v9\n  GoVersion: go1\n  Helm Version: v4.2\n")
        assert run(world, "version", "--short").out == f"argocd: {SHOWN}\nargocd-server: v9\n"
        assert json.loads(run(world, "version", "-o", "json", "--short").out) == {
            "client": {"argocd": SHOWN}, "server": {"argocd-server": "v9"},
        }  # fmt: skip
        assert run(world, "version", "--client", "--short").out == f"argocd: {SHOWN}\n"


class TestAccounts:
    @pytest.fixture(autouse=True)
    def _answers(self, world: World) -> None:
        admin = {"name": "admin", "enabled": True, "capabilities": ["login", "apiKey"]}
        world.remote.answers |= {
            "session.SessionService/GetUserInfo": {
                "loggedIn": True, "username": "admin", "iss": "argocd", "groups": ["a", "b"],
            },
            ACCOUNTS + "ListAccounts": {"items": [admin]},
            ACCOUNTS + "GetAccount": admin,
            ACCOUNTS + "CanI": {"value": "no"},
            ACCOUNTS + "CreateToken": {"token": "made"},
            ACCOUNTS + "DeleteToken": {},
            ACCOUNTS + "UpdatePassword": {},
        }  # fmt: skip

    def test_reading(self, world: World) -> None:
        assert run(world, "account", "list").out == (
            "NAME   ENABLED  CAPABILITIES\nadmin  true     login, apiKey\n"
        )
        assert run(world, "account", "get").out == (
            "Name:               admin\nEnabled:            true\n"
            "Capabilities:       login, apiKey\n\nTokens:\nNONE\n"
        )
        assert run(world, "account", "get-user-info").out == (
            "Logged In: true\nUsername: admin\nIssuer: argocd\nGroups: a,b\n"
        )
        assert run(world, "account", "can-i", "sync", "applications", "*").out == "no\n"
        assert world.remote.request("CanI") == {
            "action": "sync", "resource": "applications", "subresource": "*",
        }  # fmt: skip

    @proves("account list", "--output")
    @proves("account get", "--output")
    @proves("account get-user-info", "--output")
    @pytest.mark.parametrize(
        ("words", "shown"),
        [
            ("list", [{"name": "admin", "enabled": True, "capabilities": ["login", "apiKey"]}]),
            ("get", {"name": "admin", "enabled": True, "capabilities": ["login", "apiKey"]}),
            ("get-user-info", {"loggedIn": True, "username": "admin", "iss": "argocd",
                               "groups": ["a", "b"]}),
        ],
    )  # fmt: skip
    def test_formats(self, world: World, words: str, shown: Any) -> None:
        assert json.loads(run(world, "account", words, "-o", "json").out) == shown
        assert yaml.safe_load(run(world, "account", words, "-o", "yaml").out) == shown

    @proves("account get", "--account")
    def test_tokens_of_an_account(self, world: World) -> None:
        tokens = [{"id": "a", "issuedAt": 1, "expiresAt": 2}, {"id": "b", "issuedAt": 1}]
        world.remote.answers[ACCOUNTS + "GetAccount"] = {"name": "ci", "tokens": tokens}
        out = run(world, "account", "get", "--account", "ci").out
        assert out.endswith(
            "Tokens:\nID  ISSUED AT             EXPIRING AT\n"
            "a   1970-01-01T00:00:01Z  1970-01-01T00:00:02Z (expired)\n"
            "b   1970-01-01T00:00:01Z  never\n"
        )
        assert world.remote.request("GetAccount") == {"name": "ci"}

    @proves("account generate-token", "--account", "--expires-in", "--id")
    def test_making_and_deleting_tokens(self, world: World) -> None:
        line = ("account", "generate-token", "-a", "ci", "-e", "2d", "--id", "x")
        assert run(world, *line).out == "made\n"
        assert world.remote.request("CreateToken") == {
            "name": "ci", "expiresIn": 172800, "id": "x",
        }  # fmt: skip
        assert run(world, "account", "delete-token", "x") == Ran(0, "", "")
        assert world.remote.request("DeleteToken") == {"name": "admin", "id": "x"}

    @proves("account update-password", "--account", "--current-password", "--new-password")
    def test_passwords(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        import io

        monkeypatch.setattr("sys.stdin", io.StringIO("old\nnew1\nnew2\n"))
        ran = run(world, "account", "update-password")
        assert ran.out == (
            "*** Enter password of currently logged in user (admin): \n"
            "*** Enter new password for user admin: \n"
            "*** Confirm new password for user admin: \n"
        )
        assert ran.fatal == "Passwords do not match"
        flags = ("--account", "bob", "--current-password", "old", "--new-password", "new")
        assert run(world, "account", "update-password", *flags).out == "Password updated\n"
        assert world.remote.request("UpdatePassword") == {
            "name": "bob", "currentPassword": "old", "newPassword": "new",
        }  # fmt: skip

    @proves("account session-token", "--output")
    def test_session_token(self, world: World) -> None:
        made = token(iss="argocd", sub="admin:login", iat=1, exp=2)
        ran = run(world, "account", "session-token", "--auth-token", made)
        assert ran.out == f"{made}\n"
        ran = run(world, "account", "session-token", "--auth-token", made, "-o", "json")
        assert json.loads(ran.out) == {
            "type": "local", "issuer": "argocd", "username": "admin", "token": made,
            "has_refresh_token": False, "issued_at": "1970-01-01T00:00:01Z",
            "expires_at": "1970-01-01T00:00:02Z",
        }  # fmt: skip

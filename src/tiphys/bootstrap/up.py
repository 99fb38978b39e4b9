"""`tiphys up` and `tiphys down`: a control plane, Tiphys and the examples, to see it at work.

Everything is kept in one folder: the served repository, credentials, logs and the records of the
processes. What is there already is used again, so that a second `up` takes seconds.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from tiphys.adapters.daemon import Daemon, DaemonError
from tiphys.adapters.devcluster import DevCluster
from tiphys.adapters.kube import KubeClient, KubeConfig, KubeDiscovery, Transport, load_kubeconfig
from tiphys.bootstrap.manifests import install_manifests
from tiphys.model.errors import ObjectNotFoundError, TiphysError
from tiphys.model.live import PatchKind
from tiphys.model.names import API_VERSION, FINALIZER_RESOURCES, IN_CLUSTER_SERVER
from tiphys.model.resource import ApiResource, Manifest
from tiphys.services.applications.service import APPLICATIONS
from tiphys.services.install import CONTROLLER_ACCOUNT, Installer, account_kubeconfig
from tiphys.services.reconcile.settings import GENERAL

NAMESPACE = "argocd"
CLUSTER = "tiphys"
REPOSITORY = "examples"
PARENT = "examples"
_CONFIG_MAPS = ApiResource("", "v1", "ConfigMap", "configmaps", True, frozenset())
_POLLING = {"timeout.reconciliation": "5s", "timeout.reconciliation.jitter": "0s"}
_TOKEN_SECONDS = 365 * 24 * 3600
_PATIENCE = 180.0
_API_PORT = 8080
_INITIAL = ApiResource("", "v1", "Secret", "secrets", True, frozenset())
_INITIAL_NAME = "argocd-initial-admin-secret"


class UpError(TiphysError):
    """Something does not come up; the text says what, and where to look."""


@dataclass(frozen=True)
class Place:
    """Where everything of one `up` lies."""

    folder: Path

    @property
    def repository(self) -> Path:
        return self.folder / REPOSITORY

    @property
    def controller_kubeconfig(self) -> Path:
        return self.folder / "controller.kubeconfig"

    @property
    def ports(self) -> Path:
        return self.folder / "ports.json"

    @property
    def cluster(self) -> DevCluster:
        """In the same folder, so that two of them never share a control plane."""
        return DevCluster(CLUSTER, root=self.folder / "devcluster")

    @property
    def tiphys(self) -> Daemon:
        return Daemon("tiphys", self.folder / "processes")

    @property
    def git(self) -> Daemon:
        return Daemon("git-server", self.folder / "processes")


_FOLDER = click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path),
    default=Path("run"),
    show_default=True,
    help="Folder for everything that is kept",
)


@click.command("up", short_help="Start a control plane, Tiphys and the examples")
@_FOLDER
@click.option(
    "--examples",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path("examples"),
    show_default=True,
    help="Folder that becomes the served repository",
)
def up(folder: Path, examples: Path) -> None:
    """Starts everything and waits until every example is Synced and Healthy.

    With KUBECONFIG and CONTEXT set, that cluster is used instead of one of its own.
    """
    asyncio.run(_up(Place(folder.resolve()), examples))


@click.command("down", short_help="Stop what `tiphys up` started")
@_FOLDER
@click.option(
    "--reset", is_flag=True, help="Remove their data, too, changes to the examples included"
)
def down(folder: Path, reset: bool) -> None:
    """Stops Tiphys, the Git server and the control plane; their data stays."""
    place = Place(folder.resolve())
    for daemon in (place.tiphys, place.git):
        stopped = daemon.stop()
        print(f"{daemon.name}: {'stopped' if stopped else 'was not running'}")
    cluster = place.cluster
    if reset:
        cluster.reset()
        shutil.rmtree(place.folder, ignore_errors=True)
        print("control plane: removed, and everything in " + str(place.folder))
        return
    stopped = cluster.down()
    print("control plane: " + ("stopped" if stopped else "was not running"))
    print(f"The data stays in {place.folder}; `tiphys down --reset` removes it.")


async def _up(place: Place, examples: Path) -> None:
    place.folder.mkdir(parents=True, exist_ok=True)
    kubeconfig, context = _cluster(place)
    config = load_kubeconfig([kubeconfig], context)
    transport = Transport(config, component="up")
    try:
        client, discovery = KubeClient(transport), KubeDiscovery(transport)
        with _step("installing into namespace " + NAMESPACE):
            await _install(place, config, client, discovery)
        with _step("serving the examples over HTTP"):
            _make_repository(place, examples)
            url = _serve(place)
        with _step("starting Tiphys"):
            _start_tiphys(place)
        with _step("creating the applications"):
            await _create_parent(client, url)
        shown = await _watch(place, client)
        with _step("waiting for the API"):
            await _until_answering(place)
            password = await _password(client)
    finally:
        await transport.close()
    print(_farewell(place, kubeconfig, context, shown, password))


async def _until_answering(place: Place) -> None:
    port = _port(place, "api", _API_PORT)
    deadline = time.monotonic() + _PATIENCE
    while not _answers(port):
        if not place.tiphys.running() or time.monotonic() > deadline:
            raise UpError(
                f"the API does not answer; the log of Tiphys ends:\n{place.tiphys.tail()}"
            )
        await asyncio.sleep(0.1)


async def _password(client: KubeClient) -> str:
    """The first one of admin; empty where it was changed and taken away."""
    try:
        found = await client.get(_INITIAL, NAMESPACE, _INITIAL_NAME)
    except ObjectNotFoundError:
        return ""
    return base64.b64decode((found.get("data") or {}).get("password", "")).decode()


def _cluster(place: Place) -> tuple[Path, str]:
    """The cluster that the environment names, or one of our own."""
    named, context = os.environ.get("KUBECONFIG", ""), os.environ.get("CONTEXT", "")
    if named and context:
        print(f"using context {context} of {named}", file=sys.stderr)
        return Path(named), context
    cluster = place.cluster
    with _step("starting a control plane"):
        cluster.up()
    return cluster.kubeconfig, ""


async def _install(
    place: Place, config: KubeConfig, client: KubeClient, discovery: KubeDiscovery
) -> None:
    installer = Installer(client, client, discovery)
    installed = await installer.install(install_manifests(), NAMESPACE)
    if any(key.name == GENERAL for key in installed.created):
        # Only settings that nobody has written before are ours to choose.
        await client.patch(_CONFIG_MAPS, NAMESPACE, GENERAL, PatchKind.MERGE, {"data": _POLLING})
    text = await account_kubeconfig(
        client,
        CONTROLLER_ACCOUNT,
        server=config.server,
        ca=config.ca,
        namespace=NAMESPACE,
        seconds=_TOKEN_SECONDS,
    )
    _write_private(place.controller_kubeconfig, text)


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def _make_repository(place: Place, examples: Path) -> None:
    """A work tree that is served as it is: what is committed there is published."""
    if (place.repository / ".git").exists():
        return
    shutil.copytree(examples, place.repository, dirs_exist_ok=True)
    _git(place, "init", "--quiet", "--initial-branch=main")
    if not _git(place, "config", "--default", "", "user.email"):
        # So that the commit that is shown at the end works on a fresh machine, too.
        _git(place, "config", "user.name", "Tiphys")
        _git(place, "config", "user.email", "tiphys@localhost")
    _git(place, "add", "--all")
    _git(place, "commit", "--quiet", "-m", "The examples")


def _git(place: Place, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=place.repository, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout.strip()


def _serve(place: Place) -> str:
    port = _port(place, "git")
    url = f"http://127.0.0.1:{port}/{REPOSITORY}"
    if place.git.running():
        return url
    program = Path(sys.executable).with_name("tiphys")
    root = str(place.folder)
    place.git.start([str(program), "git-server", "--root", root, "--port", str(port)])
    deadline = time.monotonic() + 20
    while not _answers(port):
        if not place.git.running() or time.monotonic() > deadline:
            raise UpError(f"the Git server does not start:\n{place.git.tail()}")
        time.sleep(0.05)
    return url


def _port(place: Place, name: str, wanted: int = 0) -> int:
    """The port of before, for others name it; at first the one that is wanted, if it is free."""
    known: dict[str, int] = json.loads(place.ports.read_text()) if place.ports.exists() else {}
    if name not in known:
        known[name] = wanted if wanted and not _answers(wanted) else _free_port()
        place.ports.write_text(json.dumps(known))
    return known[name]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _start_tiphys(place: Place) -> None:
    if place.tiphys.running():
        # It may hold an older token, or be of an older version.
        place.tiphys.stop()
    program = Path(sys.executable).with_name("tiphys")
    place.tiphys.start(
        [
            str(program),
            "run",
            "--kubeconfig",
            str(place.controller_kubeconfig),
            "--namespace",
            NAMESPACE,
            "--data",
            str(place.folder / "data"),
            "--address",
            "127.0.0.1",
            "--port",
            str(_port(place, "api", _API_PORT)),
            "--insecure",
        ]
    )


async def _create_parent(client: KubeClient, url: str) -> None:
    manifest = _parent(url)
    try:
        await client.get(APPLICATIONS, NAMESPACE, PARENT)
    except ObjectNotFoundError:
        await client.create(APPLICATIONS, manifest, manager="tiphys-up")
        return
    spec = {"spec": manifest["spec"]}
    await client.patch(APPLICATIONS, NAMESPACE, PARENT, PatchKind.MERGE, spec, manager="tiphys-up")


def _parent(url: str) -> Manifest:
    """The app of apps, whose children come from the same repository."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Application",
        "metadata": {
            "name": PARENT,
            "namespace": NAMESPACE,
            "finalizers": [FINALIZER_RESOURCES],
        },
        "spec": {
            "project": "default",
            "source": {
                "repoURL": url,
                "path": "apps",
                "targetRevision": "HEAD",
                "helm": {"parameters": [{"name": "repoURL", "value": url}]},
            },
            "destination": {"server": IN_CLUSTER_SERVER, "namespace": NAMESPACE},
            "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
        },
    }


async def _watch(place: Place, client: KubeClient) -> list[tuple[str, str, str]]:
    """Until every application is Synced and Healthy, showing what changes on the way."""
    began = time.monotonic()
    shown: dict[str, tuple[str, str]] = {}
    while True:
        listed = await client.list(APPLICATIONS, namespace=NAMESPACE)
        states = {item["metadata"]["name"]: _state(item) for item in listed.items}
        for name, state in sorted(states.items()):
            if shown.get(name) != state:
                shown[name] = state
                elapsed = time.monotonic() - began
                print(f"  {elapsed:5.1f} s  {name:20} {state[0]:10} {state[1]}", file=sys.stderr)
        if len(states) > 1 and all(state == ("Synced", "Healthy") for state in states.values()):
            return [(name, *state) for name, state in sorted(states.items())]
        if not place.tiphys.running():
            raise UpError(f"Tiphys stopped; its log ends:\n{place.tiphys.tail()}")
        if time.monotonic() - began > _PATIENCE:
            raise UpError(
                f"not all examples are Synced and Healthy after {_PATIENCE:.0f} s; "
                f"the log is {place.tiphys.log}"
            )
        await asyncio.sleep(0.3)


def _state(manifest: Mapping[str, Any]) -> tuple[str, str]:
    status = manifest.get("status") or {}
    return (
        (status.get("sync") or {}).get("status") or "-",
        (status.get("health") or {}).get("status") or "-",
    )


@contextmanager
def _step(text: str) -> Iterator[None]:
    print(f"{text} ...", file=sys.stderr, flush=True)
    began = time.monotonic()
    try:
        yield
    except DaemonError as error:
        raise UpError(str(error)) from error
    print(f"  done in {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)


def _farewell(
    place: Place,
    kubeconfig: Path,
    context: str,
    shown: list[tuple[str, str, str]],
    password: str,
) -> str:
    program = Path(sys.executable).with_name("tiphys")
    file = place.repository / "guestbook" / "service.yaml"
    address = f"127.0.0.1:{_port(place, 'api', _API_PORT)}"
    url = f"http://127.0.0.1:{_port(place, 'git')}/{REPOSITORY}"
    lines = ["", f"{'APPLICATION':22}{'SYNC':10}HEALTH"]
    lines += [f"{name:22}{sync:10}{health}" for name, sync, health in shown]
    lines += [
        "",
        f"Address:   http://{address}",
        "Username:  admin",
        f"Password:  {password or 'the one that you chose'}",
        "",
        "Look at them:",
        f"  {program} login {address} --plaintext --username admin"
        + (f" --password '{password}'" if password else ""),
        f"  {program} app list",
        f"  {program} app get guestbook",
        "",
        "Create one of your own:",
        f"  {program} app create mine --repo {url} --path guestbook \\",
        "    --dest-name in-cluster --dest-namespace mine --sync-option CreateNamespace=true",
        f"  {program} app get mine",
        f"  {program} app sync mine",
        "",
        "Change something, and see it live within seconds, without a further command:",
        f"  sed -i 's/port: 80$/port: 8080/' {file}",
        f"  git -C {place.repository} commit -am 'Another port'",
        f"  {program} app get guestbook",
        "",
        "Look at the cluster itself:",
        f"  export KUBECONFIG={kubeconfig}",
        *([f"  kubectl config use-context {context}"] if context else []),
        "",
        f"Logs:  {place.tiphys.log}",
        "Stop:  make down",
    ]
    return "\n".join(lines)

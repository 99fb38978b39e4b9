"""What the tests of faults run against: the real parts, with a proxy before the API server."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from tests.e2e.repo import Repo
from tests.e2e.stack import NAMESPACE, Stack
from tests.faults.proxy import FaultProxy, Moment, Trap

SEED = int(os.environ.get("TIPHYS_SEED", "20"))
"""Which of the kills are tried; TIPHYS_SOAK=1 tries all of them."""
SOAK = os.environ.get("TIPHYS_SOAK") == "1"

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_VOLATILE = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation")
_QUIET = 0.4
"""Seconds without a write about an application after which it has nothing more to say."""


_VARIES = 6
"""By how many writes one run may differ from the next: progress is stored now and then."""


class Rig:
    """One control plane, one Git server, one proxy, and Tiphys behind it, again and again."""

    def __init__(self, stack: Stack, proxy: FaultProxy) -> None:
        self.stack = stack
        self.proxy = proxy
        self.kube = stack.kube
        self.kubeconfig = stack.folder / "proxied.kubeconfig"

    def write_kubeconfig(self) -> None:
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "proxy", "cluster": {"server": self.proxy.url}}],
            "users": [{"name": "controller", "user": {"token": self.stack.controller_token()}}],
            "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "controller"}}],
            "current-context": "proxy",
        }
        self.kubeconfig.touch(mode=0o600)
        self.kubeconfig.write_text(yaml.safe_dump(config))

    # -- the process --------------------------------------------------------------------------

    def start(self) -> None:
        self.stack.start_tiphys(self.kubeconfig)

    def restart(self) -> None:
        """Returns when the new process works, having listed everything."""
        self.stack.kill_tiphys()
        log = self.stack.folder / "tiphys.log"
        begin = log.stat().st_size
        self.start()

        def ready() -> bool:
            with log.open("rb") as file:
                file.seek(begin)
                return b"ready" in file.read()

        self.stack.until("Tiphys is ready", ready, 60)

    def kill(self) -> None:
        """From the proxy's thread: the whole process group ends before anything is answered."""
        tiphys = self.stack.tiphys
        assert tiphys is not None
        os.killpg(tiphys.pid, signal.SIGKILL)

    def arm(self, name: str, at: int = 0, moment: Moment = Moment.BEFORE) -> Trap:
        """Counts the writes about an application from now on; kills Tiphys at number `at`."""
        self.proxy.trap = Trap(name, at, moment, self.kill)
        return self.proxy.trap

    def until_killed(self, trap: Trap, ended: Callable[[], bool]) -> None:
        """Until the trap has sprung, and Tiphys works again.

        The number of writes varies a little: a late trap may not spring, an earlier one must.
        """
        while not trap.sprung.wait(0.2):
            if ended():
                self.until_quiet(trap)
                late = trap.at - len(trap.writes)
                assert trap.sprung.is_set() or 0 < late <= _VARIES, (trap.at, len(trap.writes))
                break
        if trap.sprung.is_set():
            self.restart()

    # -- applications -------------------------------------------------------------------------

    def application(
        self,
        name: str,
        repo: Repo | str,
        path: str = "app",
        *,
        sync: Mapping[str, Any] | None = None,
        policy: Mapping[str, Any] | None = None,
        cascade: bool = False,
    ) -> None:
        """Creates an Application for a namespace of its name; `sync` is begun at once."""
        finalizers = ["resources-finalizer.argocd.argoproj.io"] if cascade else []
        manifest: dict[str, Any] = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": name, "namespace": NAMESPACE, "finalizers": finalizers},
            "spec": {
                "project": "default",
                "source": {
                    "repoURL": repo if isinstance(repo, str) else repo.url,
                    "path": path,
                    "targetRevision": "main",
                },
                "destination": {"server": "https://kubernetes.default.svc", "namespace": name},
                "syncPolicy": {"syncOptions": ["CreateNamespace=true"], **(policy or {})},
            },
        }
        if sync is not None:
            manifest["operation"] = _operation(sync)
        self.kube.create(manifest)

    def sync(self, name: str, **sync: Any) -> None:
        self.kube.merge("Application", NAMESPACE, name, {"operation": _operation(sync)})

    def remove(self, name: str) -> None:
        """Takes a test's application and namespace away, with nothing to wait for."""
        self.kube.merge("Application", NAMESPACE, name, {"metadata": {"finalizers": None}})
        self.kube.delete("Application", NAMESPACE, name)
        self.kube.delete("Namespace", "", name)

    def status(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.stack.app(name).get("status") or {}
        return found

    def operation(self, name: str) -> dict[str, Any]:
        """The operation's state; it has ended when the phase says so and nothing is asked for."""
        found: dict[str, Any] = self.status(name).get("operationState") or {}
        return found

    def until_history(self, name: str, *revisions: str, seconds: float = 60) -> None:
        """Until exactly these revisions were synced and the operation is gone."""

        def reached() -> bool:
            app = self.stack.app(name)
            status = app.get("status") or {}
            found = [entry["revision"] for entry in status.get("history") or ()]
            assert found == list(revisions), (found, status.get("operationState"))
            assert "operation" not in app
            return True

        self.stack.until(f"{name} has the history", reached, seconds)

    def until_idle(self, name: str) -> None:
        """Until no operation is asked for."""
        self.stack.until(f"{name} is idle", lambda: "operation" not in self.stack.app(name))

    def until_condition(self, name: str, kind: str, text: str, seconds: float = 60) -> None:
        """Until the application says this in a condition of the kind."""

        def said() -> bool:
            found = self.stack.conditions(name)
            assert text in found.get(kind, ""), (found, self.status(name))
            return True

        self.stack.until(f"{name} says {text!r}", said, seconds)

    def until_live(self, name: str, commit: str) -> None:
        """Until the commit is the last one that was synced."""

        def live() -> bool:
            history = self.status(name).get("history") or []
            return bool(history) and history[-1]["revision"] == commit

        self.stack.until(f"{name} has {commit}", live)

    def until_quiet(self, trap: Trap) -> None:
        """Until nothing was written about the trap's application for a while."""
        end = time.monotonic() + 30
        count, since = len(trap.writes), time.monotonic()
        while time.monotonic() < end:
            if len(trap.writes) != count:
                count, since = len(trap.writes), time.monotonic()
            elif time.monotonic() - since >= _QUIET:
                return
            time.sleep(0.05)
        raise AssertionError(f"{trap.about} does not come to rest: {trap.writes[-5:]}")

    # -- what is seen afterwards --------------------------------------------------------------

    def audited(self, namespace: str, since: int, verb: str) -> Counter[str]:
        """How often Tiphys did something to each object, by name; what was refused left out."""
        found: Counter[str] = Counter()
        for event in self.stack.audit(namespace, since):
            reference = event["objectRef"]
            code = (event.get("responseStatus") or {}).get("code", 0)
            if reference["resource"] == "namespaces":
                continue
            if event["verb"] == verb and code < 300:
                found[f"{reference['resource']}/{reference.get('name', '')}"] += 1
        return found

    def deleted(self, namespace: str, since: int) -> set[str]:
        return set(self.audited(namespace, since, "delete"))

    def live(self, namespace: str) -> dict[str, Any]:
        """What is live in a namespace, without what differs from one run to the next."""
        return {
            f"{kind}/{one['metadata']['name']}": _plain(one, namespace)
            for kind in ("ConfigMap", "Deployment", "Job")
            for one in self.kube.list(kind, namespace)
        }

    def ended(self, name: str) -> dict[str, Any]:
        """What a status says of the end of an operation, times left out."""
        status = self.status(name)
        state = status.get("operationState") or {}
        result = state.get("syncResult") or {}
        found = {
            "sync": status["sync"]["status"],
            "revision": status["sync"].get("revision"),
            "health": status["health"]["status"],
            "resources": status.get("resources"),
            "conditions": status.get("conditions"),
            "history": [(one["id"], one["revision"]) for one in status.get("history") or ()],
            "phase": state.get("phase"),
            "message": state.get("message"),
            "retries": state.get("retryCount", 0),
            "result": {
                f"{one['syncPhase']} {one['kind']}/{one['name']}": _result(one)
                for one in result.get("resources") or ()
            },
        }
        same: dict[str, Any] = _same(found, name)
        return same


def differences(expected: Any, found: Any, path: str = "") -> list[str]:
    """Where two values differ, one line each."""
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        keys = sorted({*expected, *found})
        pairs = [(str(key), expected.get(key), found.get(key)) for key in keys]
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        pairs = [(str(i), *both) for i, both in enumerate(zip(expected, found, strict=True))]
    else:
        return [] if expected == found else [f"{path}: {found!r} instead of {expected!r}"]
    return [line for key, a, b in pairs for line in differences(a, b, f"{path}.{key}")]


def _result(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Without what applying it anew says (unchanged) and what a wait happened to see last."""
    lasting = resource.get("hookType") or resource.get("status") != "Synced"
    return {key: value for key, value in resource.items() if lasting or key != "message"}


def _operation(sync: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "initiatedBy": {"username": "tester"},
        "sync": {"syncOptions": ["CreateNamespace=true"], **sync},
    }


def _plain(manifest: Mapping[str, Any], name: str) -> dict[str, Any]:
    plain = {key: value for key, value in manifest.items() if key != "status"}
    metadata = plain["metadata"] = dict(manifest["metadata"])
    for key in _VOLATILE:
        metadata.pop(key, None)
    same: dict[str, Any] = _same(plain, name)
    return same


def _same(value: Any, name: str) -> Any:
    """Names, times and uids replaced by words, as they differ from one run to the next."""
    text = json.dumps(value, sort_keys=True).replace(name, "APP")
    return json.loads(_UID.sub("UID", _TIME.sub("TIME", text)))

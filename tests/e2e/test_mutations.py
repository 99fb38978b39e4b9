"""What a webhook of the cluster changes on the way in is a difference only where that is wanted."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.e2e.manifests import config_map
from tests.e2e.stack import NAMESPACE, Stack
from tests.e2e.test_ignore import dry_runs, status_of, synced
from tests.fixtures.authority import Authority

NAME = "mut-injects"
PATH = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
OPTIONS = "argocd.argoproj.io/compare-options"


class Injecting(BaseHTTPRequestHandler):
    """Adds a key to every ConfigMap."""

    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        patch = json.dumps([{"op": "add", "path": "/data/injected", "value": "x"}]).encode()
        answer = {
            "uid": review["request"]["uid"],
            "allowed": True,
            "patchType": "JSONPatch",
            "patch": base64.b64encode(patch).decode(),
        }
        body = json.dumps({**review, "request": None, "response": answer}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_parts: object) -> None:
        pass


@contextmanager
def injecting(stack: Stack, folder: Path) -> Iterator[None]:
    authority = Authority()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Injecting)
    context: ssl.SSLContext = authority.server_context(folder)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    rule = {
        "operations": ["UPDATE"], "apiGroups": [""], "apiVersions": ["v1"],
        "resources": ["configmaps"],
    }  # fmt: skip
    hook = {
        "name": "inject.example.com",
        "clientConfig": {
            "url": f"https://127.0.0.1:{server.server_address[1]}/",
            "caBundle": base64.b64encode(authority.pem.encode()).decode(),
        },
        "rules": [rule],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": NAME}},
    }
    made = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": NAME},
        "webhooks": [hook],
    }
    stack.kube.call("POST", PATH, made)
    try:
        yield
    finally:
        stack.kube.call("DELETE", f"{PATH}/{NAME}")
        server.shutdown()
        server.server_close()


def options(stack: Stack, text: str) -> None:
    notes = {"metadata": {"annotations": {OPTIONS: text}}}
    stack.kube.merge("Application", NAMESPACE, NAME, notes)


def test_what_webhooks_change_counts_where_that_is_wanted(stack: Stack, tmp_path: Path) -> None:
    synced(stack, NAME, config_map("settings", a="1"))
    with injecting(stack, tmp_path):
        probe = f"/api/v1/namespaces/{NAME}/configmaps/settings?dryRun=All"

        def injects() -> bool:
            tried = stack.kube.call("PATCH", probe, {}, "application/merge-patch+json")
            return "injected" in tried["data"]

        stack.until("the webhook is asked", injects)
        mark = stack.audit_offset()
        options(stack, "ServerSideDiff=true")
        assert status_of(stack, NAME) == "Synced"
        assert dry_runs(stack, NAME, mark) > 0
        options(stack, "ServerSideDiff=true,IncludeMutationWebhook=true")
        assert status_of(stack, NAME) == "OutOfSync"
        live = stack.kube.get("ConfigMap", NAME, "settings")
        assert live is not None
        assert live["data"] == {"a": "1"}

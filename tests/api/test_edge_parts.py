"""Pieces of the edge by themselves: cookies, routes, fields, codes, pages."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.edges import Site, ask, serve
from tiphys.api.codes import refusal_of
from tiphys.api.cookies import read_cookies, token_cookies, token_of_cookies
from tiphys.api.entering import bearer
from tiphys.api.fields import Fields
from tiphys.api.options import ApiOptions
from tiphys.api.routing import Routes, routed_path
from tiphys.model.errors import (
    ApiCode,
    ApiError,
    ConflictError,
    KubeError,
    KubeUnreachableError,
    RepositoryError,
)

# --- cookies -----------------------------------------------------------------------------------


@given(st.text(alphabet="abcXYZ09-_.", min_size=1, max_size=30_000), st.sampled_from(["", "argo"]))
def test_a_token_comes_back_from_its_cookies(token: str, base: str) -> None:
    cookies = token_cookies(token, base, secure=True)
    assert all(len(one) <= 4_093 for one in cookies)
    assert all(f"path=/{base}; SameSite=lax; httpOnly; Secure" in one for one in cookies)
    header = "; ".join(one.partition(";")[0] for one in cookies)
    assert token_of_cookies(f"a=b; {header}") == token


def test_a_token_that_needs_too_many_cookies_is_an_error() -> None:
    with pytest.raises(ApiError):
        token_cookies("x" * 100_000, "", secure=False)


@pytest.mark.parametrize(
    "header", ["argocd.token=3:a; argocd.token-1=b", "argocd.token=x:a", "argocd.token=9999:a"]
)
def test_parts_that_do_not_fit_are_no_token(header: str) -> None:
    with pytest.raises(ApiError) as refused:
        token_of_cookies(header)
    assert refused.value.code is ApiCode.UNAUTHENTICATED


def test_the_first_cookie_of_a_name_counts() -> None:
    assert read_cookies('a=1; b="2"; a=3; c') == {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer a.b.c", "a.b.c"),
        ("bearer a.b.c", "a.b.c"),
        ("Bearer a.b", ""),
        ("Basic a.b.c", ""),
        ("", ""),
    ],
)
def test_a_bearer_token_has_two_dots(header: str, token: str) -> None:
    assert bearer(header) == token


# --- routes ------------------------------------------------------------------------------------


def test_a_word_beats_a_name_and_names_are_told() -> None:
    routes: Routes[str] = Routes()
    routes.add("GET", "/api/v1/projects/{name}", "get")
    routes.add("GET", "/api/v1/projects/{name}/events", "events")
    routes.add("POST", "/api/v1/projects/all", "all")
    found = routes.find("GET", "/api/v1/projects/all/events")
    assert found is not None
    assert (found.target, found.names) == ("events", {"name": "all"})
    by_name = routes.find("GET", "/api/v1/projects/all")
    assert by_name is not None
    assert by_name.target == "get"
    assert routes.find("PUT", "/api/v1/projects/all") is None
    assert routes.knows("/api/v1/projects/all")
    assert not routes.knows("/api/v1/nothing")


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (b"/api/v1/applications/a%20b", "/api/v1/applications/a b"),
        (b"/api/v1/applications/a%2Fb", "/api/v1/applications/a/b"),
        (b"/api/v1/clusters/https:%2F%2Fx", "/api/v1/clusters/https:%2F%2Fx"),
        (b"/api/v1/clusters/a%20b", "/api/v1/clusters/a b"),
        (b"/api/v1/write-repositories/a%2Fb", "/api/v1/write-repositories/a/b"),
    ],
)
def test_what_stays_escaped(raw: bytes, path: str) -> None:
    assert routed_path(raw) == path


# --- fields ------------------------------------------------------------------------------------

VALUE = {
    "metadata": {"name": "a", "uid": "u"},
    "items": [{"spec": {"x": 1, "xy": 2}}, {"spec": {"z": 3}}],
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("metadata.name", {"metadata": {"name": "a"}}),
        ("items.spec.x", {"items": [{"spec": {"x": 1}}, {"spec": {}}]}),
        # A listed path begins with `items.spec.x` as text.
        ("items.spec.xy", {"items": [{"spec": {"x": 1, "xy": 2}}, {"spec": {}}]}),
        (
            "-metadata,items.spec.x",
            {"items": [{"spec": {"xy": 2}}, {"spec": {"z": 3}}]},
        ),
    ],
)
def test_fields(text: str, expected: object) -> None:
    assert Fields(text).apply(VALUE) == expected


# --- codes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KubeError("x", reason="MethodNotAllowed", status=405), ApiCode.UNIMPLEMENTED),
        (KubeError("x", reason="TooManyRequests", status=429), ApiCode.RESOURCE_EXHAUSTED),
        (KubeError("x", reason="Unauthorized", status=401), ApiCode.UNAUTHENTICATED),
        (KubeError("x", status=400), ApiCode.FAILED_PRECONDITION),
        (KubeError("x"), ApiCode.UNKNOWN),
        (ConflictError("x"), ApiCode.ABORTED),
        (KubeUnreachableError("x"), ApiCode.UNAVAILABLE),
        (RepositoryError("x"), ApiCode.UNKNOWN),
        (TimeoutError(), ApiCode.DEADLINE_EXCEEDED),
    ],
)
def test_errors_have_codes(error: Exception, code: ApiCode) -> None:
    assert refusal_of(error).code is code


# --- pages -------------------------------------------------------------------------------------


@pytest.fixture
def assets(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "index.html").write_text('<html><base href="/"></html>')
    (folder / "main.0123456789abcdef0123.js").write_text("run()")
    (tmp_path / "secret").write_text("a secret")
    (folder / "link").symlink_to(tmp_path / "secret")
    return folder


async def test_files_of_the_page(assets: Path) -> None:
    server = await serve(Site(), ApiOptions(static_assets=assets, base_href="sub"))
    page = await ask(server.port, "/applications/x", headers={"Accept": "text/html,*/*;q=0.8"})
    assert (page.status, page.body) == (200, b'<html><base href="/sub/"></html>')
    assert page.header("cache-control") == "no-cache, private, max-age=0"
    assert page.header("x-frame-options") == "sameorigin"
    assert page.header("content-security-policy") == "frame-ancestors 'self';"
    script = await ask(server.port, "/main.0123456789abcdef0123.js")
    assert script.header("cache-control") == "public, max-age=31536000, immutable"
    gone = await ask(server.port, "/main.0123456789abcdef9999.js")
    assert (gone.status, gone.header("cache-control")) == (404, "no-cache")
    assert (await ask(server.port, "/nothing.png")).status == 404
    await server.close()


@pytest.mark.parametrize(
    "path",
    ["/../secret", "/%2e%2e/secret", "/..%2fsecret", "/link", "/..%5csecret", "//etc/passwd"],
)
async def test_no_path_leads_out_of_the_folder(assets: Path, path: str) -> None:
    server = await serve(Site(), ApiOptions(static_assets=assets))
    found = await ask(server.port, path)
    assert found.status == 404
    assert b"a secret" not in found.body
    await server.close()


async def test_health_says_when_it_is_ill() -> None:
    server = await serve(Site(), ApiOptions(ill=lambda full: "corrupt" if full else ""))
    assert (await ask(server.port, "/healthz")).body == b"ok\n"
    ill = await ask(server.port, "/healthz?full=true")
    assert (ill.status, ill.body) == (503, b"")
    await server.close()


async def test_scripts_of_extensions(tmp_path: Path) -> None:
    (tmp_path / "resources").mkdir()
    (tmp_path / "resources" / "extension-a.js").write_text("a()")
    (tmp_path / "other.js").write_text("no()")
    server = await serve(Site(), ApiOptions(extensions=tmp_path))
    body = (await ask(server.port, "/extensions.js")).body
    assert b"// source: resources/extension-a.js\n" in body
    assert b"a()" in body
    assert b"no()" not in body
    await server.close()


async def test_the_description_of_the_api_can_be_left_out() -> None:
    options = ApiOptions(swagger=lambda: b'{"paths":{"/<x>":{"get":{"summary":"it"}}}}')
    server = await serve(Site(), options)
    data = await ask(server.port, "/swagger.json", token="")
    assert data.header("x-frame-options") == "DENY"
    page = await ask(server.port, "/swagger-ui", token="")
    assert b"/&lt;x&gt;" in page.body
    assert b"<script" not in page.body
    await server.close()
    server = await serve(Site(), ApiOptions(swagger_ui=False, swagger=options.swagger))
    assert (await ask(server.port, "/swagger.json")).status == 404
    await server.close()


def test_objects_of_policies_have_slashes() -> None:
    routes: Routes[str] = Routes()
    routes.add("GET", "/api/v1/account/can-i/{resource}/{action}/{subresource}", "can")
    routes.add("GET", "/api/v1/account/{name}", "account")
    found = routes.find("GET", routed_path(b"/api/v1/account/can-i/applications/sync/team%2Fweb"))
    assert found is not None
    assert found.names == {
        "resource": "applications",
        "action": "sync",
        "subresource": "team/web",
    }
    assert routes.find("GET", "/api/v1/account/a/b") is None

"""The render process's flags against the contract's facts, and what they make of a line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tiphys.bootstrap.redisflags import REDIS_FLAGS, compresses, redis_options
from tiphys.bootstrap.repo_server import render_options, tool_flags
from tiphys.bootstrap.reposerverflags import FLAGS
from tiphys.bootstrap.serverflags import Given, read_flags
from tiphys.cli.errors import FatalError, UsageError
from tiphys.core.settings.tools import ToolSettings

FACTS: dict[str, Any] = json.loads(
    (Path(__file__).parent / "data" / "repo_server.json").read_text()
)
ALL = (*FLAGS, *REDIS_FLAGS)
BY_NAME = {flag.name: flag for flag in ALL}


def read(*line: str, **environment: str) -> Given:
    return read_flags(ALL, line, environment)


@pytest.mark.parametrize("fact", FACTS["flags"], ids=lambda fact: fact["name"])
def test_every_flag_of_the_contract_is_there(fact: dict[str, Any]) -> None:
    if fact["name"] == "help":
        assert read("--help").wants_help
        return
    flag = BY_NAME[fact["name"]]
    assert (flag.kind.value, flag.default, flag.short) == (
        fact["type"],
        fact["default"] or "",
        fact["short"] or "",
    )


def test_there_is_no_other_flag_but_where_data_is() -> None:
    assert set(BY_NAME) == {fact["name"] for fact in FACTS["flags"]} - {"help"} | {"data"}


def test_limits_become_options(tmp_path: Path) -> None:
    given = read(
        f"--data={tmp_path}", "--parallelismlimit=3", "--helm-manifest-max-extracted-size=2M",
        "--disable-oci-manifest-max-extracted-size", "--helm-registry-max-index-size=5Mi",
        "--max-combined-directory-manifests-size=1M",
    )  # fmt: skip
    options = render_options(given, {})
    assert (options.data, options.at_once, options.cache) == (tmp_path, 3, None)
    sizes = options.sizes
    assert (sizes.chart, sizes.artifact, sizes.index) == (2_000_000, 0, 5 << 20)
    assert options.limits.directory == 1_000_000
    usual = render_options(read(), {})
    assert usual.sizes.chart == usual.sizes.artifact == usual.sizes.index == 1_000_000_000
    assert usual.limits.directory == 10_000_000


@pytest.mark.parametrize(
    "line", ["--helm-registry-max-index-size=big", "--oci-manifest-max-extracted-size=-1"]
)
def test_a_size_that_is_none_is_refused(line: str) -> None:
    with pytest.raises(UsageError, match="not a size"):
        render_options(read(line), {})


def test_flags_beat_what_the_caller_says_of_tools() -> None:
    told = ToolSettings(allow_oob_symlinks=True, plugin_tar_exclude=("a",))
    assert tool_flags(read(), told) is told
    given = read(
        "--allow-oob-symlinks=false", "--oci-layer-media-types=x,y", "--plugin-tar-exclude=b",
        "--plugin-use-manifest-generate-paths",
    )  # fmt: skip
    assert tool_flags(given, told) == replace(
        told,
        allow_oob_symlinks=False,
        oci_media_types=("x", "y"),
        plugin_tar_exclude=("b",),
        plugin_use_generate_paths=True,
    )


def test_redis_is_used_where_it_is_named(tmp_path: Path) -> None:
    assert redis_options(read(), {}) is None
    given = read(
        "--redis=redis:6380", "--redisdb=3", "--redis-compress=none", "--redis-use-tls",
        "--redis-ca-certificate=/ca", "--redis-insecure-skip-tls-verify",
    )  # fmt: skip
    options = redis_options(given, {"REDIS_PASSWORD": "hush", "REDIS_USERNAME": "me"})
    assert options is not None
    assert (options.address, options.database) == ("redis:6380", 3)
    assert options.tls is not None
    assert (options.tls.ca, options.tls.insecure) == ("/ca", True)
    assert (options.login().username, options.login().password) == ("me", "hush")
    assert "hush" not in repr(options.login())
    assert not compresses(given)
    (tmp_path / "auth").write_text("mounted\n")
    mounted = redis_options(given, {"REDIS_CREDS_DIR_PATH": str(tmp_path)})
    assert mounted is not None
    assert mounted.login().password == "mounted"
    (tmp_path / "auth").write_text("changed")
    assert mounted.login().password == "changed"


def test_sentinels_take_the_place_of_an_address() -> None:
    given = read("--sentinel=a:1", "--sentinel", "b:2", "--sentinelmaster=main")
    options = redis_options(given, {})
    assert options is not None
    assert (options.sentinels, options.master) == (("a:1", "b:2"), "main")
    assert read(REDIS_SENTINEL_HOSTS="a:1,b:2").lists["sentinel"] == ("a:1,b:2",)


def test_a_cluster_that_is_away_keeps_nobody_from_starting() -> None:
    options = redis_options(read("--redis=127.0.0.1:1,127.0.0.1:2"), {})
    assert options is not None


def test_the_controllers_interval_may_be_set_here_too() -> None:
    given = read(ARGOCD_RECONCILIATION_TIMEOUT="10m")
    assert given.texts["revision-cache-expiration"] == "3m0s"


@pytest.mark.parametrize("line", ["--redis=no port:x", "--redis-compress=zstd"])
def test_a_redis_that_cannot_be_used_is_said_at_the_start(line: str) -> None:
    with pytest.raises(UsageError, match=r"redis|Redis"):
        redis_options(read(line), {})


def test_redis_without_the_key_of_its_seals_is_refused(tmp_path: Path) -> None:
    given = read("--redis=redis:6379", f"--client-ca-path={tmp_path / 'client-ca.crt'}")
    with pytest.raises(FatalError, match=r"cache\.key: .*nothing on Redis can be believed"):
        render_options(given, {})
    (tmp_path / "cache.key").write_text("00ff\n")
    cache = render_options(given, {}).cache
    assert cache is not None
    assert cache.key == "00ff"
    assert cache.lifetime == 86_400.0

"""Each language that users write in: no file outside of the trees, no process, no socket, and no
variable of an environment. The kernel denies them to the process too; see tests/attacks.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.adapters.engine.conftest import Render
from tests.adapters.engine.test_helm import chart, options, shown
from tiphys.adapters.engine import EngineEvaluator, EngineLimits, EngineRenderer, LaneOptions
from tiphys.core.settings.overrides import HealthScript
from tiphys.model.errors import RenderError
from tiphys.model.render import DirectoryOptions, KustomizeOptions
from tiphys.model.status import HealthCode


@pytest.fixture
async def evaluator(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EngineEvaluator]:
    monkeypatch.setenv("TOKEN", "hunter2")
    limits = EngineLimits(memory=256 << 20)
    made = EngineEvaluator(options=LaneOptions(size=1, limits=limits))
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ('.Files.Get "/etc/passwd"', ""),
        ('.Files.Get "../../../etc/passwd"', ""),
        ('.Files.Get "../x"', ""),
        ('len (.Files.Glob "/etc/*")', 0),
        ('len (.Files.Glob "../**")', 0),
        ('.Files.Lines "/etc/passwd"', []),
        ('getHostByName "localhost"', ""),
        ('osBase "/etc/passwd"', "passwd"),
        ('lookup "v1" "Secret" "" ""', {}),
    ],
)
async def test_a_template_sees_its_chart(render: Render, expression: str, value: object) -> None:
    table = {**chart(expression), "x": "hunter2"}
    assert await shown(render, table, options()) == value


@pytest.mark.parametrize("name", ["env", "expandenv", "readFile", "exec", "httpGet", "getenv"])
async def test_a_template_has_no_such_function(render: Render, name: str) -> None:
    for expression in (f'{name} "HOME"', f'tpl "{{{{ {name} `HOME` }}}}" .'):
        with pytest.raises(RenderError, match=f'function "{name}" not defined'):
            await render(chart(expression), "c", options())


@pytest.mark.parametrize(
    "text",
    [
        "std.extVar('TOKEN')",
        "std.native('exec')('id')",
        "std.getenv('TOKEN')",
        "import '/proc/self/environ'",
        "importstr '/etc/passwd'",
        "importstr '/dev/stdin'",
        "import 'https://example.com/x.libsonnet'",
    ],
)
async def test_jsonnet_has_only_the_tree(render: Render, text: str) -> None:
    with pytest.raises(RenderError, match="Failed to evaluate jsonnet"):
        await render({"a/a.jsonnet": text}, "a", DirectoryOptions())


@pytest.mark.parametrize(
    "text",
    [
        "generators: [plugin.yaml]\n",
        "transformers: [plugin.yaml]\n",
        "configMapGenerator: [{name: a, files: [/etc/passwd]}]\n",
        "configMapGenerator: [{name: a, files: [/proc/self/environ]}]\n",
        "openapi: {path: /etc/passwd}\n",
        "generators: [helm.yaml]\n",
        "generators: [fetch.yaml]\n",
    ],
)
@pytest.mark.parametrize("helm", [False, True])
async def test_a_kustomization_starts_and_fetches_nothing(
    render: Render, text: str, *, helm: bool
) -> None:
    table = {
        "a/kustomization.yaml": text,
        "a/plugin.yaml": "apiVersion: x/v1\nkind: Made\nmetadata:\n  name: m\n  annotations:\n"
        "    config.kubernetes.io/function: |\n      exec: {path: ./evil.sh}\n",
        "a/helm.yaml": "apiVersion: builtin\nkind: HelmChartInflationGenerator\n"
        "metadata: {name: x}\nname: db\nhelmCommand: ./evil.sh\n",
        "a/fetch.yaml": "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: x}\n"
        "files: ['https://localhost:1/x']\n",
        "a/evil.sh": "#!/bin/sh\necho {}\n",
    }
    with pytest.raises(RenderError):
        await render(table, "a", KustomizeOptions(enable_helm=helm, unrestricted_files=True))


@pytest.mark.parametrize(
    "expression",
    [
        "io.open('/etc/passwd')",
        "os.execute('id')",
        "os.getenv('TOKEN')",
        "os.remove('/tmp/x')",
        "os.exit(1)",
        "dofile('/etc/passwd')",
        "loadfile('/etc/passwd')",
        "require('socket')",
        "package.loadlib('x', 'y')",
        "debug.getregistry()",
        "channel.make()",
    ],
)
async def test_lua_can_none_of_this(evaluator: EngineEvaluator, expression: str) -> None:
    for open_libs in (False, True):
        script = HealthScript(
            group="", kind="A", open_libs=open_libs,
            script=f"local x = {expression}; return {{status = 'Healthy', message = tostring(x)}}",
        )  # fmt: skip
        [verdict] = await evaluator.health(script, [{}])
        assert verdict is not None
        assert verdict.status is HealthCode.UNKNOWN
        assert "hunter2" not in verdict.message


@pytest.mark.parametrize(
    "expression",
    [
        'select(env.TOKEN == "hunter2") | .a',
        'select($ENV.TOKEN == "hunter2") | .a',
        "select($ENV | length > 0) | .a",
        "select(env | length > 0) | .a",
        "select(input != null) | .a",
        "select(input_filename != null) | .a",
        'import "x" as x; .a',
        'include "/etc/passwd"; .a',
        "select(get_search_list | length > 0) | .a",
        'select(system("id") == 0) | .a',
    ],
)
async def test_jq_sees_its_document(evaluator: EngineEvaluator, expression: str) -> None:
    [pruned] = await evaluator.without_paths([{"a": 1}], [expression], within=2.0)
    assert pruned.manifest == {"a": 1}


@pytest.mark.parametrize("op", ["expr", "shell", "cel"])
async def test_no_other_language_is_run(engine: EngineRenderer, op: str) -> None:
    with pytest.raises(RenderError, match=f'unknown operation "{op}"'):
        await engine.lane.exchange({"op": op, "path": ""}, b"1 + 1", None, seconds=5)


def test_a_process_gets_no_variable_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "hunter2")
    environment = EngineLimits().environment(None)
    assert "hunter2" not in environment.values()
    own = {name for name in environment if not name.startswith("TIPHYS_ENGINE_")}
    assert own == {"GOTRACEBACK", "TZ"}

"""core and model do no I/O: what the import rules cannot see is the builtin `open`."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "tiphys"
MODULES = sorted([*(SOURCE / "core").rglob("*.py"), *(SOURCE / "model").rglob("*.py")])
BANNED = {"open", "exec", "eval", "input", "print", "breakpoint", "__import__"}


def banned_calls(tree: ast.AST) -> list[str]:
    return [
        f"{node.func.id} in line {node.lineno}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in BANNED
    ]


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_builtin_reaches_outside(module: Path) -> None:
    assert banned_calls(ast.parse(module.read_text())) == []


def test_the_check_sees_an_open() -> None:
    assert banned_calls(ast.parse("x = open('f')")) == ["open in line 1"]

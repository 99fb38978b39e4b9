"""Writes the table of what Kubernetes' OpenAPI does not say of its own types.

    python tools/facts.py [--check]

The facts come from Kubernetes' Go types and its defaults, read by `tiphys-devcluster facts`. Run
this after a change of the Kubernetes version in devcluster/go.mod; a test says when it is due.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ROOT / ".venv" / "bin" / "tiphys-devcluster"
TARGET = ROOT / "src" / "tiphys" / "core" / "diff" / "builtin.py"

_HEAD = '''"""What Kubernetes' Go types say and OpenAPI does not. Written by `tools/facts.py`.

Fields are named `Type.field`, or `package.Type.field` where packages do not agree.
"""

from __future__ import annotations

from collections.abc import Mapping
'''


def facts() -> Mapping[str, Mapping[str, Any]]:
    """As the program prints them."""
    run = subprocess.run([PROGRAM, "facts"], stdout=subprocess.PIPE, check=True)
    found: Mapping[str, Mapping[str, Any]] = json.loads(run.stdout)
    return found


def module(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The module's text."""
    pointers = [name for name in found if found[name]["sort"] == "pointer-string"]
    values = [name for name in found if found[name]["sort"] == "value-scalar"]
    defaults = {name: found[name]["default"] for name in found if "default" in found[name]}
    unfilled = {name: found[name]["unfilled"] for name in found if "unfilled" in found[name]}
    return _HEAD + "".join(
        (
            _names("POINTER_STRINGS", pointers, "Texts whose empty value means something."),
            _names("VALUE_SCALARS", values, "Numbers and booleans whose zero is as good as none."),
            _values("DEFAULTS", defaults, "What the server fills in, whatever else is set."),
            _kinds("UNFILLED", unfilled, "In which kinds it fills in nothing all the same."),
        )
    )


def _names(name: str, fields: list[str], text: str) -> str:
    lines = "".join(f"        {json.dumps(field)},\n" for field in sorted(fields))
    return f'\n{name} = frozenset(\n    {{\n{lines}    }}\n)\n"""{text}"""\n'


def _values(name: str, fields: Mapping[str, Any], text: str) -> str:
    lines = "".join(
        f"    {json.dumps(field)}: {_literal(fields[field])},\n" for field in sorted(fields)
    )
    return f'\n{name}: Mapping[str, str | int | bool] = {{\n{lines}}}\n"""{text}"""\n'


def _kinds(name: str, fields: Mapping[str, list[str]], text: str) -> str:
    lines = "".join(
        f"    {json.dumps(field)}: {_set(fields[field])},\n" for field in sorted(fields)
    )
    return f'\n{name}: Mapping[str, frozenset[str]] = {{\n{lines}}}\n"""{text}"""\n'


def _set(kinds: list[str]) -> str:
    text = ", ".join(json.dumps(kind) for kind in kinds)
    if len(text) < 50:
        return f"frozenset({{{text}}})"
    lines = "".join(f"            {json.dumps(kind)},\n" for kind in kinds)
    return f"frozenset(\n        {{\n{lines}        }}\n    )"


def _literal(value: Any) -> str:
    return json.dumps(value) if isinstance(value, str) else repr(value)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="say whether the table is out of date")
    check: bool = parser.parse_args().check
    text = module(facts())
    if check:
        return int(TARGET.read_text() != text)
    TARGET.write_text(text)
    print(f"wrote {TARGET.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

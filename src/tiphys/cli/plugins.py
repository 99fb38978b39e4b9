"""Commands of other programs: `<program>-<word>` on the PATH."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence

from tiphys.cli.app.session import CONTRACT_NAME
from tiphys.cli.errors import Ended, FatalError


def run_plugin(program: str, line: Sequence[str]) -> None:
    """Ends with the plugin's exit code; returns where there is none of this name."""
    word, *rest = line
    if not word or "/" in word or os.sep in word:
        return
    for name in dict.fromkeys((f"{program}-{word}", f"{CONTRACT_NAME}-{word}")):
        found = shutil.which(name)
        if found is None:
            continue
        if not os.path.isabs(found):
            # Whoever has `.` in the PATH would run what lies in any folder.
            raise FatalError(f"{name} is found in the current folder only, and is not run", code=1)
        try:
            raise Ended(subprocess.run([found, *rest], check=False).returncode)
        except OSError as error:
            raise FatalError(f"{name}: {error.strerror}", code=1) from None

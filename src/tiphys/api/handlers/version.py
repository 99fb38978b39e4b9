"""The versions of the server and of its tools. Who is not logged in learns only the server's."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable

from tiphys.api.calls import Answer, Call, Handlers, Message, Unary
from tiphys.model.version import SHOWN, platform_of

_TOOLS = {
    "KustomizeVersion": "v5.8.1",
    "HelmVersion": "v4.3.1",
    "JsonnetVersion": "v0.22.0",
}
"""Of the libraries that the engine is made of."""


class VersionHandlers:
    """`anonymous` says whether nobody has to be logged in."""

    def __init__(self, anonymous: Callable[[], bool]) -> None:
        self._anonymous = anonymous

    def methods(self) -> Handlers:
        return {"version.VersionService/Version": Unary(self._version, open=True)}

    async def _version(self, call: Call, _: Message) -> Answer:
        caller = call.caller
        if caller.is_anonymous and not caller.everything and not self._anonymous():
            return {"Version": SHOWN}
        return {
            "Version": SHOWN,
            "BuildDate": "1970-01-01T00:00:00Z",
            "Compiler": f"{platform.python_implementation()} {platform.python_version()}",
            "Platform": platform_of(sys.platform, platform.machine()),
            **_TOOLS,
        }

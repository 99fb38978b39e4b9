"""What renders, wired: the engine, and the plugins that have their sockets beside this process."""

from __future__ import annotations

import os
from collections.abc import Mapping

from tiphys.adapters.engine import EngineRenderer, LaneOptions
from tiphys.adapters.plugin.renderer import PluginRenderer
from tiphys.adapters.plugin.sockets import socket_folder
from tiphys.adapters.tokens import TokenLogins
from tiphys.services.render.ports import Renderer
from tiphys.services.render.tools import ToolRenderer


class Tools:
    """`renderer` is for all tools, `engine` decodes besides. Close it on its event loop."""

    def __init__(
        self,
        options: LaneOptions | None = None,
        *,
        logins: TokenLogins | None = None,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self.engine = EngineRenderer(options=options)
        self.plugins = PluginRenderer(
            self.engine.decode_yaml, socket_folder(environment), logins=logins
        )
        self.renderer: Renderer = ToolRenderer(self.engine, self.plugins)

    async def close(self) -> None:
        await self.plugins.close()
        await self.engine.close()

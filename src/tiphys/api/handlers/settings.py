"""What pages and clients have to know of the server before and after they log in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from tiphys.api.calls import Answer, Call, Handlers, Message, Unary
from tiphys.core.settings.shown import Shown, shown_settings

Plugins = Callable[[], Awaitable[Sequence[str]]]


class SettingsHandlers:
    """`shown` is what is set now, `plugins` answers the names of those that render."""

    def __init__(self, shown: Callable[[], Shown], plugins: Plugins) -> None:
        self._shown = shown
        self._plugins = plugins

    def methods(self) -> Handlers:
        return {
            "cluster.SettingsService/Get": Unary(self._get, open=True),
            "cluster.SettingsService/GetPlugins": Unary(self._get_plugins),
        }

    async def _get(self, call: Call, _: Message) -> Answer:
        logged_in = not call.caller.is_anonymous
        return shown_settings(
            self._shown(),
            inside=logged_in or call.caller.everything,
            logged_in=logged_in,
        )

    async def _get_plugins(self, _call: Call, _: Message) -> Answer:
        return {"plugins": [{"name": name} for name in await self._plugins()]}

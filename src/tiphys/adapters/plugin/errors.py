"""What goes wrong with plugins. None crosses the port but as a RenderError.

PluginError
├── ConfigError         plugin.yaml cannot be used
├── DeadlineError       a call took longer than it may
├── ArchiveError        what was sent cannot be unpacked
└── CommandError        a command of the plugin failed
"""

from __future__ import annotations


class PluginError(Exception):
    pass


class ConfigError(PluginError):
    pass


class DeadlineError(PluginError):
    pass


class ArchiveError(PluginError):
    pass


class CommandError(PluginError):
    """`stderr` is what the command said, free of secrets."""

    def __init__(self, command: str, cause: str, stderr: str = "") -> None:
        said = f": {stderr}" if stderr else ""
        super().__init__(f"`{command}` failed {cause}{said}")

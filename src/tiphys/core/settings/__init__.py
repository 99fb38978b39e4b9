"""The ConfigMaps' data as typed values: parsed once, with unit, default and reason each."""

from tiphys.core.settings.filters import ResourceFilter, ResourceRule
from tiphys.core.settings.parse import (
    ReadSettings,
    parse_settings,
    read_settings,
    unsupported_settings,
)
from tiphys.core.settings.settings import Settings

__all__ = [
    "ReadSettings",
    "ResourceFilter",
    "ResourceRule",
    "Settings",
    "parse_settings",
    "read_settings",
    "unsupported_settings",
]

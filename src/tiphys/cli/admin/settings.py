"""`admin settings`: tries settings before they are used."""

from tiphys.cli.admin.given import SETTINGS_FLAGS
from tiphys.cli.command import group

settings = group(
    "settings",
    {
        "rbac": ("tiphys.cli.admin.rbac:rbac", "Try policies before they are used"),
        "resource-overrides": (
            "tiphys.cli.admin.overrides:overrides",
            "Try what is said of kinds on an object",
        ),
        "validate": ("tiphys.cli.admin.validate:validate", "Check settings"),
    },
    "Check settings before they are used.",
    flags=SETTINGS_FLAGS,
)

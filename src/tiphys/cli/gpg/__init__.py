"""`gpg`: the keys that signatures of commits are checked with. One file a verb."""

from tiphys.cli.command import group

gpg = group(
    "gpg",
    {
        "add": ("tiphys.cli.gpg.add:add", "Add keys"),
        "get": ("tiphys.cli.gpg.get:get", "Show a key"),
        "list": ("tiphys.cli.gpg.list:list_command", "List keys"),
        "rm": ("tiphys.cli.gpg.remove:remove", "Remove a key"),
    },
    "Manage the GnuPG keys that signatures are checked with.",
)

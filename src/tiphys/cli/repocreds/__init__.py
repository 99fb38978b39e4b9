"""`repocreds`: credentials for all repositories whose URL begins alike. One file a verb."""

from tiphys.cli.command import group

repocreds = group(
    "repocreds",
    {
        "add": ("tiphys.cli.repocreds.add:add", "Add credentials for repositories"),
        "list": ("tiphys.cli.repocreds.list:list_command", "List credentials"),
        "rm": ("tiphys.cli.repocreds.remove:remove", "Forget credentials"),
    },
    "Manage credentials for repositories whose URL begins alike.",
)

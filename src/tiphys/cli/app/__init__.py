"""`app`: what users do with applications. One file a verb."""

from tiphys.cli.command import group

app = group(
    "app",
    {
        "create": ("tiphys.cli.app.create:create", "Create an application"),
        "delete": ("tiphys.cli.app.delete:delete", "Delete an application"),
        "get": ("tiphys.cli.app.get:get", "Show an application"),
        "list": ("tiphys.cli.app.list:list_command", "List applications"),
        "sync": ("tiphys.cli.app.sync:sync", "Bring applications to their target state"),
        "wait": ("tiphys.cli.app.wait:wait", "Wait until applications are in a state"),
    },
    "Manage applications",
)

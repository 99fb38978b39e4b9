"""`repo`: the repositories that applications come from. One file a verb."""

from tiphys.cli.command import group

repo = group(
    "repo",
    {
        "add": ("tiphys.cli.repo.add:add", "Add a repository"),
        "get": ("tiphys.cli.repo.get:get", "Show a repository"),
        "list": ("tiphys.cli.repo.list:list_command", "List repositories"),
        "rm": ("tiphys.cli.repo.remove:remove", "Forget repositories"),
    },
    "Manage repositories and what opens them.",
)

"""`app`: what users do with applications. One file a verb."""

from tiphys.cli.command import group

app = group(
    "app",
    {
        "add-source": ("tiphys.cli.app.sources:add_source", "Add a source to an application"),
        "confirm-deletion": (
            "tiphys.cli.app.confirm:confirm_deletion",
            "Let go what is deleted only when a person agrees",
        ),
        "create": ("tiphys.cli.app.create:create", "Create an application"),
        "delete": ("tiphys.cli.app.delete:delete", "Delete an application"),
        "delete-resource": (
            "tiphys.cli.app.oneresource:delete_resource",
            "Delete a live object of an application",
        ),
        "diff": ("tiphys.cli.app.diff:diff", "Show what a sync would change"),
        "edit": ("tiphys.cli.app.edit:edit_command", "Edit an application's spec"),
        "get": ("tiphys.cli.app.get:get", "Show an application"),
        "get-resource": (
            "tiphys.cli.app.getresource:get_resource",
            "Show a live object of an application",
        ),
        "history": ("tiphys.cli.app.history:history", "Show what was deployed"),
        "list": ("tiphys.cli.app.list:list_command", "List applications"),
        "logs": ("tiphys.cli.app.logs:logs", "Show the logs of an application's Pods"),
        "manifests": ("tiphys.cli.app.manifests:manifests", "Show the manifests"),
        "patch": ("tiphys.cli.app.patch:patch", "Patch an application"),
        "patch-resource": (
            "tiphys.cli.app.oneresource:patch_resource",
            "Patch a live object of an application",
        ),
        "remove-source": (
            "tiphys.cli.app.sources:remove_source",
            "Remove a source from an application",
        ),
        "resources": ("tiphys.cli.app.resourcelist:resources", "List live objects"),
        "rollback": ("tiphys.cli.app.rollback:rollback", "Go back to an earlier deployment"),
        "set": ("tiphys.cli.app.set:set_command", "Change an application's spec"),
        "sync": ("tiphys.cli.app.sync:sync", "Bring applications to their target state"),
        "terminate-op": ("tiphys.cli.app.terminate:terminate", "Stop the running operation"),
        "unset": ("tiphys.cli.app.unset:unset", "Take out of a spec what was set"),
        "wait": ("tiphys.cli.app.wait:wait", "Wait until applications are in a state"),
    },
    "Manage applications",
    later=("actions",),
)

"""`proj`: what administrators do with projects."""

from tiphys.cli.command import group

_HERE = "tiphys.cli.proj"

role_group = group(
    "role",
    {
        "add-group": (f"{_HERE}.roles:add_group", "Give a role to a group"),
        "add-policy": (f"{_HERE}.roles:add_policy", "Add a policy to a role"),
        "create": (f"{_HERE}.roles:create", "Create a role"),
        "create-token": (f"{_HERE}.tokens:create_token", "Issue a token for a role"),
        "delete": (f"{_HERE}.roles:delete", "Delete a role"),
        "delete-token": (f"{_HERE}.tokens:delete_token", "Take back a token"),
        "get": (f"{_HERE}.roles:get", "Show a role"),
        "list": (f"{_HERE}.roles:list_command", "List the roles of a project"),
        "list-tokens": (f"{_HERE}.tokens:list_tokens", "List the tokens of a role"),
        "remove-group": (f"{_HERE}.roles:remove_group", "Take a role from a group"),
        "remove-policy": (f"{_HERE}.roles:remove_policy", "Remove a policy from a role"),
    },
    "Manage the roles of a project",
)

windows_group = group(
    "windows",
    {
        "add": (f"{_HERE}.windows:add", "Add a sync window"),
        "delete": (f"{_HERE}.windows:delete", "Delete a sync window"),
        "disable-manual-sync": (f"{_HERE}.windows:disable_manual", "Keep manual syncs out, too"),
        "disable-sync-overrun": (
            f"{_HERE}.windows:disable_overrun",
            "Stop running syncs where the window changes",
        ),
        "enable-manual-sync": (f"{_HERE}.windows:enable_manual", "Let manual syncs through"),
        "enable-sync-overrun": (f"{_HERE}.windows:enable_overrun", "Let running syncs go on"),
        "list": (f"{_HERE}.windows:list_command", "List the sync windows of a project"),
        "update": (f"{_HERE}.windows:update", "Change a sync window"),
    },
    "Manage the sync windows of a project",
)

policies_group = group(
    "policies",
    {
        "add": (f"{_HERE}.integrity:add", "Add a policy for Git repositories"),
        "delete": (f"{_HERE}.integrity:delete", "Delete policies"),
        "list": (f"{_HERE}.integrity:list_command", "List the policies of a project"),
        "update": (f"{_HERE}.integrity:update", "Change a policy"),
    },
    "Manage which commits must be signed by whom",
)

git_group = group(
    "git",
    {"policies": (f"{_HERE}:policies_group", "Manage which commits must be signed by whom")},
    "Integrity of Git repositories",
)

integrity_group = group(
    "source-integrity",
    {"git": (f"{_HERE}:git_group", "Integrity of Git repositories")},
    "Integrity of sources",
)

proj = group(
    "proj",
    {
        "add-destination": (f"{_HERE}.destinations:add", "Allow a destination"),
        "add-destination-service-account": (
            f"{_HERE}.accounts:add",
            "Act as a service account at a destination",
        ),
        "add-orphaned-ignore": (f"{_HERE}.orphans:add", "Leave objects out of the orphaned ones"),
        "add-signature-key": (f"{_HERE}.lists:add_signature_key", "Allow a signature key"),
        "add-source": (f"{_HERE}.lists:add_source", "Allow a repository"),
        "add-source-namespace": (
            f"{_HERE}.lists:add_source_namespace",
            "Allow a namespace for applications",
        ),
        "allow-cluster-resource": (
            f"{_HERE}.kinds:allow_cluster",
            "Allow a cluster-scoped kind",
        ),
        "allow-namespace-resource": (
            f"{_HERE}.kinds:allow_namespaced",
            "Allow a namespaced kind",
        ),
        "create": (f"{_HERE}.create:create", "Create a project"),
        "delete": (f"{_HERE}.delete:delete", "Delete a project"),
        "deny-cluster-resource": (f"{_HERE}.kinds:deny_cluster", "Deny a cluster-scoped kind"),
        "deny-namespace-resource": (f"{_HERE}.kinds:deny_namespaced", "Deny a namespaced kind"),
        "edit": (f"{_HERE}.edit:edit_command", "Edit a project's spec"),
        "get": (f"{_HERE}.get:get", "Show a project"),
        "list": (f"{_HERE}.list:list_command", "List projects"),
        "remove-destination": (f"{_HERE}.destinations:remove", "Allow a destination no more"),
        "remove-destination-service-account": (
            f"{_HERE}.accounts:remove",
            "Act as a service account no more",
        ),
        "remove-orphaned-ignore": (
            f"{_HERE}.orphans:remove",
            "Count objects among the orphaned ones again",
        ),
        "remove-signature-key": (
            f"{_HERE}.lists:remove_signature_key",
            "Allow a signature key no more",
        ),
        "remove-source": (f"{_HERE}.lists:remove_source", "Allow a repository no more"),
        "remove-source-namespace": (
            f"{_HERE}.lists:remove_source_namespace",
            "Allow a namespace no more",
        ),
        "role": (f"{_HERE}:role_group", "Manage the roles of a project"),
        "set": (f"{_HERE}.set:set_command", "Change a project's spec"),
        "source-integrity": (f"{_HERE}:integrity_group", "Manage the integrity of sources"),
        "windows": (f"{_HERE}:windows_group", "Manage the sync windows of a project"),
    },
    "Manage projects",
)

"""`admin`: what administrators do, by direct access to the cluster or to files. One file a noun."""

from tiphys.cli.command import group

admin = group(
    "admin",
    {
        "app": ("tiphys.cli.admin.app:app", "Work on applications"),
        "cluster": ("tiphys.cli.admin.cluster:cluster", "Work on clusters"),
        "dashboard": ("tiphys.cli.admin.dashboard:dashboard", "Serve the API on this machine"),
        "export": ("tiphys.cli.admin.backup:export", "Write all that is managed as YAML"),
        "import": ("tiphys.cli.admin.backup:import_command", "Restore what was exported"),
        "initial-password": (
            "tiphys.cli.admin.initial:initial_password",
            "Print what admin first logs in with",
        ),
        "proj": ("tiphys.cli.admin.proj:proj", "Work on projects"),
        "redis-initial-password": (
            "tiphys.cli.admin.redis:initial_password",
            "Make the password of Redis, where there is none",
        ),
        "repo": ("tiphys.cli.admin.repo:repo", "Work on repositories"),
        "settings": ("tiphys.cli.admin.settings:settings", "Check settings before they are used"),
    },
    "Administration by direct access to the cluster, or to files.",
    later=("notifications",),
)

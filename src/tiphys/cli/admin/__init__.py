"""`admin`: what administrators do, by direct access to the cluster or to files. One file a noun."""

from tiphys.cli.command import group

admin = group(
    "admin",
    {
        "app": ("tiphys.cli.admin.app:app", "Work on applications"),
        "cluster": ("tiphys.cli.admin.cluster:cluster", "Work on clusters"),
        "proj": ("tiphys.cli.admin.proj:proj", "Work on projects"),
        "repo": ("tiphys.cli.admin.repo:repo", "Work on repositories"),
        "settings": ("tiphys.cli.admin.settings:settings", "Check settings before they are used"),
    },
    "Administration by direct access to the cluster, or to files.",
    later=(
        "dashboard",
        "export",
        "import",
        "initial-password",
        "notifications",
        "redis-initial-password",
    ),
)

"""`cluster`: the clusters that applications go to. One file a verb."""

from tiphys.cli.command import group

cluster = group(
    "cluster",
    {
        "add": ("tiphys.cli.cluster.add:add", "Make a cluster of the kubeconfig known"),
        "get": ("tiphys.cli.cluster.get:get", "Show a cluster"),
        "list": ("tiphys.cli.cluster.list:list_command", "List clusters"),
        "rm": ("tiphys.cli.cluster.remove:remove", "Forget a cluster"),
        "rotate-auth": ("tiphys.cli.cluster.rotate:rotate", "Renew the token for a cluster"),
        "set": ("tiphys.cli.cluster.set:set_command", "Change what is known of a cluster"),
    },
    "Manage clusters.",
)

"""`cert`: certificates and SSH keys that servers of repositories may have. One file a verb."""

from tiphys.cli.command import group

cert = group(
    "cert",
    {
        "add-ssh": ("tiphys.cli.cert.addssh:add_ssh", "Add keys of SSH hosts"),
        "add-tls": ("tiphys.cli.cert.addtls:add_tls", "Add certificates of a server"),
        "list": ("tiphys.cli.cert.list:list_command", "List certificates and keys"),
        "rm": ("tiphys.cli.cert.remove:remove", "Remove certificates and keys"),
    },
    "Manage the certificates and SSH keys that servers of repositories may have.",
)

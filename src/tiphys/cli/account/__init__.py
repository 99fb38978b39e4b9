"""`account`: who may log in, and by what. One file a verb or two."""

from tiphys.cli.command import group

account = group(
    "account",
    {
        "bcrypt": ("tiphys.cli.account.bcrypt:bcrypt", "Print the hash of a password"),
        "can-i": ("tiphys.cli.account.rights:can_i", "Say whether one may do something"),
        "delete-token": ("tiphys.cli.account.tokens:delete_token", "Delete a token"),
        "generate-token": ("tiphys.cli.account.tokens:generate_token", "Make a token"),
        "get": ("tiphys.cli.account.show:get", "Show an account"),
        "get-user-info": ("tiphys.cli.account.rights:get_user_info", "Show who one is"),
        "list": ("tiphys.cli.account.show:list_command", "List accounts"),
        "session-token": ("tiphys.cli.account.session:session_token", "Show one's own token"),
        "update-password": (
            "tiphys.cli.account.password:update_password",
            "Change a password",
        ),
    },
    "Manage accounts.",
)

"""The calls on applications, projects and the rest, asked of a server of the API.

They are the same calls that other packages here make straight on a cluster, so that a command is
written once. Only methods of the contract are called, for the server may be anybody's.
"""

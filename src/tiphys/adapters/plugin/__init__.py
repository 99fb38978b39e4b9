"""Config management plugins: the renderer that asks them, and the process beside them.

The renderer finds plugins by their sockets, and sends the folder that they need as a compressed
tar. The process (`tiphys cmp-server`) runs a plugin's commands on it. What both say to each other
is the contract's, so either works with the other's counterpart of Argo CD.
"""

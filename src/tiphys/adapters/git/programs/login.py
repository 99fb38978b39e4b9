"""Git's credential helper: hands Git's question to the process that started Git, and its answer
back, over an inherited socket that nobody else holds.

Run as a file of its own, isolated, so that it starts in milliseconds: `login.py SOCKET get`.
"""

import os
import sys

_LONGEST = 1 << 16


def main(arguments: list[str]) -> None:
    channel, verb = int(arguments[1]), arguments[2]
    if verb != "get":
        return
    os.write(channel, sys.stdin.buffer.read(_LONGEST))
    sys.stdout.buffer.write(os.read(channel, _LONGEST))


if __name__ == "__main__":
    main(sys.argv)

"""What `ssh` reaches a server through where there is a proxy: SOCKS 5 (RFC 1928 and 1929), and
HTTP's CONNECT.

Run as a file of its own, isolated: `socks.py SETTINGS`. The settings name proxy and destination;
they are a file, since `ssh` hands on no socket and a password must not be an argument.
"""

import base64
import json
import os
import selectors
import socket
import sys
from typing import Any

_CHUNK = 1 << 16
_PATIENCE = 30.0
_REFUSED = {1: "failed", 2: "forbids it", 3: "network unreachable", 4: "host unreachable",
            5: "connection refused", 6: "took too long", 7: "unknown command",
            8: "unknown kind of address"}  # fmt: skip


class ProxyError(Exception):
    """The proxy did not let us through."""


def main(arguments: list[str]) -> int:
    with open(arguments[1], encoding="utf-8") as file:
        asked = json.load(file)
    try:
        connection = connect(asked)
    except (OSError, ProxyError) as error:
        print(f"proxy {asked['host']} port {asked['port']}: {error}", file=sys.stderr)
        return 1
    carry(connection)
    return 0


def connect(asked: dict[str, Any]) -> socket.socket:
    connection = socket.create_connection((asked["host"], asked["port"]), _PATIENCE)
    (_http if asked["http"] else _socks)(connection, asked)
    connection.settimeout(None)
    return connection


def _socks(connection: socket.socket, asked: dict[str, Any]) -> None:
    user, password = asked["user"].encode(), asked["password"].encode()
    connection.sendall(b"\x05\x02\x00\x02" if user else b"\x05\x01\x00")
    method = _exactly(connection, 2)[1]
    if method == 2 and user:
        line = bytes([1, len(user)]) + user + bytes([len(password)]) + password
        connection.sendall(line)
        if _exactly(connection, 2)[1] != 0:
            raise ProxyError("authentication failed: it refuses the user and password")
    elif method != 0:
        raise ProxyError("authentication failed: it asks for a user and password")
    name = asked["to"].encode("idna")
    port = int(asked["to_port"]).to_bytes(2, "big")
    connection.sendall(b"\x05\x01\x00\x03" + bytes([len(name)]) + name + port)
    answer = _exactly(connection, 4)
    if answer[1] != 0:
        raise ProxyError(_REFUSED.get(answer[1], f"answer {answer[1]}"))
    length = {1: 4, 4: 16}.get(answer[3]) or _exactly(connection, 1)[0]
    _exactly(connection, length + 2)


def _http(connection: socket.socket, asked: dict[str, Any]) -> None:
    place = f"{asked['to']}:{asked['to_port']}"
    lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
    if asked["user"]:
        login = base64.b64encode(f"{asked['user']}:{asked['password']}".encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {login}")
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += _exactly(connection, 1)
        if len(answer) > _CHUNK:
            raise ProxyError("its answer has no end")
    status = answer.split(b" ", 2)[1:2]
    if status != [b"200"]:
        raise ProxyError("it answered " + b" ".join(status).decode("ascii", "replace"))


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise ProxyError("it closed the connection")
        data += piece
    return data


def carry(connection: socket.socket) -> None:
    """Both ways between standard input and output and the connection, until either ends."""
    with selectors.DefaultSelector() as ready:
        ready.register(0, selectors.EVENT_READ)
        ready.register(connection, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fileobj == 0:
                    data = os.read(0, _CHUNK)
                    if data:
                        connection.sendall(data)
                        continue
                    ready.unregister(0)
                    connection.shutdown(socket.SHUT_WR)
                else:
                    data = connection.recv(_CHUNK)
                    if not data:
                        return
                    while data:
                        data = data[os.write(1, data) :]


if __name__ == "__main__":
    sys.exit(main(sys.argv))

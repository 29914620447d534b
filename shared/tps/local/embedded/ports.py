"""Ports and sockets on the loopback address."""

import errno
import random
import socket

from tps.local.embedded.failure import StackError

HOST = "127.0.0.1"
# Below the range of ephemeral ports, so that the port of a restarted server is still free.
_FIRST, _LAST = 20000, 32000
_TRIES = 200
_BACKLOG = 1024


def free_ports(count: int) -> list[int]:
    """Return distinct free ports, chosen at random so that two stacks rarely collide.

    Raises:
        StackError: There are not enough free ports.
    """
    chosen: list[int] = []
    for _ in range(_TRIES):
        port = random.randint(_FIRST, _LAST)
        if port not in chosen and is_free(port):
            chosen.append(port)
        if len(chosen) == count:
            return chosen
    raise StackError(f"no {count} free ports between {_FIRST} and {_LAST} on {HOST}")


def is_free(port: int) -> bool:
    """Return True if a server can listen on this port now."""
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((HOST, port))
        except OSError:
            return False
    return True


def listening_socket(port: int) -> socket.socket:
    """Return the socket from which all workers accept connections. Port 0 takes a free port.

    Raises:
        StackError: The port is in use or not permitted.
    """
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise StackError(_why_not(port, error)) from error
    listener.listen(_BACKLOG)
    return listener


def _why_not(port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"another program uses port {port}; choose another port with --port"
    if error.errno == errno.EACCES:
        return f"you have no permission to use port {port}; choose a port above 1023 with --port"
    return f"cannot listen on port {port}: {error.strerror}"

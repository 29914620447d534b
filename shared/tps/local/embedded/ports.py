"""Listening addresses on this machine alone."""

import errno
import random
import socket

from tps.local.embedded.failure import StackError

HOST = "127.0.0.1"
# Below the range from which kernels take ports of outgoing connections, so that a restarted server finds its own free.
_FIRST, _LAST = 20000, 32000
_TRIES = 200
_BACKLOG = 1024


def free_ports(count: int) -> list[int]:
    """Distinct ports that nobody listens on, chosen at random so that two stacks do not meet.

    Raises:
        StackError: There are none; whoever runs the machine must end something.
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
    """True if a server could listen on this port now."""
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((HOST, port))
        except OSError:
            return False
    return True


def listening_socket(port: int) -> socket.socket:
    """The one socket that all workers accept from; port 0 takes a free one.

    Raises:
        StackError: The port is taken or not allowed; choose another.
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
        return f"port {port} is taken by another program; choose one with --port"
    if error.errno == errno.EACCES:
        return f"port {port} needs more rights than you have; choose one above 1023 with --port"
    return f"cannot listen on port {port}: {error.strerror}"

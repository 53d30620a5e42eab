"""Who is at the other end of a local socket: the user id, as the kernel tells it."""

import ctypes
import os
import socket
import struct
import sys


def is_same_user(connected: socket.socket) -> bool:
    """Whether the process at the other end runs under our own user id; False where that cannot be learned."""
    return uid_of(connected) == os.geteuid()


def uid_of(connected: socket.socket) -> int | None:
    """The effective user id of the process that connected, or that listened there; None where the system does not
    tell."""
    try:
        if sys.platform == "linux":
            peer = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            _, user, _ = struct.unpack("3i", peer)
            return int(user)
        return _getpeereid(connected)
    except OSError:
        # It has closed its end: there is nothing left to send to it.
        return None


def _getpeereid(connected: socket.socket) -> int | None:
    """What macOS and the BSDs have in their C library."""
    call = getattr(ctypes.CDLL(None, use_errno=True), "getpeereid", None)
    if call is None:
        return None
    user, group = ctypes.c_uint32(), ctypes.c_uint32()
    return user.value if call(connected.fileno(), ctypes.byref(user), ctypes.byref(group)) == 0 else None

"""A second user of the machine, for tests that run as root."""

import os
from collections.abc import Callable

import pytest

# `nobody` of most systems; any account but ours would do.
OTHER = 65534

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def as_other_user(act: Callable[[], bytes]) -> bytes:
    """What `act` returns where it runs as another user, in a process of its own; the text of an OSError where it
    raises one."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(OTHER)
            os.setuid(OTHER)
            os.write(writing, act())
        except OSError as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        printed = stream.read()
    os.waitpid(pid, 0)
    return printed

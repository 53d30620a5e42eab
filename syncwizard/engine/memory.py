"""Gives memory back to the system: an engine lives for weeks, and what its first minutes needed is of no use then."""

import ctypes
import gc


def give_back() -> None:
    """What is free inside the process goes to the system, where the C library can do that."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)

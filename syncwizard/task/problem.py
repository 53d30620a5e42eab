"""One thing that is wrong in a specification."""

import msgspec


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong; `path` as in `objects[0].schema`."""

    path: str
    message: str
    remedy: str = ""

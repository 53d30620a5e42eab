"""Durations as they are typed."""

import re

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([0-9]{1,6})([smhd])", re.ASCII)


def parse_duration(text: str) -> int | None:
    """Seconds of a number and its unit; None where it is none.

    >>> [parse_duration(text) for text in ("90s", "30m", "2h", "1d", "2 hours", "0h")]
    [90, 1800, 7200, 86400, None, None]
    """
    found = _DURATION.fullmatch(text)
    return int(found[1]) * _UNITS[found[2]] or None if found else None

"""Log sequence numbers: integers inside, PostgreSQL's `16/B374D848` in text."""


def parse_lsn(text: str) -> int:
    """The position as an integer.

    >>> parse_lsn("16/B374D848")
    97500059720
    """
    high, _, low = text.partition("/")
    return (int(high, 16) << 32) | int(low, 16)


def format_lsn(position: int) -> str:
    """The position as PostgreSQL prints it.

    >>> format_lsn(97500059720)
    '16/B374D848'
    """
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"

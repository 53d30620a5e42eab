"""Texts as SQL. Pure."""


def literal(text: str) -> str:
    r"""The text as SQL, whatever `standard_conforming_strings` is.

    >>> print(literal("it's"), literal("a\\b"))
    'it''s' E'a\\b'
    """
    quoted = text.replace("'", "''")
    return f"E'{quoted.replace(chr(92), chr(92) * 2)}'" if "\\" in text else f"'{quoted}'"

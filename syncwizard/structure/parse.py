"""pg_dump's output as statements; each keeps its own text."""

import re
from typing import Any

from syncwizard.errors import TaskFailed
from syncwizard.structure.classify import classify
from syncwizard.structure.options import one_by_one
from syncwizard.structure.statements import Statement


def parse_dump(text: str) -> list[Statement]:
    """All statements of the dump in its order, those that only set the session left out, options of columns one by one.

    Raises TaskFailed when the parser does not know a statement.
    """
    import postgast

    source = without_meta_commands(text).encode()
    try:
        tree: Any = postgast.parse(source.decode())
    except postgast.PgQueryError as error:
        raise TaskFailed(
            "pg_dump wrote a statement that cannot be parsed", detail=str(error), where="source"
        ) from error
    found = []
    for raw in tree.stmts:
        statement = classify(raw.stmt, without_leading_comments(_text_of(raw, source)))
        if statement.kind != "session":
            found += one_by_one(statement, raw.stmt, source)
    return found


def split_statements(text: str) -> list[str]:
    """The statements one by one.

    Raises TaskFailed where the text is no SQL.

    >>> split_statements("GRANT SELECT ON a TO b; SELECT ';'")
    ['GRANT SELECT ON a TO b', "SELECT ';'"]
    """
    import postgast

    try:
        tree: Any = postgast.parse(text)
    except postgast.PgQueryError as error:
        raise TaskFailed("these are no statements that can be run", detail=str(error)) from error
    return [_text_of(raw, text.encode()).strip() for raw in tree.stmts]


def _text_of(raw: Any, source: bytes) -> str:
    """A parsed statement as it was written. Offsets count bytes; its stretch begins behind the last semicolon."""
    end = raw.stmt_location + raw.stmt_len if raw.stmt_len else len(source)
    return source[raw.stmt_location : end].decode()


def without_meta_commands(text: str) -> str:
    r"""The dump without psql's own lines, which newer versions of pg_dump put first and last.

    >>> without_meta_commands("\\restrict k3y\nSELECT 1;\n\\unrestrict k3y\n")
    'SELECT 1;\n'
    """
    opening = re.match(r"(?:\s+|--[^\n]*\n)*\\restrict (\S+)\n", text)
    if opening is None:
        return text
    # Only the first and the last: a function's body may have such a line too.
    body = text[opening.end() :].rstrip()
    return body.removesuffix(f"\\unrestrict {opening[1]}")


def without_leading_comments(text: str) -> str:
    r"""The statement without the blank and comment lines before it.

    >>> without_leading_comments("\n--\n-- Name: a\n--\n\nCREATE TABLE a ()")
    'CREATE TABLE a ()'
    """
    return re.sub(r"\A(?:\s+|--[^\n]*\n)+", "", text)

"""pg_dump's output as statements; each keeps its own text."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from syncwizard.errors import TaskFailed
from syncwizard.structure.classify import classify
from syncwizard.structure.options import one_by_one
from syncwizard.structure.sql_trees import parse_sql
from syncwizard.structure.statements import Statement
from syncwizard.task.names import ObjectName

# The parser's trees take twenty times the memory of their text.
PIECE_CHARACTERS = 1024 * 1024
# So many are tried together where their ends do not parse.
MOST_PIECES = 4


def parse_dump(text: str) -> list[Statement]:
    """All statements of the dump in its order, those that only set the session left out, options of columns one by one.

    One that the parser does not know (of a newer server, or a fork) is of kind `other`, with the parser's message.
    """
    import postgast

    dump = without_meta_commands(text)
    try:
        found = _parse_in_pieces(dump)
    except postgast.PgQueryError:
        found = [statement for entry in entries(dump) for statement in _parse_entry(entry)]
    return [statement for statement in _with_headers(found) if statement.kind != "session"]


def _parse_in_pieces(dump: str) -> list[tuple[str, Statement]]:
    """What `_parse` makes of the whole. A piece that ends within a literal, at a line that only looks like a header, is
    no SQL without the rest of it."""
    import postgast

    found: list[tuple[str, Statement]] = []
    pieces = _pieces(dump)
    begin = 0
    for end in range(1, len(pieces) + 1):
        try:
            found += _parse("".join(pieces[begin:end]))
        except postgast.PgQueryError:
            if end - begin == MOST_PIECES or end == len(pieces):
                raise
        else:
            begin = end
    return found


def _pieces(dump: str) -> list[str]:
    """The dump cut at headers of pg_dump's into pieces of about the size, or of one entry."""
    cuts = [0]
    for header in _HEADER_LINES.finditer(dump):
        if header.start() - cuts[-1] >= PIECE_CHARACTERS:
            cuts.append(header.start())
    return [dump[begin:end] for begin, end in zip(cuts, [*cuts[1:], len(dump)], strict=True)]


def _parse(text: str) -> list[tuple[str, Statement]]:
    """Each statement with the comments before it."""
    tree: Any = parse_sql(text)
    source = text.encode()
    found = []
    # Whether the comments are part of the statement's own stretch depends on the parser's version.
    end = 0
    for raw in tree.stmts:
        text = _text_of(raw, source)
        whole = source[end : raw.stmt_location].decode().lstrip(";") + text
        statement = classify(raw.stmt, without_leading_comments(text))
        found += [(whole, each) for each in one_by_one(statement, raw.stmt, source)]
        end = raw.stmt_location + raw.stmt_len
    return found


def entries(dump: str) -> list[list[str]]:
    """The dump cut at semicolons outside quotes, the pieces under one header of pg_dump's together.

    A function's body in SQL has semicolons of its own: its pieces are not statements.
    """
    import postgast

    found: list[list[str]] = []
    for piece in postgast.split(dump, method="scanner"):
        if header_of(piece) is not None or not found:
            found.append([])
        found[-1].append(piece)
    return found


def _parse_entry(pieces: list[str]) -> list[tuple[str, Statement]]:
    """The statements of one entry: as few pieces together as the parser takes, and alone where it takes none."""
    import postgast

    found: list[tuple[str, Statement]] = []
    begin = 0
    while begin < len(pieces):
        message = ""
        for end in range(begin + 1, len(pieces) + 1):
            try:
                found += _parse(";".join(pieces[begin:end]))
            except postgast.PgQueryError as error:
                message = message or str(error)
            else:
                begin = end
                break
        else:
            text = without_leading_comments(pieces[begin]).strip()
            unknown = Statement(kind="other", text=text, name=ObjectName("", ""), unknown=message)
            found.append((pieces[begin], unknown))
            begin += 1
    return found


class Header(msgspec.Struct, frozen=True):
    """What pg_dump writes above each of its entries: the name (functions with their arguments), kind and schema."""

    name: str
    kind: str
    schema: str


def header_of(text: str) -> Header | None:
    r"""The last header in the comments before a statement.

    >>> header_of("\n--\n-- Name: a; b; Type: TABLE; Schema: public; Owner: -\n--\n\nCREATE TABLE")
    Header(name='a; b', kind='table', schema='public')
    """
    comments = re.match(r"(?:\s+|--[^\n]*\n)*", text)
    lines = _HEADER.findall(comments[0]) if comments else []
    return Header(lines[-1][0], lines[-1][1].lower(), lines[-1][2].removeprefix("-")) if lines else None


_HEADER_LINES = re.compile(r"^--\n-- Name: ", re.MULTILINE)
_HEADER = re.compile(r"^-- Name: (.*); Type: (.*?); Schema: (.*?); Owner: .*$", re.MULTILINE)


def _with_headers(found: list[tuple[str, Statement]]) -> Iterator[Statement]:
    """The statements; those of no kind of ours bear the name and kind of pg_dump's header over them."""
    header = None
    for text, statement in found:
        header = header_of(text) or header
        if statement.kind == "other" and header is not None:
            name = ObjectName(header.schema, header.name)
            yield msgspec.structs.replace(statement, name=name, method=header.kind)
        else:
            yield statement


def split_statements(text: str) -> list[str]:
    """The statements one by one.

    Raises TaskFailed where the text is no SQL.

    >>> split_statements("GRANT SELECT ON a TO b; SELECT ';'")
    ['GRANT SELECT ON a TO b', "SELECT ';'"]
    """
    import postgast

    try:
        tree: Any = parse_sql(text)
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

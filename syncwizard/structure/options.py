"""Options of a column (ALTER TABLE … ALTER COLUMN … SET), one statement each: a destination that does not know one of
them takes the others. Those that a server keeps for itself are left out."""

from typing import Any

import msgspec

from syncwizard.structure.statements import Statement

# PostgreSQL keeps this prefix for itself. 15.20 notes `pg_attver` at every column; an earlier pg_dump writes it, and no
# other server takes it.
INTERNAL = "pg_"


def one_by_one(statement: Statement, node: Any, source: bytes) -> list[Statement]:
    """The statement with each of its options alone; itself where it is about something else.

    `node` is its tree, whose positions count the bytes of `source`, the whole dump.
    """
    if node.WhichOneof("node") != "alter_table_stmt" or statement.kind != "column setting":
        return [statement]
    command = node.alter_table_stmt.cmds[0].alter_table_cmd
    options = [item.def_elem for item in getattr(command, "def").list.items]
    if not options:
        return [statement]
    body = statement.text.encode()
    # The only place of the text that has the option in it; the tree's own beginning is that of comments before it.
    beginning = source.index(body, max(0, options[0].location - len(body) + 1))
    edges = [option.location - beginning for option in options] + [body.rindex(b")")]
    prefix = body[: edges[0]].decode()
    found = []
    for option, start, end in zip(options, edges, edges[1:], strict=False):
        if not option.defname.startswith(INTERNAL):
            text = body[start:end].decode().rstrip().removesuffix(",")
            found.append(msgspec.structs.replace(statement, text=f"{prefix}{text})", setting=option.defname))
    return found

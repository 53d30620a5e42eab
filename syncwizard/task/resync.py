"""Which tables are to be copied again, and a description of what that does."""

import msgspec

from syncwizard.task.events import ResyncRequested
from syncwizard.task.names import TableName
from syncwizard.task.text import describe_bytes, format_table, one_line


class ResyncWish(msgspec.Struct, frozen=True, kw_only=True):
    """These tables, or all; by default those that lost changes."""

    tables: list[TableName] = []
    everything: bool = False


def describe_order(order: ResyncRequested) -> str:
    """Why, and the tables with the source's estimates.

    >>> from uuid import UUID
    >>> from syncwizard.task.events import TableToCopy
    >>> table = TableToCopy(table=TableName("kb", "tags"), rows=40_000, bytes=1_800_000)
    >>> reasons = ["kb.tags was taken out of the publication"]
    >>> print(describe_order(ResyncRequested(id=UUID(int=1), tables=[table], whole=False, reasons=reasons)))
    kb.tags was taken out of the publication
    TABLE     ROWS ABOUT    SIZE
    kb.tags       40,000  1.8 MB
    together      40,000  1.8 MB
    """
    lines = [*map(one_line, order.reasons)]
    if order.whole:
        lines.append("slot and publication at the source are created again")
    if order.tables:
        rows = [(str(each.table), f"{each.rows:,}", describe_bytes(each.bytes)) for each in order.tables]
        total = sum(each.rows for each in order.tables), sum(each.bytes for each in order.tables)
        rows.append(("together", f"{total[0]:,}", describe_bytes(total[1])))
        lines.append(format_table(("TABLE", "ROWS ABOUT", "SIZE"), rows, right=[1, 2]))
    return "\n".join(lines)


def describe_consequences(order: ResyncRequested, database: str) -> str:
    """What that means at the destination; `database`: its name, where it is known."""
    if not order.tables:
        return "no table is emptied or copied"
    where = one_line(database) or "its database"
    return (
        f"These tables are EMPTIED at the destination ({where}) and copied again from the source."
        "\nUntil the changes since then are applied, readers there see them empty, in part, or of another moment."
    )

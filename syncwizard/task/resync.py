"""Which tables are to be copied again, and a description of what that does."""

import msgspec

from syncwizard.task.events import ResyncRequested
from syncwizard.task.names import TableName
from syncwizard.task.text import describe_bytes, format_table, one_line


class ResyncWish(msgspec.Struct, frozen=True, kw_only=True):
    """These tables, or all; by default those that lost changes. `heals`: by the rows that differ."""

    tables: list[TableName] = []
    everything: bool = False
    heals: bool = False


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


def describe_consequences(order: ResyncRequested, database: str, *, beside: bool) -> str:
    """What that means at the destination; `database`: its name, where it is known; `beside`: another task copies."""
    if not order.tables:
        return "no table is emptied or copied"
    where = one_line(database) or "its database"
    return (
        f"These tables are EMPTIED at the destination ({where}) and copied again from the source."
        "\nUntil the changes since then are applied, readers there see them empty, in part, or of another moment."
        f"\nThe changes of the other tables {'go on meanwhile' if beside else 'wait for that'}."
    )


def is_cheaper_to_heal(order: ResyncRequested) -> bool:
    """Whether comparing and writing what differs moves less than copying: a copy reads the tables, writes them and
    makes their index entries anew; healing reads them, and writes no more than what was changed since.

    >>> from uuid import UUID
    >>> from syncwizard.task.events import TableToCopy
    >>> table = TableToCopy(table=TableName("kb", "tags"), rows=1, bytes=1_000)
    >>> order = ResyncRequested(id=UUID(int=1), tables=[table], whole=True, heals=True, gap_bytes=100, index_bytes=500)
    >>> is_cheaper_to_heal(order), is_cheaper_to_heal(msgspec.structs.replace(order, gap_bytes=5_000))
    (True, False)
    """
    size = sum(each.bytes for each in order.tables)
    # What is changed is deleted and written, with its index entries.
    return order.gap_bytes is None or 2 * order.gap_bytes < size + order.index_bytes


def describe_healing(order: ResyncRequested) -> str:
    """What healing does, and which way is the cheaper one, and why."""
    if not order.tables:
        return "no table lost changes"
    size = describe_bytes(sum(each.bytes for each in order.tables))
    gap = "how much the source wrote since is not known"
    if order.gap_bytes is not None:
        gap = f"the source wrote {describe_bytes(order.gap_bytes)} of WAL since, and no more than that differs"
    way = "healing is" if is_cheaper_to_heal(order) else "a new copy (`resync`) is"
    return (
        f"Healing reads {size} at both ends; {gap}."
        f"\nA new copy reads {size} and writes it again, with {describe_bytes(order.index_bytes)} of indexes:"
        f" {way} the cheaper way."
        "\nRows that differ are written as the source has them; those that only the destination has are DELETED there."
        "\nReaders see each table as it was until it is healed. Tables without a key are EMPTIED and copied."
    )

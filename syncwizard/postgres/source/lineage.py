"""Are the captured relations still the tables they were captured as? (rules 5 and 13)

A relation is captured by its OID. What the stream does not tell of it: another name, a partition that was out of its
tree for a while, and other values in rows that no statement changed (a rewrite, a column that came with values).
"""

from collections.abc import Collection, Iterable, Sequence

import msgspec
from psycopg import sql

from syncwizard.errors import SourceChanged
from syncwizard.postgres.captured import ColumnTraits, Member, Progress, Traits, is_ours, parents
from syncwizard.postgres.dialect import for_server
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.source.continuity import find_relations, missing_changes
from syncwizard.postgres.source.definitions import captured_all
from syncwizard.remedies import first
from syncwizard.task.names import TableName


class Present(msgspec.Struct, frozen=True, kw_only=True):
    """A relation as the catalogue has it now."""

    table: TableName
    traits: Traits


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """A table, by its name now, whose rows the stream does not bring in step; what happened; what has to be done at the
    destination before it is copied again, if anything. `member`: as it was captured; `attachment`: where it is now."""

    table: TableName
    reason: str
    first: str = ""
    member: Member
    attachment: str = ""


class Altered(msgspec.Struct, frozen=True, kw_only=True):
    """A column that was rewritten to another type, by its OID; `table` is its name now, and `member` as it would be
    remembered if nothing came of it."""

    table: TableName
    column: str
    type: int
    member: Member

    @property
    def message(self) -> str:
        """What happened, without the table."""
        return f"column {self.column} was rewritten to another type, and its values may be others, too"


class Detached(msgspec.Struct, frozen=True, kw_only=True):
    """A partition, by its name now, that is in its tree no more; `root` is the tree's name, None when that is gone.

    `captured`: it is in the publication by itself, so that its changes go on.
    """

    table: TableName
    root: TableName | None
    captured: bool


class Doubt(msgspec.Struct, frozen=True, kw_only=True):
    """What may have made rows differ, where nothing says whether it did."""

    table: TableName
    message: str


class FollowedTables(msgspec.Struct, frozen=True, kw_only=True):
    """Tables, by OID, whose definitions are followed. `captured`: by commands that are in the stream; else by how the
    stream describes them, which shows other names of tables and columns alone."""

    tables: Collection[int] = ()
    captured: bool = True


NOT_FOLLOWED = FollowedTables()


class Lineage(msgspec.Struct, frozen=True, kw_only=True):
    """How the captured relations differ from what they were. `renamed`: the captured name and the present one.

    `altered`: rows may have other values than before, which only who altered the column knows. `noted`: the members
    whose traits are others now without harm, as they are to be remembered.
    """

    lost: tuple[Loss, ...] = ()
    altered: tuple[Altered, ...] = ()
    renamed: tuple[tuple[TableName, TableName], ...] = ()
    detached: tuple[Detached, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    noted: tuple[Member, ...] = ()


def read_present(connection: Connection, relations: Iterable[int]) -> dict[int, Present]:
    """Those of the relations that exist."""
    wanted = list(relations)
    if not wanted:
        return {}
    rows = connection.execute(query("relation_traits"), {"relations": wanted}).fetchall()
    return {
        relation: Present(
            table=TableName(schema, name),
            traits=Traits(
                storage=storage,
                attachment=attachment,
                columns=msgspec.json.decode(columns, type=tuple[ColumnTraits, ...]),
            ),
        )
        for relation, schema, name, storage, attachment, columns in rows
    }


def read_digest(connection: Connection, relations: Sequence[int]) -> str:
    """One value for all that `read_present` would give, made by the server."""
    traits = for_server(connection, query("relation_traits"))
    statement = "SELECT pg_catalog.md5(string_agg(t::text, '' ORDER BY t.relation)) FROM (" + traits + ") AS t"
    row = connection.execute(statement, {"relations": list(relations)}).fetchone()
    return str(row[0]) if row else ""


def with_traits(connection: Connection, members: Iterable[Member], known: Iterable[Member] = ()) -> list[Member]:
    """The members with their traits: those of `known`, by relation, else those of now."""
    members = list(members)
    before = {member.relation: member.traits for member in known if member.traits is not None}
    present = read_present(connection, [member.relation for member in members if member.relation not in before])
    return [
        msgspec.structs.replace(
            member,
            traits=before.get(member.relation)
            or (present[member.relation].traits if member.relation in present else None),
        )
        for member in members
    ]


def compare_lineage(
    connection: Connection, members: Sequence[Member], followed: FollowedTables = NOT_FOLLOWED
) -> Lineage:
    """Looks at the captured relations; those that are gone are left to others. Of those `followed` the stream brings
    what happened to their columns as far as all of it was captured."""
    members = [member for member in members if not is_ours(member.table)]
    present = read_present(connection, [member.relation for member in members])
    listed = {member.relation for member in members if member.oid is not None}
    lost: list[Loss] = []
    altered: list[Altered] = []
    renamed, doubts, noted = [], [], []
    redefined = _redefined(connection, members, present, followed)
    detached: list[tuple[Member, Present]] = []
    for member in members:
        now = present.get(member.relation)
        if now is None:
            continue
        if member.traits is None:
            noted.append(msgspec.structs.replace(member, traits=now.traits))
        elif _is_out(member, now, listed):
            detached.append((member, now))
            # Nothing else of it matters: what happens to it is none of the task's business, unless it comes back.
            if member.oid is None:
                continue
        described = not followed.captured and member.relation in followed.tables
        if now.table != member.table and member.relation not in redefined and not described:
            renamed.append((member.table, now.table))
        if member.traits is None or member.traits == now.traits:
            continue
        if member.relation in redefined:
            noted.append(msgspec.structs.replace(member, traits=now.traits))
            continue
        losses, changes, unsure = _compare(connection, member, now, named=_is_described(now, member, followed))
        lost += losses
        altered += changes
        doubts += unsure
        if not losses and not changes:
            noted.append(msgspec.structs.replace(member, traits=_remembered(member.traits, now.traits)))
    return Lineage(
        lost=tuple(lost),
        altered=tuple(altered),
        renamed=tuple(renamed),
        detached=_name_roots(connection, detached),
        doubts=tuple(doubts),
        noted=tuple(noted),
    )


def _redefined(
    connection: Connection, members: Iterable[Member], present: dict[int, Present], followed: FollowedTables
) -> set[int]:
    """The followed tables that differ, and whose every command is in the stream; partitions by their topmost table."""
    differing: dict[int, int] = {}
    if not followed.captured:
        return set()
    for member in members:
        now = present.get(member.relation)
        if now is None or (member.traits in (None, now.traits) and member.table == now.table):
            continue
        above = parents(now.traits.attachment)
        if not above and member.relation in followed.tables:
            differing[member.relation] = member.relation
        elif (
            above
            and above[-1] in followed.tables
            and member.table == now.table
            and member.traits is not None
            and member.traits.attachment == now.traits.attachment
        ):
            differing[member.relation] = above[-1]
    captured = captured_all(connection, set(differing.values()))
    return {relation for relation, top in differing.items() if top in captured}


def missing_rows(lost: Sequence[Loss], progress: Progress) -> SourceChanged:
    """The error of tables whose rows differ."""
    error = missing_changes(
        "; ".join(dict.fromkeys(f"{loss.table}: {loss.reason}" for loss in lost)),
        progress,
        detail="the stream of changes does not bring these rows in step",
    )
    error.remedy = first(error.remedy, *dict.fromkeys(loss.first for loss in lost if loss.first))
    return error


def _is_out(member: Member, now: Present, listed: set[int]) -> bool:
    """Whether a captured partition is in its tree no more."""
    if member.oid is None:
        return not listed.intersection(parents(now.traits.attachment))
    return bool(member.traits and member.traits.attachment) and not now.traits.attachment


def _is_described(now: Present, member: Member, followed: FollowedTables) -> bool:
    """Whether the stream tells the names of the table's columns, or of the tree's that it is a part of."""
    top = (parents(now.traits.attachment) or [member.relation])[-1]
    return not followed.captured and top in followed.tables


def _compare(
    connection: Connection, member: Member, now: Present, *, named: bool
) -> tuple[list[Loss], list[Altered], list[Doubt]]:
    """What was lost, what was altered, and what is in doubt. `named`: other names of columns come in the stream."""
    was = member.traits
    assert was is not None
    if member.oid is None and was.attachment != now.traits.attachment:
        reason = f"partition {now.table.name} was detached and attached again, and changes made to it meanwhile may be"
        lost = Loss(table=now.table, reason=f"{reason} missing", member=member, attachment=now.traits.attachment)
        return [lost], [], []
    losses: list[Loss] = []
    altered: list[Altered] = []
    doubts = []
    if member.oid is not None and not was.attachment and now.traits.attachment:
        message = f"{now.table} became a partition at the source: its rows are at the destination, but in no partition"
        doubts.append(Doubt(table=now.table, message=message))
    rewritten = was.storage != now.traits.storage
    by_number = {column.number: column for column in was.columns}
    names = {column.name for column in was.columns}
    for column in now.traits.columns:
        before = by_number.get(column.number)
        loss: tuple[str, str] | None = None
        if before is None:
            loss = _added(connection, member, now, column, names, rewritten=rewritten)
        elif before.name != column.name and not named:
            loss = (f"column {before.name} is named {column.name} now", "rename it at the destination likewise")
        elif before.made == column.made:
            continue
        elif "g" in (before.origin, column.origin):
            loss = (f"generated column {column.name} has another expression", "give it that at the destination, too")
        elif rewritten and before.type != column.type:
            known = msgspec.structs.replace(member, traits=_remembered(was, now.traits))
            altered.append(Altered(table=now.table, column=column.name, type=column.type, member=known))
        elif rewritten and before.origin in ("c", "m") and column.origin not in ("c", "m"):
            # Any rewrite writes such a column's definition anew, VACUUM FULL, too.
            message = f"{now.table} was rewritten: values of column {column.name} may be others (VACUUM FULL: the same)"
            doubts.append(Doubt(table=now.table, message=message))
        elif rewritten:
            loss = (f"column {column.name} was rewritten, and its values may be others", "")
        if loss is not None:
            losses.append(
                Loss(
                    table=now.table,
                    reason=loss[0],
                    first=loss[1],
                    member=member,
                    attachment=now.traits.attachment,
                )
            )
    return losses, altered, doubts


def _added(
    connection: Connection, member: Member, now: Present, column: ColumnTraits, names: set[str], *, rewritten: bool
) -> tuple[str, str] | None:
    """What a column means that was not there; None where rows have nothing in it, or what its definition gives them."""
    if column.name in names:
        return f"column {column.name} was dropped and added anew", "do so at the destination, too"
    if column.origin == "g" or not (column.origin or rewritten):
        return None
    if column.origin == "c" and not rewritten and _is_default(connection, member.relation, column.number):
        return None
    first = f"add the column to {now.table} at the destination as it is at the source"
    return f"column {column.name} was added with values for the rows that were there", first


def _is_default(connection: Connection, relation: int, number: int) -> bool:
    """Whether the rows from before a column have what its default, a constant, is now."""
    row = connection.execute(
        "SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid), a.attmissingval::text"
        " FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
        " WHERE a.attrelid = %s::bigint::oid AND a.attnum = %s AND a.atthasmissing AND d.adbin::text LIKE '{CONST %%'",
        (relation, number),
    ).fetchone()
    if row is None:
        return False
    # A literal as the server spells it.
    constant = sql.SQL(row[0])
    same = connection.execute(sql.SQL("SELECT ARRAY[{}]::text = %s").format(constant), (row[1],)).fetchone()
    return same is not None and bool(same[0])


def _remembered(was: Traits, now: Traits) -> Traits:
    """The traits of now, and the columns that are gone: the destination still has them."""
    numbers = {column.number for column in now.columns}
    gone = [column for column in was.columns if column.number not in numbers]
    return msgspec.structs.replace(now, columns=(*now.columns, *gone))


def _name_roots(connection: Connection, detached: Iterable[tuple[Member, Present]]) -> tuple[Detached, ...]:
    found = []
    for member, now in detached:
        above = parents(member.traits.attachment) if member.traits else []
        names = find_relations(connection, above[-1:])
        root = next(iter(names.values()), None)
        found.append(Detached(table=now.table, root=root, captured=member.oid is not None))
    return tuple(found)

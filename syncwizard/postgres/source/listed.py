"""The list of a task's tables, in place of a publication: for test_decoding, whose stream has the rows of all tables.

It stands in a table of ours at the source, which tasks share; the last one drops it. A number there is what the OID of
a row is in a publication.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import LiteralString

import msgspec

from syncwizard.errors import TaskFailed
from syncwizard.postgres.captured import Member, Publication
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection, scalar
from syncwizard.postgres.source.transactions import VISIBLE_SECONDS
from syncwizard.remedies import resync, to_do
from syncwizard.rows.decoded_text import name_of
from syncwizard.rows.misfits import NoPlace
from syncwizard.rows.transcoding import Described
from syncwizard.task.lsn import parse_lsn
from syncwizard.task.names import TableName

LIST_MARK = "syncwizard: tables of synchronization tasks"
_LOCK: LiteralString = "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('syncwizard captured'))"


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """A relation as the catalogue has it. `columns`: name, type's OID and modifier, whether it is generated. `named` is
    another one once it had another name, or `around` differs, too."""

    table: TableName
    identity: str
    named: str
    around: str
    keys: tuple[str, ...]
    columns: tuple[tuple[str, int, int, bool], ...]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A table on the list, with what it was like when it was put there."""

    number: int
    keys: tuple[str, ...]
    named: str
    around: str
    from_lsn: int

    def is_same(self, shape: Shape) -> bool:
        """Whether it had no other name since."""
        return self.named == shape.named or self.around != shape.around


def list_exists(connection: Connection) -> bool:
    """Whether the source has the table of ours."""
    text = "SELECT pg_catalog.obj_description(pg_catalog.to_regclass('public.dts_postgres_captured'), 'pg_class')"
    return bool(scalar(connection, text) == LIST_MARK)


def is_listed(connection: Connection, slot: str) -> bool:
    """Whether the task's tables are on a list."""
    if not list_exists(connection):
        return False
    text: LiteralString = "SELECT EXISTS (SELECT FROM public.dts_postgres_captured WHERE slot_name = %s)"
    return bool(scalar(connection, text, slot))


def create_list(connection: Connection, slot: str, tables: Iterable[TableName]) -> None:
    """The list anew, with these tables. A table of that name that is not ours is left alone: TaskFailed."""
    drop_list(connection, slot)
    with connection.transaction():
        connection.execute(_LOCK)
        if not list_exists(connection):
            if scalar(connection, "SELECT pg_catalog.to_regclass('public.dts_postgres_captured') IS NOT NULL"):
                raise TaskFailed(
                    "public.dts_postgres_captured exists and does not belong to syncwizard",
                    where="source",
                    remedy=to_do("rename or drop that table", then="resume"),
                )
            connection.execute(query("listed_create"))
        connection.execute("INSERT INTO public.dts_postgres_captured (slot_name) VALUES (%s)", (slot,))
    extend_list(connection, slot, tables, ())


def extend_list(
    connection: Connection,
    slot: str,
    tables: Iterable[TableName],
    ours: Collection[int],
    own: Iterable[TableName] = (),
) -> None:
    """Adds the tables, and what of `own` ones is not there; tables that are listed are captured from here on, too.
    Others stay where they are among `ours`, by number."""
    with connection.transaction():
        connection.execute(
            "DELETE FROM public.dts_postgres_captured WHERE slot_name = %s AND relation IS NOT NULL"
            " AND NOT number = ANY (%s)",
            (slot, list(ours)),
        )
        renewed = _find(connection, tables)
        for relation, shape in (renewed | _find(connection, own)).items():
            values = {
                "slot": slot,
                "relation": relation,
                "keys": list(shape.keys),
                "named": shape.named,
                "around": shape.around,
                "renewed": relation in renewed,
            }
            known = connection.execute(
                "UPDATE public.dts_postgres_captured SET keys = %(keys)s, named = %(named)s, around = %(around)s,"
                " from_lsn = CASE WHEN %(renewed)s THEN pg_catalog.pg_current_wal_insert_lsn() ELSE from_lsn END"
                " WHERE slot_name = %(slot)s AND relation = %(relation)s",
                values,
            )
            if not known.rowcount:
                connection.execute(
                    "INSERT INTO public.dts_postgres_captured (slot_name, relation, keys, named, around)"
                    " VALUES (%(slot)s, %(relation)s, %(keys)s, %(named)s, %(around)s)",
                    values,
                )


def read_listed(connection: Connection, slot: str) -> dict[int, Entry]:
    """The entries of the list, by relation."""
    text: LiteralString = (
        "SELECT relation, number, keys, named, around, from_lsn::text FROM public.dts_postgres_captured"
        " WHERE slot_name = %s AND relation IS NOT NULL"
    )
    return {
        relation: Entry(number=number, keys=tuple(keys), named=named, around=around, from_lsn=parse_lsn(lsn))
        for relation, number, keys, named, around, lsn in connection.execute(text, (slot,)).fetchall()
    }


def renamed_back(connection: Connection, slot: str, members: Iterable[Member]) -> set[int]:
    """The numbers of tables that had another name meanwhile and have theirs again: what came under the other one, or
    came of another table under theirs, cannot be told apart. Where something else changed that is noted."""
    names = {member.oid: member.table for member in members}
    found = set()
    for number, schema, name, named, around, otherwise in connection.execute(
        query("listed_renamed"), (slot,)
    ).fetchall():
        if otherwise:
            connection.execute(
                "UPDATE public.dts_postgres_captured SET named = %s, around = %s WHERE number = %s",
                (named, around, number),
            )
        elif names.get(number) == TableName(schema, name):
            found.add(number)
    return found


def read_list(connection: Connection, slot: str) -> Publication | None:
    """The list, as if it were a publication; None without one."""
    if not list_exists(connection):
        return None
    rows = connection.execute(
        "SELECT l.number, l.relation, n.nspname, c.relname FROM public.dts_postgres_captured l"
        " LEFT JOIN pg_catalog.pg_class c ON c.oid = l.relation::oid"
        " LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        " WHERE l.slot_name = %s ORDER BY 3, 4",
        (slot,),
    ).fetchall()
    number = next((number for number, relation, _, _ in rows if relation is None), None)
    if number is None:
        return None
    # A table that is dropped leaves its publications.
    members = [
        Member(relation=relation, oid=number, table=TableName(schema, name))
        for number, relation, schema, name in rows
        if name is not None
    ]
    return Publication(name=slot, oid=number, xmin=0, owner=0, members=members)


def drop_list(connection: Connection, slot: str) -> bool:
    """Removes the list if there is one, and the table with the last one; True if there was one."""
    with connection.transaction():
        connection.execute(_LOCK)
        if not list_exists(connection):
            return False
        found = connection.execute("DELETE FROM public.dts_postgres_captured WHERE slot_name = %s", (slot,)).rowcount
        if not scalar(connection, "SELECT EXISTS (SELECT FROM public.dts_postgres_captured)"):
            connection.execute("DROP TABLE public.dts_postgres_captured")
    return found > 0


def note_on_list(connection: Connection, slot: str, note: str, tables: Iterable[TableName]) -> None:
    """Keeps a text with the task's list; `tables` got another replica identity by us."""
    with connection.transaction():
        connection.execute(
            "UPDATE public.dts_postgres_captured SET note = %s WHERE slot_name = %s AND relation IS NULL", (note, slot)
        )
        for relation, shape in _find(connection, tables).items():
            connection.execute(
                "UPDATE public.dts_postgres_captured SET keys = %s WHERE slot_name = %s AND relation = %s",
                (list(shape.keys), slot, relation),
            )


def notes_of_others(connection: Connection, slot: str) -> list[str]:
    """The texts that other tasks have with their lists."""
    if not list_exists(connection):
        return []
    rows = connection.execute(
        "SELECT note FROM public.dts_postgres_captured WHERE slot_name <> %s AND note IS NOT NULL ORDER BY slot_name",
        (slot,),
    )
    return [note for (note,) in rows]


def listed_elsewhere(connection: Connection, table: TableName, slot: str) -> list[str]:
    """The other tasks that have the table on their lists."""
    if not list_exists(connection):
        return []
    rows = connection.execute(
        "SELECT l.slot_name FROM public.dts_postgres_captured l JOIN pg_catalog.pg_class c ON c.oid = l.relation::oid"
        " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        " WHERE l.slot_name <> %s AND n.nspname = %s AND c.relname = %s ORDER BY 1",
        (slot, table.schema, table.name),
    )
    return [name for (name,) in rows]


def _find(connection: Connection, tables: Iterable[TableName]) -> dict[int, Shape]:
    names = list(tables)
    rows = connection.execute(
        "SELECT c.oid::bigint FROM unnest(%s::text[], %s::text[]) AS w (schema, name)"
        " JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema"
        " JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.name AND c.relkind IN ('r', 'p')",
        ([name.schema for name in names], [name.name for name in names]),
    )
    return read_shapes(connection, [oid for (oid,) in rows])


def read_shapes(connection: Connection, relations: Sequence[int]) -> dict[int, Shape]:
    """Those of the relations that exist."""
    rows = connection.execute(query("listed_shapes"), {"relations": list(relations)}).fetchall()
    return {
        oid: Shape(
            table=TableName(schema, name),
            identity=identity,
            named=named,
            around=around,
            keys=tuple(keys),
            columns=msgspec.json.decode(columns, type=tuple[tuple[str, int, int, bool], ...]),
        )
        for oid, schema, name, identity, named, around, keys, columns in rows
    }


class Listed:
    """The captured tables by their names in the stream. `members`: with the names that they were captured under;
    `aside`: names whose changes are not applied, whatever became of them.

    A name says which table it was only as long as that has kept it. So the catalogue is asked before rows are taken,
    and after their transactions can be seen: who writes into a table keeps others from renaming it until then.
    """

    def __init__(
        self, connection: Connection, slot: str, members: Iterable[Member], aside: Callable[[], Collection[TableName]]
    ) -> None:
        self._connection = connection
        self._aside = aside
        self._relations = {member.table: member.relation for member in members}
        self._listed = read_listed(connection, slot)
        self._known: dict[bytes, TableName | None] = {}

    def captures(self, name: bytes) -> bool:
        """Whether it is the name of a captured table, as a line writes it."""
        if name not in self._known:
            table = TableName(*name_of(name))
            self._known[name] = table if self._relations.get(table) in self._listed else None
        return self._known[name] is not None

    def describe(self, names: Collection[bytes], transactions: Collection[int]) -> Mapping[bytes, Described]:
        """The tables of these names that changes may be taken of, with the transactions at hand. Raises NoPlace for one
        that has another name by now, TaskFailed for one whose rows are found by other columns."""
        tables = {name: table for name in names if (table := self._known.get(name)) is not None}
        if not tables:
            return {}
        while not scalar(self._connection, query("transactions_visible"), list(transactions)):
            time.sleep(VISIBLE_SECONDS)
        shapes = read_shapes(self._connection, [self._relations[table] for table in tables.values()])
        aside = self._aside()
        found = {}
        for name, table in tables.items():
            relation = self._relations[table]
            # Nothing more comes of one that is gone.
            if (shape := shapes.get(relation)) is None:
                continue
            entry, is_aside = self._listed[relation], table in aside
            error = _why_not(table, shape, entry)
            if error is None:
                found[name] = _described(relation, shape, entry.from_lsn, aside=is_aside)
            elif not is_aside:
                raise error
        return found


def _why_not(table: TableName, shape: Shape, entry: Entry) -> TaskFailed | None:
    """Why changes under the table's name cannot be taken for its own."""
    if shape.table != table or not entry.is_same(shape):
        now = f"is named {shape.table} now" if shape.table != table else "had another name meanwhile"
        return NoPlace(
            f"{table} {now}",
            where="source",
            detail="changes come under names alone, and may be those of another table",
            remedy=resync(tables=[table]),
        )
    if shape.keys != entry.keys:
        return TaskFailed(
            f"{table} got another replica identity, or another key, at the source",
            where="source",
            detail=f"rows were found by {_named(entry.keys)}, and are by {_named(shape.keys)} now: changes from before"
            " and after cannot be told apart",
            remedy=resync(tables=[table]),
        )
    return None


def _described(relation: int, shape: Shape, from_lsn: int, *, aside: bool) -> Described:
    return Described(
        oid=relation,
        table=shape.table,
        identity=shape.identity,
        keys=frozenset(name.encode() for name in shape.keys),
        columns=tuple(
            (name.encode(), kind, modifier) for name, kind, modifier, generated in shape.columns if not generated
        ),
        generated=frozenset(name.encode() for name, _, _, generated in shape.columns if generated),
        from_lsn=from_lsn,
        aside=aside,
    )


def _named(keys: Sequence[str]) -> str:
    return ", ".join(keys) or "all of their values"

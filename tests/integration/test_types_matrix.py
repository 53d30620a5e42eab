"""Every type, by every way a value can take: copied, inserted, updated and moved, singly and in sets, in binary and as
text, into tables of each replica identity, compared exactly. The cases are data: tests/support/type_cases.py.

One run of the row path a configuration carries all types at once, as columns of a few tables.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from psycopg import sql

from syncwizard.postgres.session.connection import SESSION_SETTINGS
from syncwizard.task.events import TablePlanned
from syncwizard.task.specification import SchemaObjects, TableObject
from tests.conftest import connected
from tests.support.inprocess import TaskRun
from tests.support.pair import DatabasePair, Session
from tests.support.rowpath import RowPath
from tests.support.type_cases import CASES, CONTRIB_DEFINITIONS, DEFINITIONS, VECTOR_DEFINITIONS, Case

# Above this many rows of a kind a batch goes through staging tables and COPY.
FEW, MANY = 8, 60
COPIED = 3 * MANY
ROWS = COPIED + MANY - MANY
IDENTITIES = {
    "default": "id int PRIMARY KEY, other int NOT NULL",
    "index": "id int PRIMARY KEY, other int NOT NULL CONSTRAINT index_other UNIQUE",
    "full": "id int PRIMARY KEY, other int NOT NULL",
    "nothing": "id int PRIMARY KEY, other int NOT NULL",
    "keyless": "id int, other int",
}
AFTER = {
    "index": 'ALTER TABLE "index" REPLICA IDENTITY USING INDEX index_other',
    "full": 'ALTER TABLE "full" REPLICA IDENTITY FULL',
    "nothing": 'ALTER TABLE "nothing" REPLICA IDENTITY NOTHING',
}
# A filter that every row passes, and a script, so that PostgreSQL makes the rows on their way.
PROJECTED = SchemaObjects(
    schema="public",
    overrides=[
        TableObject(table=table, where="id > 0", etl="e_set(`note`, str_upper(`note`))") for table in IDENTITIES
    ],
)


class Run(NamedTuple):
    """A configuration: versions of the two servers, whether values travel as text, and whether a projection makes the
    rows, which a filter and a script need."""

    source: int
    destination: int
    text: bool
    projected: bool = False

    @property
    def name(self) -> str:
        return f"{self.source}-to-{self.destination}-{'text' if self.text else 'binary'}{'-projected' * self.projected}"

    def has(self, case: Case) -> bool:
        """Whether the case can be arranged in this run."""
        possible = {
            "vector": self.source > 15,
            "contrib": self.destination == 15,
            "new": self.source == 18,
            "text": self.text,
        }
        return all(possible[need] for need in case.needs.split())


# Of database and role at each end: whatever changes how values are written or read.
SETTINGS = {
    "source": {
        "TimeZone": "Asia/Kathmandu",
        "DateStyle": "SQL, DMY",
        "IntervalStyle": "sql_standard",
        "bytea_output": "escape",
        "extra_float_digits": "-15",
        "xmloption": "document",
        "default_transaction_isolation": "serializable",
    },
    "destination": {
        "TimeZone": "America/St_Johns",
        "DateStyle": "German, MDY",
        "IntervalStyle": "iso_8601",
        "array_nulls": "off",
        "xmloption": "document",
        "quote_all_identifiers": "on",
        "synchronous_commit": "off",
        "default_transaction_read_only": "on",
        "default_transaction_isolation": "serializable",
    },
}
RUNS = [
    Run(16, 18, False),
    Run(16, 18, True),
    Run(15, 15, False),
    Run(15, 15, True),
    Run(18, 18, False),
    Run(16, 18, False, projected=True),
    Run(16, 18, True, projected=True),
]
# Either end of it is one of the others', too.
OF_BOTH = pytest.param(Run(15, 18, False), marks=pytest.mark.marathon)
SERVERS = {15: "postgres15", 16: "source_cluster", 18: "destination_cluster"}


@pytest.mark.slow
@pytest.mark.parametrize("run", [*RUNS, OF_BOTH], ids=lambda run: run.name)
def test_values_arrive_as_they_are(run: Run, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    source, destination = (request.getfixturevalue(SERVERS[version]) for version in run[:2])
    with contextmanager(connected)(source, destination) as pair:
        cases = [case for case in CASES if run.has(case)]
        create(run, pair, cases)
        unsettle(pair)
        path = travel(pair, cases, tmp_path, PROJECTED if run.projected else None)
        copied = {event.binary for event in path.task.events if isinstance(event, TablePlanned)}
        assert copied == {not run.text}
        different = {
            (identity, case.name): (wrong, expected)
            for identity in IDENTITIES
            for case in cases
            for wrong, expected in differences(pair, identity, case)
        }
        assert not different


@pytest.mark.slow
def test_values_arrive_as_they_are_under_other_names(pair: DatabasePair, tmp_path: Path) -> None:
    """Every table and column is called otherwise at the destination."""
    run = Run(16, 18, False)
    cases = [case for case in CASES if run.has(case)]
    create(run, pair, cases)
    columns = {case.name: f'{case.name} "x"'[-63:] for case in cases} | {"id": "nr", "other": "id"}
    for table in IDENTITIES:
        rename(pair.destination, table, columns)
    overrides = [TableObject(table=table, name=f"{table} at", columns=columns) for table in IDENTITIES]
    unsettle(pair)
    travel(pair, cases, tmp_path, SchemaObjects(schema="public", overrides=overrides))
    for table in IDENTITIES:
        rename(pair.destination, table, columns, back=True)
    different = {
        (identity, case.name): found
        for identity in IDENTITIES
        for case in cases
        for found in differences(pair, identity, case)
    }
    assert not different


def rename(session: Session, table: str, columns: dict[str, str], *, back: bool = False) -> None:
    """The table and its columns get other names, or their own again. `id` is free when `other` takes it."""
    there = f"{table} at"
    pairs = [(new, own) for own, new in columns.items()][::-1] if back else list(columns.items())
    for before, after in pairs:
        session.execute(
            sql.SQL("ALTER TABLE {} RENAME COLUMN {} TO {}").format(
                sql.Identifier(there if back else table), sql.Identifier(before), sql.Identifier(after)
            )
        )
    one, other = (there, table) if back else (table, there)
    session.execute(sql.SQL("ALTER TABLE {} RENAME TO {}").format(sql.Identifier(one), sql.Identifier(other)))


def unsettle(pair: DatabasePair) -> None:
    """Gives every later session settings that are seldom wanted, some by the database, some by the role."""
    for end, session in (("source", pair.source), ("destination", pair.destination)):
        for number, (name, value) in enumerate(SETTINGS[end].items()):
            holder = f'DATABASE "{pair.database}"' if number % 2 else f'ROLE postgres IN DATABASE "{pair.database}"'
            execute(session, f"ALTER {holder} SET {name} = '{value}'")


def travel(pair: DatabasePair, cases: list[Case], folder: Path, objects: SchemaObjects | None = None) -> RowPath:
    """Every way that a value can take, each in batches of its own: together they would be folded to one."""
    path = RowPath(pair, TaskRun(pair.spec(None if objects is None else [objects]), folder))
    for table in IDENTITIES:
        insert(pair.source, table, cases, 1, COPIED)
    path.copy()
    with path.following():
        for act in (inserts, updates, small_updates, moves, deletes):
            for table in IDENTITIES:
                act(pair.source, table, cases)
            # Statements over a hundred columns, each planned once.
            path.caught_up(120)
    return path


def differences(pair: DatabasePair, table: str, case: Case) -> Iterator[tuple[str | None, str | None]]:
    """What the destination has of a column and the source has not, or the other way round."""
    there, here = values(pair.destination, table, case), values(pair.source, table, case)
    assert len(here) == ROWS
    assert len(set(here.values())) > len(case.values), f"{case.name}: each value and NULL are there"
    for key in here.keys() | there.keys():
        if there.get(key) != here.get(key):
            yield there.get(key), here.get(key)


def create(run: Run, pair: DatabasePair, cases: list[Case]) -> None:
    """The tables at both ends; one type that differs makes text of its table's columns, and of the whole stream."""
    columns = ", ".join(f"{quote(case)} {case.type}" for case in cases)
    for session, note in ((pair.source, "text"), (pair.destination, "varchar" if run.text else "text")):
        if session is pair.destination:
            execute(session, "CREATE TYPE shift AS ENUM ('a'); CREATE TYPE oids AS (n int)")
        # Extensions first: some types are built of theirs.
        execute(session, CONTRIB_DEFINITIONS if run.destination == 15 else "")
        execute(session, "CREATE EXTENSION vector" if run.source > 15 else "")
        execute(session, DEFINITIONS + (VECTOR_DEFINITIONS if run.source > 15 else ""))
        for table, identity in IDENTITIES.items():
            execute(session, f'CREATE TABLE "{table}" ({identity}, note {note}, {columns}); {AFTER.get(table, "")}')
        execute(session, f"CREATE TABLE pool (m int PRIMARY KEY, {columns})")
    # Row `m` of the pool has the value `m` of each case, the last of which is NULL.
    for m in range(pool_rows(cases)):
        values = ", ".join(
            f"({(*case.values, 'NULL')[m % (len(case.values) + 1)]})::{re.split(' COLLATE| STORAGE', case.type)[0]}"
            for case in cases
        )
        execute(pair.source, f"INSERT INTO pool SELECT {m}, {values}")


def pool_rows(cases: list[Case]) -> int:
    return max(len(case.values) + 1 for case in cases)


def quote(case: Case) -> str:
    return f'"{case.name}"'


def execute(session: Session, text: str) -> None:
    session.execute(text.encode())


def insert(session: Session, table: str, cases: list[Case], first: int, rows: int) -> None:
    """Rows with the pool's values in turn."""
    names = ", ".join(map(quote, cases))
    execute(
        session,
        f'INSERT INTO "{table}" (id, other, {names}) SELECT i, -i, {names}'
        f" FROM generate_series({first}, {first + rows - 1}) i JOIN pool ON m = mod(i, {pool_rows(cases)})",
    )


def inserts(session: Session, table: str, cases: list[Case]) -> None:
    insert(session, table, cases, 1000, FEW)
    insert(session, table, cases, 2000, MANY)


def updates(session: Session, table: str, cases: list[Case]) -> None:
    """Every column takes the pool's next value."""
    names = ", ".join(map(quote, cases))
    for chosen in (between(1, FEW), between(2000, MANY)):
        execute(
            session,
            f'UPDATE "{table}" SET ({names}) = (SELECT {names} FROM pool WHERE m = mod(id + 1, {pool_rows(cases)}))'
            f" WHERE {chosen}",
        )


def small_updates(session: Session, table: str, cases: list[Case]) -> None:
    """Leaves all columns but one alone: what is out of line is not sent."""
    for chosen in (between(10, FEW), between(2000, MANY)):
        execute(session, f"UPDATE \"{table}\" SET note = 'changed' WHERE {chosen}")


def moves(session: Session, table: str, cases: list[Case]) -> None:
    """Other keys, with every column to be carried along."""
    for chosen in (between(20, FEW), between(60, MANY)):
        execute(session, f'UPDATE "{table}" SET id = id + 100000, other = other - 100000 WHERE {chosen}')


def deletes(session: Session, table: str, cases: list[Case]) -> None:
    """By the key, or by the whole row."""
    for chosen in (between(1000, FEW), between(120, MANY)):
        execute(session, f'DELETE FROM "{table}" WHERE {chosen}')


def between(first: int, rows: int) -> str:
    return f"id BETWEEN {first} AND {first + rows - 1}"


def values(session: Session, table: str, case: Case) -> dict[tuple[int, int], str | None]:
    """The column in the type's own text form, which keeps every bit of it under these settings (-0, NaN, scale of a
    numeric, bounds of an array, padding), by key; long values by their hash."""
    with session.transaction():
        for name, value in SESSION_SETTINGS.items():
            session.execute("SELECT set_config(%s, %s, true)", (name, value))
        found = session.execute(
            sql.SQL(
                "SELECT id, other, CASE WHEN length(v) > 1000 THEN md5(v) ELSE v END"
                " FROM (SELECT id, other, ROW({})::text AS v FROM public.{}) AS t ORDER BY 1"
            ).format(sql.Identifier(case.name), sql.Identifier(table))
        ).fetchall()
    assert len({row[:2] for row in found}) == len(found)
    return {(row[0], row[1]): row[2] for row in found}

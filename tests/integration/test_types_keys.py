"""Keys that are hard to tell apart or to keep: equal values of other bytes, identities that change under way, keys
WITHOUT OVERLAPS. Each way is taken twice: as a backlog of one batch, and change by change."""

from pathlib import Path
from typing import NamedTuple

import pytest

from syncwizard.stages.capture import stage as capture
from syncwizard.stages.definitions import constraints, keys, schema
from syncwizard.stages.full import stage as full
from tests.integration.test_precheck import outcome
from tests.integration.test_types_semantics import both_ways, run
from tests.support.comparison import assert_equal
from tests.support.inprocess import TaskRun
from tests.support.pair import DatabasePair
from tests.support.rowpath import RowPath, row_path

pytestmark = pytest.mark.slow


class Key(NamedTuple):
    """A type of key with two values, `a` and `b`, and other spellings that its index takes for equal."""

    type: str
    a: str
    other_a: str
    b: str
    other_b: str


KEYS = {
    "numeric": Key("numeric", "1.0", "1.00", "NaN", "NaN"),
    "float": Key("float8", "0", "-0", "NaN", "NaN"),
    "jsonb": Key("jsonb", '{"a": 1}', '{"a": 1.0}', "2", "2.00"),
    "range": Key("numrange", "[1,2)", "[1.0,2)", "[2,3)", "[2,3.0)"),
    "padded": Key("bpchar", "a", "a ", "b", "b  "),
}
# Where the server has them.
LOOSE = {
    "citext": Key("citext", "a", "A", "ß", "ß"),
    "collated": Key("text COLLATE ignore_case", "ab", "aB", "É", "é"),
    "accents": Key("text COLLATE ignore_accents", "é", "e\u0301", "ab", "AB"),
}
NEEDED = """
CREATE EXTENSION citext;
CREATE COLLATION ignore_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE COLLATION ignore_accents (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
"""
# Few rows are written one by one, many through staging tables; every second row has a value out of line.
SIZES = {"few": 3, "many": 60}
IDENTITIES = ("default", "full")


def every(chosen: dict[str, Key], text: str) -> str:
    """The statement for every table; of its row numbers, those of the table's size."""
    statements = []
    for name, key in chosen.items():
        for size, rows in SIZES.items():
            for identity in IDENTITIES:
                statements.append(
                    text.replace("TABLE_", f'"{name}_{size}_{identity}"')
                    .replace("OTHER_A", key.other_a)
                    .replace("OTHER_B", key.other_b)
                    .replace("VALUE_A", key.a)
                    .replace("VALUE_B", key.b)
                    .replace("ROWS", f"n BETWEEN :first + 1 AND :first + {rows}")
                    .replace("SERIES", f"generate_series(:first + 1, :first + {rows}) n")
                )
    return "; ".join(statements)


def definitions(chosen: dict[str, Key]) -> str:
    created = [
        f'CREATE TABLE "{name}_{size}_{identity}" (k {key.type}, n int, body text, x int, PRIMARY KEY (k, n));'
        f'ALTER TABLE "{name}_{size}_{identity}" ALTER body SET STORAGE EXTERNAL, REPLICA IDENTITY {identity}'
        for name, key in chosen.items()
        for size in SIZES
        for identity in IDENTITIES
    ]
    return "; ".join(created)


FILL = "INSERT INTO TABLE_ SELECT {}, n, repeat('x', 3 + n % 2 * 4000), 0 FROM SERIES"
STEPS = [
    "UPDATE TABLE_ SET k = 'OTHER_A' WHERE k = 'VALUE_A' AND ROWS",
    "UPDATE TABLE_ SET x = x + 1 WHERE ROWS",
    "UPDATE TABLE_ SET k = 'VALUE_A' WHERE k = 'VALUE_A' AND ROWS",
    "UPDATE TABLE_ SET k = 'OTHER_A', x = 7 WHERE k = 'VALUE_A' AND ROWS",
    "DELETE FROM TABLE_ WHERE k = 'VALUE_A' AND ROWS",
    "INSERT INTO TABLE_ SELECT 'VALUE_A', n, body, 5 FROM TABLE_ WHERE k = 'VALUE_B' AND ROWS",
    "UPDATE TABLE_ SET x = x + 1 WHERE ROWS",
    "UPDATE TABLE_ SET k = 'OTHER_B' WHERE k = 'VALUE_B' AND ROWS",
    # Deleted by one spelling, inserted by another.
    "DELETE FROM TABLE_ WHERE k = 'VALUE_B' AND ROWS;"
    "INSERT INTO TABLE_ SELECT 'VALUE_B', n, body, 6 FROM TABLE_ WHERE k = 'VALUE_A' AND ROWS",
    "INSERT INTO TABLE_ SELECT 'OTHER_A', n, 'up', 6 FROM SERIES"
    " ON CONFLICT (k, n) DO UPDATE SET k = excluded.k, x = 100",
    "UPDATE TABLE_ SET k = 'OTHER_B', n = n + 5000 WHERE k = 'VALUE_B' AND ROWS AND n % 3 = 0",
    "UPDATE TABLE_ SET x = x + 1 WHERE ROWS",
]


def keep_equal_keys_apart(pair: DatabasePair, folder: Path, chosen: dict[str, Key], needed: str = "") -> None:
    """Same rows at both ends, to the byte, after each step, and after transactions of some steps or of all."""
    path = row_path(pair, folder, needed + definitions(chosen))
    together = (1, 3, len(STEPS))
    for steps in together:
        run(pair, [every(chosen, FILL.format(value)) for value in ("'VALUE_A'", "'VALUE_B'")], 1000 * steps)
    path.copy()
    with path.following():
        for steps in together:
            for begin in range(0, len(STEPS), steps):
                text = "; ".join(every(chosen, step) for step in STEPS[begin : begin + steps])
                run(pair, [text], 1000 * steps)
                path.caught_up()
                assert_equal(pair)


def test_equal_keys_of_other_bytes_lose_and_double_nothing(pair: DatabasePair, tmp_path: Path) -> None:
    keep_equal_keys_apart(pair, tmp_path, KEYS)


def test_keys_that_ignore_case_or_accents_lose_and_double_nothing(twins15: DatabasePair, tmp_path: Path) -> None:
    keep_equal_keys_apart(twins15, tmp_path, {**LOOSE, "numeric": KEYS["numeric"]}, NEEDED)


def test_the_columns_of_a_key_have_another_order_than_the_tables(pair: DatabasePair, tmp_path: Path) -> None:
    """In a table of nothing else, too, where either value would do for the other."""
    path = row_path(
        pair,
        tmp_path,
        "CREATE TABLE narrow (a int, b int, PRIMARY KEY (b, a));"
        "CREATE TABLE wide (note text, a int, b int, c int, PRIMARY KEY (c, a, b));",
    )
    fill = "SELECT :first + i, j FROM generate_series(1, 20) i, generate_series(1, 20) j"
    for first in (0, 1000):
        run(
            pair,
            [f"INSERT INTO narrow {fill}", f"INSERT INTO wide SELECT 'n', a, b, b - a FROM ({fill}) s (a, b)"],
            first,
        )
    path.copy()
    both_ways(
        path,
        [
            "DELETE FROM narrow WHERE a > :first AND a - :first < b",
            "UPDATE narrow SET b = b + 100 WHERE a BETWEEN :first + 1 AND :first + 10",
            "UPDATE wide SET note = 'changed' WHERE a - :first < b",
            "UPDATE wide SET b = b + 100, c = a WHERE a BETWEEN :first + 1 AND :first + 5",
            "DELETE FROM wide WHERE a > :first AND b - a + :first > 3",
        ],
    )


# Identities ------------------------------------------------------------------------------------------------------

IDENTIFIED = """
CREATE TABLE t (id int CONSTRAINT t_pkey PRIMARY KEY, other int NOT NULL CONSTRAINT t_other UNIQUE, body text, x int);
ALTER TABLE t ALTER body SET STORAGE EXTERNAL;
"""
CHANGES = [
    "UPDATE t SET x = x + 1 WHERE id > :first + 1",
    "UPDATE t SET other = other - 500000 WHERE id = :first + 3",
    "UPDATE t SET id = id + 500000, x = 3 WHERE id BETWEEN :first + 4 AND :first + 6",
    "DELETE FROM t WHERE id = :first + 7",
    "INSERT INTO t VALUES (:first + 7, -:first - 7, 'back', 0)",
    "UPDATE t SET body = 'short' WHERE id = :first + 8",
    # By both keys, one after the other, and back.
    "UPDATE t SET id = -1, other = 5000000 WHERE id = :first + 9",
    "UPDATE t SET id = :first + 9, other = -:first - 9 WHERE id = -1",
]
IDENTITY_CHANGES = [
    "ALTER TABLE t REPLICA IDENTITY FULL",
    "ALTER TABLE t REPLICA IDENTITY USING INDEX t_other",
    "ALTER TABLE t REPLICA IDENTITY DEFAULT",
    "ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (other)",
    "ALTER TABLE t ADD CONSTRAINT t_again UNIQUE (id), ALTER id SET NOT NULL, REPLICA IDENTITY USING INDEX t_again",
    "ALTER TABLE t REPLICA IDENTITY FULL; ALTER TABLE t DROP CONSTRAINT t_again",
]


def test_the_replica_identity_changes_while_changes_stream(pair: DatabasePair, tmp_path: Path) -> None:
    path = row_path(pair, tmp_path, IDENTIFIED)
    fill = "INSERT INTO t SELECT :first + i, -:first - i, repeat('x', 4000), 0 FROM generate_series(1, 60) i"
    for first in range(0, 1000 * (len(IDENTITY_CHANGES) + 1), 1000):
        run(pair, [fill], first)
        run(pair, [fill], 100000 + first)
    path.copy()
    offsets = range(1000, 1000 * (len(IDENTITY_CHANGES) + 1), 1000)
    # What was sent under an identity meets the catalogue of a later one.
    run(pair, CHANGES, 0)
    for first, change in zip(offsets, IDENTITY_CHANGES, strict=True):
        run(pair, [change, *CHANGES], first)
    with path.following():
        path.caught_up()
        assert_equal(pair)
        pair.source.execute("ALTER TABLE t DROP CONSTRAINT t_pkey, ADD CONSTRAINT t_pkey PRIMARY KEY (id)")
        for first, change in zip(offsets, IDENTITY_CHANGES, strict=True):
            run(pair, [change, *CHANGES], 100000 + first)
            path.caught_up()
            assert_equal(pair)


TEMPORAL = """
CREATE TABLE booked (room int4range, during daterange, note text, body text,
                     PRIMARY KEY (room, during WITHOUT OVERLAPS));
CREATE TABLE guests (id int PRIMARY KEY, room int4range, during daterange,
                     UNIQUE (room, during WITHOUT OVERLAPS),
                     FOREIGN KEY (room, PERIOD during) REFERENCES booked (room, PERIOD during));
CREATE TABLE virtual (id int PRIMARY KEY, n int, twice int GENERATED ALWAYS AS (n * 2),
                      thrice int GENERATED ALWAYS AS (n * 3) STORED, note text);
ALTER TABLE booked ALTER body SET STORAGE EXTERNAL;
"""
ROOMS = "SELECT int4range(:first + i, :first + i + 1), daterange('2026-01-01', '2026-02-01')"
TEMPORAL_FILL = [
    f"INSERT INTO booked {ROOMS}, 'note', repeat('x', 3000) FROM generate_series(1, 80) i",
    f"INSERT INTO guests SELECT :first + i, rooms.* FROM generate_series(1, 80) i, LATERAL ({ROOMS}) AS rooms",
    "INSERT INTO virtual (id, n) SELECT :first + i, i FROM generate_series(1, 80) i",
]


def test_keys_without_overlaps_and_virtual_columns_of_18(twins18: DatabasePair, tmp_path: Path) -> None:
    pair = twins18
    pair.source.execute(TEMPORAL)
    printed = outcome(pair.spec(), tmp_path)["replica-identity"]
    assert "public.booked has only a primary key WITHOUT OVERLAPS" in printed.message
    for first in (0, 1000):
        run(pair, TEMPORAL_FILL, first)
    path = RowPath(pair, TaskRun(pair.spec(), tmp_path))
    context = path.context()
    for stage in (capture, schema, full, keys, constraints):
        stage.run(context)
    both_ways(
        path,
        [
            "UPDATE booked SET note = 'changed' WHERE lower(room) > :first + 10",
            "UPDATE guests SET during = daterange('2026-01-10', '2026-01-20') WHERE id > :first",
            "DELETE FROM guests WHERE id > :first + 60",
            "DELETE FROM booked WHERE lower(room) BETWEEN :first + 61 AND :first + 70",
            "INSERT INTO booked SELECT room, daterange('2026-03-01', '2026-04-01'), 'next', 'short' FROM booked"
            " WHERE lower(room) BETWEEN :first + 1 AND :first + 60",
            "UPDATE booked SET during = daterange('2026-04-01', '2026-05-01') WHERE note = 'next'"
            " AND lower(room) BETWEEN :first + 1 AND :first + 3",
            "UPDATE virtual SET n = n + 1 WHERE id > :first",
            "UPDATE virtual SET id = id + 100000 WHERE id BETWEEN :first + 1 AND :first + 5",
            "DELETE FROM virtual WHERE id BETWEEN :first + 20 AND :first + 75",
            "INSERT INTO virtual (id, n) VALUES (:first + 500, NULL)",
        ],
    )

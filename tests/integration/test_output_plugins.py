"""Whatever is written at the source, under whatever names: test_decoding's lines become the messages of pgoutput.

Each run draws other names, values and changes. Its seed is in the summary of .ci/run and with a failure; SEED_VARIABLE
draws them again.
"""

import os
import random
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from syncwizard.demo.servers import Cluster
from syncwizard.postgres.session.connection import connect
from syncwizard.postgres.source import text_stream
from syncwizard.postgres.source.listed import Listed, create_list, read_list
from syncwizard.postgres.source.slot import create_slot, current_lsn
from syncwizard.postgres.source.stream import ReplicationStream, start_stream
from syncwizard.postgres.source.text_stream import start_text_stream
from syncwizard.rows.relation_message import RelationMessage, parse_relation
from syncwizard.rows.tuples import MESSAGE_AT
from syncwizard.task.lsn import parse_lsn
from syncwizard.task.names import TableName
from tests.conftest import connected
from tests.faults.test_versions import server
from tests.support.pair import DatabasePair, Session
from tests.support.slots import drop_slots

SEED_VARIABLE = "SYNCWIZARD_TEST_SEED"
TRANSACTIONS = 150
SLOTS = ("dts_sync_published", "dts_sync_listed")
# Of names and of texts: what stands for something in a line, in SQL or in a regular expression.
PIECES = (
    *"aBz09_ .,:;'\"[](){}\\$/-%",
    *(
        "INSERT:",
        " new-tuple:",
        " old-key:",
        "(no-tuple-data)",
        "null",
        "unchanged-toast-datum",
        "]:",
        "ü",
        "日本",
        "😀",
    ),
    *("\n", "\t", "''", "[text]:'", "TRUNCATE:", "table public.t: DELETE:", "select", "user"),
)
# Types with texts of their values.
TYPES: dict[str, Sequence[str]] = {
    "int": ("0", "-1", "2147483647"),
    "bigint": ("9223372036854775807",),
    "numeric": ("1.00", "NaN", "-0.000000001", "1e30"),
    "numeric(9,2)[]": ("{1.10,NULL,NaN}",),
    "double precision": ("NaN", "Infinity", "-Infinity", "0.1", "1e-300", "-0"),
    "boolean": ("t", "f"),
    "boolean[]": ("{t,f,NULL}",),
    "bit(3)": ("101",),
    "bit varying": ("", "0110"),
    "bytea": ("\\x", "\\x00275c5d"),
    '"char"': ("'", "\\"),
    "char(5)": ("a", ""),
    "name": ("null",),
    "timestamptz": ("infinity", "2026-02-28 23:59:59.123456+05:30", "0044-03-15 12:00:00+00 BC"),
    "timestamp(3) without time zone": ("2026-01-01 00:00:00.5",),
    "interval": ("1 year -2 days 03:04:05.6",),
    "oid": ("4294967295",),
    "jsonb": ('{"a\'": ["\\\\", "null"]}',),
    "int4range": ("empty", "[1,5)"),
    "text[]": ("{}", '{"a,b","c\\"d",NULL,"null","\'"}'),
    '"Odd ]["": \' mood"': ('":]', "null"),
    '"truth"': ("t", "f"),
    '"pair of"[]': ('{"(1,\\"a\'b\\")"}',),
}
KINDS = """
CREATE TYPE "Odd ]["": ' mood" AS ENUM ('":]', 'null');
CREATE DOMAIN truth AS boolean;
CREATE TYPE "pair of" AS (a int, b text);
"""


class Drawn:
    """Tables with hostile names, and changes of them."""

    def __init__(self, session: Session, seed: int) -> None:
        self.session = session
        self._choice = random.Random(seed)
        self._columns: dict[TableName, list[tuple[str, str]]] = {}
        self._next = 0

    def _name(self) -> str:
        """Distinct, and within 63 bytes."""
        self._next += 1
        text = "".join(self._choice.choices(PIECES, k=self._choice.randint(1, 6)))
        return text.encode()[:40].decode(errors="ignore") + str(self._next)

    def _run(self, text: str, *parts: object) -> None:
        names = [part if isinstance(part, sql.Composable) else sql.Identifier(str(part)) for part in parts]
        self.session.execute(sql.SQL(text).format(*names))  # type: ignore[arg-type, unused-ignore]

    def create(self, identities: Sequence[str]) -> list[TableName]:
        """Tables of one schema, a replica identity each."""
        schema = self._name()
        self._run("CREATE SCHEMA {}", schema)
        return [self._create(TableName(schema, self._name()), identity) for identity in identities]

    def _create(self, name: TableName, identity: str) -> TableName:
        table = sql.Identifier(name.schema, name.name)
        columns = [(self._name(), kind) for kind in self._choice.sample(sorted(TYPES), 5)]
        columns += [(self._name(), "text"), (self._name(), "text")]
        key, dropped = self._name(), self._name()
        listed = sql.SQL(", ").join(sql.Identifier(each) + sql.SQL(f" {kind}") for each, kind in columns)
        self._run("CREATE TABLE {} ({} int, {}, {} int NOT NULL)", table, dropped, listed, key)
        self._run("ALTER TABLE {} DROP {}", table, dropped)
        if self.session.info.server_version >= 120000:
            self._run("ALTER TABLE {} ADD {} int GENERATED ALWAYS AS ({} / 2) STORED", table, self._name(), key)
        for each, kind in columns:
            if kind == "text":
                self._run("ALTER TABLE {} ALTER {} SET STORAGE EXTERNAL", table, each)
        if identity == "FULL":
            self._run("ALTER TABLE {} REPLICA IDENTITY FULL", table)
        elif identity == "INDEX":
            index = self._name()
            self._run("ALTER TABLE {} ADD CONSTRAINT {} UNIQUE ({})", table, index, key)
            self._run("ALTER TABLE {} REPLICA IDENTITY USING INDEX {}", table, index)
        else:
            self._run("ALTER TABLE {} ADD PRIMARY KEY ({})", table, key)
        self._columns[name] = [*columns, (key, "int")]
        return name

    def _value(self, kind: str) -> str | None:
        if self._choice.random() < 0.15:
            return None
        if kind != "text":
            return self._choice.choice(TYPES[kind])
        text = "".join(self._choice.choices(PIECES, k=self._choice.randint(0, 8)))
        # Out of line, as a rule.
        return text * self._choice.choice((1, 1, 900))

    def change(self) -> None:
        """A transaction of some changes, with what leaves no trace among them."""
        with self.session.transaction():
            for _ in range(self._choice.randint(0, 6)):
                self._change_one(self._choice.choice(list(self._columns)))
            if self._choice.random() < 0.2:
                self.session.execute("SELECT pg_logical_emit_message(true, 'x', E'COMMIT 1\n')")
            if self._choice.random() < 0.2:
                self.session.execute("INSERT INTO elsewhere VALUES ('table public.t: INSERT:')")

    def _change_one(self, name: TableName) -> None:
        table, columns = sql.Identifier(name.schema, name.name), self._columns[name]
        key = columns[-1][0]
        number = self._choice.randint(1, 30)
        match self._choice.choice(
            ("insert", "insert", "insert", "update", "update", "key", "delete", "undone", "truncate")
        ):
            case "insert":
                self.insert(name)
            case "update":
                each, kind = self._choice.choice(columns[:-1])
                set_ = sql.SQL("{} = {}").format(sql.Identifier(each), sql.Literal(self._value(kind)))
                self._run("UPDATE {} SET {} WHERE {} % 7 = {}", table, set_, key, sql.Literal(number % 7))
            case "key":
                self._next += 1
                new = sql.Literal(1_000_000 + self._next)
                self._run("UPDATE {0} SET {1} = {2} WHERE {1} = (SELECT min({1}) FROM {0})", table, key, new)
            case "delete":
                self._run("DELETE FROM {} WHERE {} % 13 = {}", table, key, sql.Literal(number % 13))
            case "undone":
                self._run("SAVEPOINT here")
                self._run("DELETE FROM {}", table)
                self._run("ROLLBACK TO here")
            case "truncate" if number < 4:
                also = sql.SQL(", ").join(sql.Identifier(each.schema, each.name) for each in self._columns)
                what = self._choice.choice(("", " RESTART IDENTITY", " CASCADE"))
                self._run("TRUNCATE {}, elsewhere" + what, also)

    def insert(self, name: TableName) -> None:
        """A new row."""
        self._next += 1
        columns = self._columns[name]
        values = [*(self._value(kind) for _, kind in columns[:-1]), str(1000 + self._next)]
        names = sql.SQL(", ").join(sql.Identifier(each) for each, _ in columns)
        table = sql.Identifier(name.schema, name.name)
        self._run("INSERT INTO {} ({}) VALUES ({})", table, names, sql.SQL(", ").join(map(sql.Literal, values)))


@contextmanager
def both_streams(
    pair: DatabasePair, tables: Sequence[TableName]
) -> Iterator[tuple[ReplicationStream, ReplicationStream]]:
    """The same WAL by pgoutput and by test_decoding, from here on."""
    published, listed = SLOTS
    names = sql.SQL(", ").join(sql.Identifier(each.schema, each.name) for each in tables)
    pair.source.execute(sql.SQL("CREATE PUBLICATION {} FOR TABLE {}").format(sql.Identifier(published), names))
    create_list(pair.source, listed, tables)
    with ExitStack() as stack:
        holders = [stack.enter_context(replicating(pair)) for _ in SLOTS]
        create_slot(holders[0], published)
        create_slot(holders[1], listed, plugin="test_decoding")
        found = read_list(pair.source, listed)
        assert found is not None
        captured = Listed(pair.source, listed, found.members, frozenset)
        yield (
            start_stream(holders[0], published, 0, published, binary=False),
            start_text_stream(holders[1], listed, 0, captured),
        )
    drop_slots(pair.source, *SLOTS)


@contextmanager
def replicating(pair: DatabasePair) -> Iterator[Any]:
    with connect(pair.source_endpoint, end="source", application_name="test", replication=True) as holder:
        yield holder


def messages(stream: ReplicationStream, until_lsn: int) -> list[tuple[object, ...]]:
    """What the stream says up to a position, each row with the description that it has to be read by."""
    found: list[tuple[object, ...]] = []
    described: dict[bytes, RelationMessage] = {}
    deadline = time.monotonic() + 60
    while True:
        assert time.monotonic() < deadline, f"the stream has not come to {until_lsn}"
        # Small bites: what is held has to survive them.
        frames, _ = stream.receive(2000)
        for frame in frames:
            kind, body = frame[MESSAGE_AT : MESSAGE_AT + 1], frame[MESSAGE_AT + 1 :]
            match kind:
                case b"R":
                    described[body[:4]] = parse_relation(frame, MESSAGE_AT)
                case b"B":
                    # Without the beginning of the commit record, of which see `final`.
                    final = int.from_bytes(body[:8], "big")
                    found.append((kind, body[8:]))
                case b"C":
                    end_lsn = int.from_bytes(body[9:17], "big")
                    assert int.from_bytes(body[1:9], "big") == final < end_lsn
                    if found[-1][0] == b"B":
                        # From 15 on pgoutput leaves them out.
                        found.pop()
                    else:
                        found.append((kind, end_lsn, body[17:]))
                    if end_lsn > until_lsn:
                        return found
                case b"T":
                    found.append((kind, body[4:5], {described[body[at : at + 4]] for at in range(5, len(body), 4)}))
                case b"I" | b"U" | b"D":
                    found.append((kind, described[body[:4]], body[4:]))


@pytest.mark.parametrize("version", [10, 17])
def test_lines_of_test_decoding_become_the_messages_of_pgoutput(
    server_folder: Path, destination_cluster: Cluster, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    # So that some transactions are held in a file.
    monkeypatch.setattr(text_stream, "HELD_BYTES", 5_000)
    drawn = int(os.environ.get(SEED_VARIABLE, secrets.randbelow(1 << 30)))
    print(f"seed {drawn}")
    with server(server_folder, version) as source, contextmanager(connected)(source, destination_cluster) as pair:
        pair.source.execute(KINDS + "CREATE TABLE elsewhere (note text)")
        changes = Drawn(pair.source, drawn)
        tables = changes.create(("KEY", "FULL", "INDEX", "KEY", "FULL"))
        with both_streams(pair, tables) as (published, listed):
            for _ in range(TRANSACTIONS):
                changes.change()
            last = parse_lsn(current_lsn(pair.source))
            changes.insert(tables[0])
            of_pgoutput, of_lines = messages(published, last), messages(listed, last)
        assert len(of_pgoutput) > TRANSACTIONS
        for at, (one, other) in enumerate(zip(of_pgoutput, of_lines, strict=True)):
            assert one == other, f"message {at}, seed {drawn}"

"""Databases of other encodings than UTF-8: the characters arrive, of equal encodings the very bytes, and what cannot be
kept is named."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from syncwizard.demo.servers import Cluster
from syncwizard.errors import ChangeFailed, SyncwizardError
from tests.conftest import dropped
from tests.integration.test_precheck import outcome
from tests.integration.test_types_semantics import run
from tests.support.pair import DatabasePair
from tests.support.rowpath import RowPath, row_path

pytestmark = pytest.mark.slow


@contextmanager
def encoded(source: Cluster, destination: Cluster, encoding: str, other: str = "UTF8") -> Iterator[DatabasePair]:
    """Databases of these encodings at the two ends."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    for cluster, wanted in ((source, encoding), (destination, other)):
        with cluster.connect() as session:
            session.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{wanted}' LOCALE 'C'".encode())
    with dropped(DatabasePair(source, destination, name, source.connect(name), destination.connect(name))) as pair:
        for session in (pair.source, pair.destination):
            session.execute("SET client_encoding = 'UTF8'")
        yield pair


def definitions(word: str) -> str:
    return (
        f"CREATE TYPE mood AS ENUM ('{word}', 'other');"
        f'CREATE TABLE "{word}" ("{word} id" text PRIMARY KEY, t text, c char(20), j jsonb, m mood, a text[],'
        ' x "char");'
        f'CREATE TABLE keyless ("{word}" text, m mood)'
    )


def transactions(word: str, letters: str) -> list[str]:
    """`letters` is how the word is written in a statement."""
    row = f"'{word} ' || :first + i, {letters}, {letters}, '{{\"{word}\": 1}}', '{word}', ARRAY[{letters}], 'x'"
    return [
        f'INSERT INTO "{word}" SELECT {row} FROM generate_series(1, 80) i',
        f"INSERT INTO keyless VALUES ({letters}, '{word}')",
        f"UPDATE \"{word}\" SET t = t || {letters}, m = 'other'",
        f'UPDATE "{word}" SET "{word} id" = "{word} id" || {letters} WHERE "{word} id" LIKE \'%1\'',
        f"UPDATE keyless SET \"{word}\" = {letters} || :first, m = 'other'",
        f'DELETE FROM "{word}" WHERE "{word} id" LIKE \'%2\'',
        f"UPDATE \"{word}\" SET c = 'few' WHERE \"{word} id\" LIKE '%3%3%'",
    ]


def carry(path: RowPath, word: str, letters: str) -> None:
    """Copies some rows, then changes many at once and few one by one."""
    run(path.pair, transactions(word, letters)[:2], 5000)
    path.copy()
    with path.following():
        for first in (0, 1000):
            for text in transactions(word, letters):
                run(path.pair, [text], first)
            path.caught_up()


def texts(pair: DatabasePair, end: str, table: str, shown: str) -> list[tuple[object, ...]]:
    session = pair.source if end == "source" else pair.destination
    return sorted(session.execute(f'SELECT {shown} FROM "{table}" AS t'.encode()).fetchall())


@pytest.mark.parametrize(
    ("encoding", "word"),
    [("LATIN1", "Größe é ÿ"), ("EUC_JP", "日本語 テスト"), ("WIN1251", "Привет"), ("SQL_ASCII", "Größe 日本")],
)
def test_other_encodings_of_the_source(
    source_cluster: Cluster, destination_cluster: Cluster, tmp_path: Path, encoding: str, word: str
) -> None:
    with encoded(source_cluster, destination_cluster, encoding) as pair:
        carry(row_path(pair, tmp_path, definitions(word)), word, f"'{word}'")
        for table in (word, "keyless"):
            # Hashes made by the servers would be of different bytes.
            rows = texts(pair, "source", table, "t::text")
            assert texts(pair, "destination", table, "t::text") == rows
            assert word in str(rows[0])


@pytest.mark.parametrize(
    ("encoding", "word", "letters"),
    [
        # Characters that UTF-8 knows once and EUC_JP has twice, and bytes that are no text in any encoding.
        ("EUC_JP", "日本", r"E'\xad\xf5\xa2\xe5 \xad\xa2'"),
        ("SQL_ASCII", "日本", r"E'\xe9\xff \x80'"),
        ("LATIN1", "Größe", r"E'\xe9\xff \x80'"),
    ],
)
def test_of_equal_encodings_the_bytes_arrive(
    source_cluster: Cluster, destination_cluster: Cluster, tmp_path: Path, encoding: str, word: str, letters: str
) -> None:
    with encoded(source_cluster, destination_cluster, encoding, encoding) as pair:
        assert outcome(pair.spec(), tmp_path)["encoding"].verdict == "passed"
        carry(row_path(pair, tmp_path, definitions(word)), word, letters)
        for table in (word, "keyless"):
            shown = "convert_to(t::text, current_setting('server_encoding'))"
            assert texts(pair, "destination", table, shown) == texts(pair, "source", table, shown)


def test_bytes_of_no_encoding_are_named_before_the_start_and_refused_after_it(
    source_cluster: Cluster, destination_cluster: Cluster, tmp_path: Path
) -> None:
    with encoded(source_cluster, destination_cluster, "SQL_ASCII") as pair:
        path = row_path(pair, tmp_path, "CREATE TABLE t (id int PRIMARY KEY, note text)")
        finding = outcome(pair.spec(), tmp_path)["encoding"]
        assert finding.verdict == "warning"
        assert "SQL_ASCII" in finding.message
        pair.source.execute("INSERT INTO t VALUES (1, 'Größe')")
        path.copy()
        with pytest.raises(SyncwizardError, match="invalid byte sequence"), path.following():
            pair.source.execute(r"INSERT INTO t VALUES (2, E'\xe9')")
            path.caught_up()
        assert pair.destination.execute("SELECT note FROM t").fetchall() == [("Größe",)]


def test_a_character_that_the_destination_cannot_write_stops_the_task(
    source_cluster: Cluster, destination_cluster: Cluster, tmp_path: Path
) -> None:
    with encoded(source_cluster, destination_cluster, "UTF8", "LATIN1") as pair:
        path = row_path(pair, tmp_path, "CREATE TABLE t (id int PRIMARY KEY, note text)")
        assert "cannot hold every character" in outcome(pair.spec(), tmp_path)["encoding"].message
        path.copy()
        with pytest.raises(ChangeFailed, match=r"with id = 2.*no equivalent in encoding"), path.following():
            pair.source.execute("INSERT INTO t VALUES (1, 'Größe')")
            pair.source.execute("INSERT INTO t VALUES (2, '日本')")
            path.caught_up()
        assert pair.destination.execute("SELECT note FROM t").fetchall() == [("Größe",)]

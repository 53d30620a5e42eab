"""A script that fails for a row: the task stops and names it, or the row is set aside and nothing else is lost."""

from pathlib import Path
from typing import Any

import pytest

from syncwizard.errors import ChangeFailed, TaskFailed
from syncwizard.task.event_words import DEAD_LETTERS
from syncwizard.task.events import Noticed, TableCopied
from syncwizard.task.figures.sample import Sample
from syncwizard.task.figures.totals import dead_letters
from syncwizard.task.specification import Advanced, EtlErrors, SchemaObjects, TableObject
from tests.support.pair import DatabasePair
from tests.support.rowpath import RowPath, row_path
from tests.support.waiting import until

PRICES = "CREATE TABLE prices (id int PRIMARY KEY, amount text, phone text, cents int);"
SCRIPT = 'e_compose(e_set(`phone`, str_mask(`phone`, 0, 3, "*")), e_set(`cents`, op_mul(ct_numeric(`amount`), 100)))'
FILL = "INSERT INTO prices SELECT i, (i % 90)::text, '555' || i FROM generate_series({}) i"


def priced(pair: DatabasePair, folder: Path, errors: EtlErrors, definitions: str = PRICES) -> RowPath:
    objects = [SchemaObjects(schema="public", overrides=[TableObject(table="prices", etl=SCRIPT)])]
    return row_path(pair, folder, definitions, objects=objects, advanced=Advanced(etl_errors=errors))


def held(pair: DatabasePair) -> list[tuple[Any, ...]]:
    return pair.destination.execute("SELECT id, phone, cents FROM prices ORDER BY 1, 2, 3").fetchall()


def meant(pair: DatabasePair) -> list[tuple[Any, ...]]:
    return pair.source.execute(
        "SELECT id, '****' || substr(phone, 5), (amount::numeric * 100)::int FROM prices"
        " WHERE amount ~ '^[0-9]+$' AND amount::numeric < 1000000 ORDER BY 1, 2, 3"
    ).fetchall()


def counted(path: RowPath) -> int:
    """The rows that were set aside, by the latest figures."""
    changes = next((sample.changes for sample in reversed(path.task.samples) if sample.changes), {})
    return changes.get("public.prices", {}).get(DEAD_LETTERS, 0)


def letters(pair: DatabasePair) -> list[tuple[Any, ...]]:
    return pair.destination.execute(
        "SELECT operation, key ->> 'id', row ->> 'amount', sqlstate FROM syncwizard.dead_letters ORDER BY number"
    ).fetchall()


def test_rows_are_set_aside_in_the_copy(pair: DatabasePair, tmp_path: Path) -> None:
    path = priced(pair, tmp_path, "dead-letter")
    pair.source.execute(FILL.format("1, 5000"))
    pair.source.execute("UPDATE prices SET amount = 'free' WHERE id IN (7, 2500)")
    # Too large for the column that it goes into.
    pair.source.execute("UPDATE prices SET amount = '99999999999' WHERE id = 4999")
    path.copy()
    assert held(pair) == meant(pair)
    assert sorted(letters(pair)) == [
        ("COPY", "2500", "free", "22P02"),
        ("COPY", "4999", "99999999999", "22003"),
        ("COPY", "7", "free", "22P02"),
    ]
    # What the script would have covered is not in it.
    assert pair.destination.execute("SELECT count(*) FROM syncwizard.dead_letters WHERE row ? 'phone'").fetchone() == (
        0,
    )
    # Counted where changes are counted, as of the destination, whichever worker set them aside.
    assert dead_letters(Sample(), path.task.state) == {"public.prices": 3}
    assert [event.dead_letters for event in path.task.events if isinstance(event, TableCopied)] == [3]
    reported = [event.message for event in path.task.events if isinstance(event, Noticed)]
    assert any("3 rows of public.prices: syncwizard.dead_letters" in message for message in reported)


def test_rows_are_set_aside_in_the_stream(pair: DatabasePair, tmp_path: Path) -> None:
    path = priced(pair, tmp_path, "dead-letter")
    pair.source.execute(FILL.format("1, 100"))
    path.copy()
    with path.following():
        pair.source.execute("UPDATE prices SET amount = 'free' WHERE id IN (5, 6)")
        with pair.source.transaction():
            pair.source.execute(FILL.format("200, 400"))
            pair.source.execute("UPDATE prices SET amount = 'dear' WHERE id = 300")
            pair.source.execute("UPDATE prices SET id = 1000, amount = '?' WHERE id = 10")
            pair.source.execute("DELETE FROM prices WHERE id BETWEEN 20 AND 30")
        # It is right again, and comes back.
        pair.source.execute("UPDATE prices SET amount = '12' WHERE id = 6")
        pair.source.execute("DELETE FROM prices WHERE id = 5")
        path.caught_up()
        # Figures follow within a second.
        until(lambda: counted(path) == 4, what="four rows to be counted")
    assert held(pair) == meant(pair)
    found = [(operation, key) for operation, key, _, _ in letters(pair)]
    assert found == [("UPDATE", "5"), ("UPDATE", "6"), ("UPDATE", "300"), ("UPDATE", "1000")]


@pytest.mark.slow
def test_a_keyless_tables_rows_are_set_aside(pair: DatabasePair, tmp_path: Path) -> None:
    definitions = PRICES.replace(" PRIMARY KEY", "") + "ALTER TABLE prices REPLICA IDENTITY FULL;"
    path = priced(pair, tmp_path, "dead-letter", definitions)
    pair.source.execute(FILL.format("1, 50"))
    pair.source.execute("UPDATE prices SET amount = 'free' WHERE id = 9")
    path.copy()
    with path.following():
        pair.source.execute("UPDATE prices SET amount = 'dear' WHERE id IN (9, 10)")
        pair.source.execute("UPDATE prices SET amount = '3' WHERE id = 9")
        pair.source.execute("DELETE FROM prices WHERE id = 10")
        path.caught_up()
    assert held(pair) == meant(pair)
    assert len(letters(pair)) == 3


def test_the_copy_stops_and_names_row_and_expression(pair: DatabasePair, tmp_path: Path) -> None:
    path = priced(pair, tmp_path, "stop")
    pair.source.execute(FILL.format("1, 5000"))
    pair.source.execute("UPDATE prices SET amount = 'free' WHERE id = 2500")
    with pytest.raises(TaskFailed) as failed:
        path.copy()
    text = f"{failed.value} {failed.value.detail}"
    assert 'invalid input syntax for type numeric: "free"' in text
    assert "column 72: op_mul(ct_numeric(`amount`), 100)" in text
    assert '{"id": 2500}' in text
    assert "public.prices" in text


def test_the_stream_stops_and_names_row_and_expression(pair: DatabasePair, tmp_path: Path) -> None:
    path = priced(pair, tmp_path, "stop")
    pair.source.execute(FILL.format("1, 10"))
    path.copy()
    with pytest.raises(ChangeFailed) as failed, path.following():
        pair.source.execute("UPDATE prices SET amount = 'free' WHERE id = 5")
        path.caught_up()
    text = f"{failed.value} {failed.value.detail}"
    assert "update on public.prices with id = 5" in text
    assert 'invalid input syntax for type numeric: "free"' in text
    assert "op_mul(ct_numeric(`amount`), 100)" in text
    assert held(pair)[4] == (5, "****", 500)


@pytest.mark.slow
def test_dead_letters_go_with_the_copy_that_made_them(pair: DatabasePair, tmp_path: Path) -> None:
    path = priced(pair, tmp_path, "dead-letter")
    pair.source.execute(FILL.format("1, 10"))
    pair.source.execute("UPDATE prices SET amount = 'free' WHERE id = 5")
    context = path.copy()
    with context.destination("test") as destination:
        copies = destination.copies.read()
        destination.copies.restart(list(copies), forget_pairs=False)
    path.copy()
    assert len(letters(pair)) == 1

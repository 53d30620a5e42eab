"""Partitions by a hash that another database computes differently (k09): rows go through the root."""

from pathlib import Path

import pytest

from syncwizard.demo.servers import Cluster
from syncwizard.stages.capture import stage as capture
from syncwizard.stages.definitions import constraints, indexes, keys, schema
from syncwizard.stages.full import stage as full
from tests.support.comparison import assert_equal, content
from tests.support.inprocess import TaskRun
from tests.support.pair import DatabasePair, Session
from tests.support.rowpath import RowPath
from tests.support.slots import drop_slots
from tests.support.waiting import until

TREES = """
    CREATE TYPE colour AS ENUM ('red', 'green', 'blue', 'black');
    CREATE DOMAIN paint AS colour;
    CREATE TABLE parts (id int, c colour, note text, PRIMARY KEY (id, c)) PARTITION BY HASH (c);
    CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 3, REMAINDER 0);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 3, REMAINDER 1);
    CREATE TABLE parts_2 PARTITION OF parts FOR VALUES WITH (MODULUS 3, REMAINDER 2);
    CREATE TABLE mixed (id int, c paint[], PRIMARY KEY (id, c)) PARTITION BY RANGE (id);
    CREATE TABLE mixed_low PARTITION OF mixed FOR VALUES FROM (0) TO (100) PARTITION BY HASH (c);
    CREATE TABLE mixed_low_0 PARTITION OF mixed_low FOR VALUES WITH (MODULUS 2, REMAINDER 0);
    CREATE TABLE mixed_low_1 PARTITION OF mixed_low FOR VALUES WITH (MODULUS 2, REMAINDER 1);
    CREATE TABLE mixed_high PARTITION OF mixed DEFAULT;
    INSERT INTO parts SELECT g, (enum_range(NULL::colour))[1 + g % 4], 'n' FROM generate_series(1, 300) g;
    INSERT INTO mixed SELECT g, ARRAY[(enum_range(NULL::colour))[1 + g % 4]] FROM generate_series(1, 200) g;
"""


def started(pair: DatabasePair, folder: Path, definitions: str) -> RowPath:
    """A task whose rows are copied and followed once, with all of its definitions."""
    pair.source.execute(definitions)
    # The OIDs of the values differ from those of the source.
    pair.destination.execute("CREATE TYPE other AS ENUM ('a', 'b', 'c', 'd', 'e', 'f', 'g'); DROP TYPE other")
    path = RowPath(pair, TaskRun(pair.spec(), folder))
    context = path.context()
    for stage in (capture, schema, full, keys):
        stage.run(context)
    with path.following():
        path.caught_up()
    for stage in (constraints, indexes):
        stage.run(path.context())
    return path


def test_partitions_by_the_hash_of_an_enum_arrive(pair: DatabasePair, tmp_path: Path) -> None:
    path = started(pair, tmp_path, TREES)
    assert_equal(pair)
    with path.following():
        pair.source.execute(
            "UPDATE parts SET c = 'black' WHERE id % 5 = 0; UPDATE parts SET note = 'm' WHERE id % 7 = 0"
        )
        pair.source.execute("DELETE FROM parts WHERE id % 11 = 0; DELETE FROM mixed WHERE id % 3 = 0")
        pair.source.execute("UPDATE mixed SET id = id + 90 WHERE id BETWEEN 95 AND 99")
        pair.source.execute("INSERT INTO parts SELECT g, 'red', 'x' FROM generate_series(1000, 1500) g")
        path.caught_up()
        assert assert_equal(pair)["public.parts"].rows > 700
        pair.source.execute("TRUNCATE parts; INSERT INTO parts VALUES (1, 'red', 'after')")
        path.caught_up()
    assert assert_equal(pair)["public.parts"].rows == 1


@pytest.mark.slow
def test_one_of_these_partitions_truncated_alone_sets_the_tree_aside(pair: DatabasePair, tmp_path: Path) -> None:
    path = started(pair, tmp_path, TREES)
    with path.following():
        pair.source.execute("TRUNCATE parts_1")
        pair.source.execute("DELETE FROM mixed WHERE id = 1")
        path.caught_up()
        until(lambda: path.task.state.aside, 20, "the tree to be set aside")
    [aside] = path.task.state.aside
    assert aside.table.name == "parts"
    assert "--table public.parts" in str(aside.remedy)
    assert content(pair.source, "public", "mixed") == content(pair.destination, "public", "mixed")


def test_partitions_by_the_hash_of_a_text_arrive_in_another_encoding(
    source_cluster: Cluster, destination_cluster: Cluster, pair: DatabasePair, tmp_path: Path
) -> None:
    name = f"{pair.database}_latin"
    admin = source_cluster.connect("postgres")
    admin.execute(f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0".encode())
    with source_cluster.connect(name) as latin:
        other: Session = latin
        recoded = DatabasePair(source_cluster, destination_cluster, name, other, pair.destination)
        spec = pair.spec(source=recoded.source_endpoint)
        other.execute("""
            CREATE TABLE words (word text PRIMARY KEY) PARTITION BY HASH (word);
            CREATE TABLE words_0 PARTITION OF words FOR VALUES WITH (MODULUS 2, REMAINDER 0);
            CREATE TABLE words_1 PARTITION OF words FOR VALUES WITH (MODULUS 2, REMAINDER 1);
            INSERT INTO words SELECT 'größe ' || g FROM generate_series(1, 100) g;
        """)
        path = RowPath(recoded, TaskRun(spec, tmp_path))
        context = path.context()
        for stage in (capture, schema, full, keys):
            stage.run(context)
        with path.following():
            other.execute("INSERT INTO words SELECT 'süß ' || g FROM generate_series(1, 100) g")
            path.caught_up()
        words = 'SELECT word FROM words ORDER BY word COLLATE "C"'
        assert pair.destination.execute(words).fetchall() == other.execute(words).fetchall()
        drop_slots(other)
    admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
    admin.close()

"""The commands that README and the manual show, run without superusers: from `check` to `release`."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncwizard import manual
from tests.support.commands import report, syncwizard
from tests.support.comparison import assert_equal
from tests.support.pair import DatabasePair

pytestmark = pytest.mark.slow

TASK = """
version: 1
name: {name}
source: {{host: {source}, database: {database}, user: reader}}
destination: {{host: {destination}, database: {database}, user: writer}}
objects:
  - schema: shop
"""

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
NAME = "shop-to-branch"

SHOP = """
CREATE SCHEMA shop;
CREATE TABLE shop.customers (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE shop.orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer int REFERENCES shop.customers, total numeric(10, 2)
);
CREATE INDEX ON shop.orders (customer);
CREATE TABLE shop.visits (at timestamptz NOT NULL, page text);
INSERT INTO shop.customers SELECT n, 'customer ' || n FROM generate_series(1, 500) AS n;
INSERT INTO shop.orders (customer, total) SELECT 1 + n % 500, n / 7.0 FROM generate_series(1, 3000) AS n;
INSERT INTO shop.visits SELECT now(), '/' || n % 9 FROM generate_series(1, 200) AS n;
"""

# What of the source and the destination must be as before once the task is released.
TRACES = """
SELECT 'slot', slot_name::text FROM pg_replication_slots
UNION ALL SELECT 'publication', pubname::text FROM pg_publication
UNION ALL SELECT 'trigger', tgname::text FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'event trigger', evtname::text FROM pg_event_trigger
UNION ALL SELECT 'function', oid::regprocedure::text FROM pg_proc
    WHERE pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
UNION ALL SELECT 'identity', oid::regclass || ' ' || relreplident::text FROM pg_class
    WHERE relreplident NOT IN ('d', 'n')
UNION ALL SELECT 'table', oid::regclass::text FROM pg_class
    WHERE relkind IN ('r', 'p') AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
    AND relnamespace <> 'shop'::regnamespace
UNION ALL SELECT 'schema', nspname::text FROM pg_namespace WHERE nspname = 'syncwizard'
"""


@pytest.fixture
def shop(pair: DatabasePair) -> Iterator[DatabasePair]:
    """Tables that the account `reader` owns at the source; `writer` may create in the destination's database."""
    for session, role in ((pair.source, "reader REPLICATION"), (pair.destination, "writer")):
        session.execute(f"CREATE ROLE {role} LOGIN".encode())
    pair.source.execute(f"GRANT CREATE ON DATABASE {pair.database} TO reader; SET ROLE reader".encode())
    # The heartbeat's table lives in `public`.
    pair.source.execute("RESET ROLE; GRANT CREATE ON SCHEMA public TO reader; SET ROLE reader")
    pair.source.execute(SHOP)
    pair.source.execute("RESET ROLE")
    pair.destination.execute(f"GRANT CREATE ON DATABASE {pair.database} TO writer".encode())
    yield pair
    for session, role in ((pair.source, "reader"), (pair.destination, "writer")):
        session.execute(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}".encode())


@pytest.fixture
def task_file(shop: DatabasePair, state_home: Path) -> Path:
    path = state_home / "shop.yaml"
    source, destination = shop.source_cluster.sockets, shop.destination_cluster.sockets
    path.write_text(
        TASK.format(name=NAME, source=source, destination=destination, database=shop.database),
        encoding="utf-8",
    )
    return path


def commands_of(text: str) -> dict[str, list[str]]:
    """The block of commands over `kb.yaml` in a page, by command, as they are shown."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    block = next(found for found in blocks if "start kb.yaml" in found)
    lines = [words for line in block.splitlines() if (words := shlex.split(line, comments=True))]
    assert all(words[0] == "syncwizard" for words in lines)
    return {words[1]: words[1:] for words in lines}


def write(pair: DatabasePair) -> None:
    """What an application does, keyless table and keys included."""
    pair.source.execute("INSERT INTO shop.orders (customer, total) VALUES (7, 1.5), (8, 2.5)")
    pair.source.execute("UPDATE shop.orders SET total = total + 1 WHERE id % 10 = 3")
    pair.source.execute("DELETE FROM shop.orders WHERE id % 100 = 5")
    pair.source.execute("UPDATE shop.visits SET page = '/moved' WHERE page = '/3'")
    pair.source.execute("INSERT INTO shop.visits VALUES (now(), '/new'), (now(), '/new')")
    pair.source.execute(
        "UPDATE shop.customers SET id = id + 1000 WHERE id < 400 AND id NOT IN (SELECT customer FROM shop.orders)"
    )
    pair.source.execute("INSERT INTO shop.customers SELECT coalesce(max(id), 0) + 1, 'new' FROM shop.customers")
    pair.source.execute("DELETE FROM shop.orders WHERE customer = (SELECT min(customer) FROM shop.orders)")


def test_readme_shows_the_commands_of_the_manual() -> None:
    shown, known = commands_of(README), commands_of(manual.read("first-steps"))
    # The screens have tests of their own.
    assert shown.pop("open") == ["open", "kb-to-frankfurt"]
    assert shown and shown.items() <= known.items()


def test_the_commands_of_the_manual_end_without_a_difference_and_leave_nothing(
    shop: DatabasePair, task_file: Path
) -> None:
    given = {"kb.yaml": str(task_file), "kb-to-frankfurt": NAME}
    way = {
        command: [given.get(word, word) for word in words]
        for command, words in commands_of(manual.read("first-steps")).items()
    }
    assert list(way) == ["check", "precheck", "preview", "start", "status", "wait", "pause", "resume", "release"]
    traces = sorted(shop.source.execute(TRACES).fetchall())
    syncwizard(*way["check"])
    assert "replica-identity" in syncwizard(*way["precheck"], expect=3).stdout
    syncwizard(*way["preview"])
    syncwizard(*way["start"], expect=3)
    assert sorted(shop.source.execute(TRACES).fetchall()) == traces
    syncwizard(*way["start"], "--ignore", "replica-identity", "--until", "caught-up")
    try:
        write(shop)
        assert NAME in syncwizard(*way["status"]).stdout
        syncwizard(*way["wait"], "--timeout", "60")
        assert_equal(shop)
        syncwizard(*way["pause"])
        assert report("status", "shop-to-branch")["state"] == "paused"
        # What the task itself created at both ends does not block.
        syncwizard("precheck", "shop-to-branch")
        write(shop)
        syncwizard(*way["resume"], "--until", "caught-up")
        assert_equal(shop)
        assert "paused" in syncwizard("events", "shop-to-branch").stdout
    finally:
        # It runs, and is paused first.
        syncwizard(*way["release"], "--yes")
    assert sorted(shop.source.execute(TRACES).fetchall()) == traces
    left = shop.destination.execute(TRACES).fetchall()
    assert left == []
    assert_equal(shop)

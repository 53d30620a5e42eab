"""CHECKs that call functions, or say something else today, come after the rows (k01, k01b, v8)."""

from pathlib import Path

import pytest

from tests.field.test_hash_partitions import started
from tests.support.comparison import assert_equal
from tests.support.definitions import definitions
from tests.support.pair import DatabasePair

CHECKS = """
    CREATE TABLE zz_codes (code text PRIMARY KEY);
    INSERT INTO zz_codes VALUES ('a');
    CREATE FUNCTION known(text) RETURNS bool LANGUAGE sql STABLE
        AS 'SELECT EXISTS (SELECT FROM public.zz_codes WHERE code = $1)';
    CREATE TABLE entries (id int PRIMARY KEY, code text CHECK (known(code)), n int CHECK (n > 0));
    COMMENT ON CONSTRAINT entries_code_check ON entries IS 'known codes';
    INSERT INTO entries SELECT g, 'a', g FROM generate_series(1, 200) g;
    CREATE FUNCTION unqualified(text) RETURNS bool LANGUAGE sql STABLE
        AS 'SELECT EXISTS (SELECT FROM zz_codes WHERE code = $1)';
    CREATE TABLE aliases (id int PRIMARY KEY, code text CHECK (unqualified(code)));
    INSERT INTO aliases VALUES (1, 'a');
    CREATE TABLE orders (id int, code text CHECK (known(code)), PRIMARY KEY (id)) PARTITION BY RANGE (id);
    CREATE TABLE orders_low PARTITION OF orders FOR VALUES FROM (0) TO (100);
    CREATE TABLE orders_high PARTITION OF orders DEFAULT;
    INSERT INTO orders SELECT g, 'a' FROM generate_series(1, 200) g;
    CREATE TABLE base (id int PRIMARY KEY, code text CHECK (known(code)));
    CREATE TABLE heir (more text, PRIMARY KEY (id), CHECK (known(more))) INHERITS (base);
    INSERT INTO heir VALUES (1, 'a', 'a');
    CREATE TABLE events (id int PRIMARY KEY, on_day date CHECK (on_day >= CURRENT_DATE));
    INSERT INTO events VALUES (1, CURRENT_DATE);
    ALTER TABLE events DROP CONSTRAINT events_on_day_check;
    UPDATE events SET on_day = '2001-01-01';
    ALTER TABLE events ADD CHECK (on_day >= CURRENT_DATE) NOT VALID;
    UPDATE pg_constraint SET convalidated = true WHERE conname = 'events_on_day_check';
"""


@pytest.mark.slow
def test_checks_that_need_more_than_their_row_come_after_the_rows(pair: DatabasePair, tmp_path: Path) -> None:
    path = started(pair, tmp_path, CHECKS)
    assert_equal(pair)
    missing = {(each.kind, each.name): each for each in path.task.state.missing_definitions}
    assert set(missing) == {
        ("check constraint", "aliases_code_check on public.aliases"),
        ("check constraint validation", "events_on_day_check on public.events"),
    }
    advice = {name: each.advice for (_, name), each in missing.items()}
    assert "ALTER FUNCTION" in advice["aliases_code_check on public.aliases"]
    assert "SELECT * FROM public.events WHERE NOT" in advice["events_on_day_check on public.events"]
    with path.following():
        pair.source.execute("INSERT INTO zz_codes VALUES ('z'); INSERT INTO entries VALUES (1000, 'z', 1)")
        pair.source.execute("SET search_path = public; INSERT INTO aliases VALUES (2, 'z')")
        pair.source.execute("INSERT INTO orders VALUES (300, 'z'); INSERT INTO heir VALUES (2, 'z', 'z')")
        path.caught_up()
    assert_equal(pair)
    ours = "dts_postgres_heartbeat"
    both = [
        {text for text in definitions(endpoint, ["public"], tmp_path) if ours not in text}
        for endpoint in (pair.source_endpoint, pair.destination_endpoint)
    ]
    # What is missing, and is not valid, stands in these tables' own statements.
    odd = ("CREATE TABLE public.aliases", "CREATE TABLE public.events", "ALTER TABLE public.events")
    assert {text for text in both[0] ^ both[1] if not text.startswith(odd)} == set()

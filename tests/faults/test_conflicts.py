"""Kills while rows are copied into tables that hold rows of their own (DESIGN rule 16): those stay, the others arrive
once, and changes overwrite."""

import random
from pathlib import Path

import pytest

from tests.faults import faults
from tests.faults.faults import strike
from tests.faults.harness import Phase, Trial
from tests.support.pair import DatabasePair

pytestmark = pytest.mark.slow

SOURCE_ROWS = 40_000
# Every seventh row of the source meets one of the destination; these are the destination's alone.
OWN_ROWS = range(900_001, 900_501)
TABLES = """
CREATE TABLE kept (id int PRIMARY KEY, owner text NOT NULL, body text);
ALTER TABLE kept ALTER body SET STORAGE EXTERNAL;
"""
AT_SOURCE = f"""
INSERT INTO kept SELECT n, 'source', repeat(md5(n::text), 64) FROM generate_series(1, {SOURCE_ROWS}) AS n;
CREATE TABLE brought (id int PRIMARY KEY, body text);
INSERT INTO brought SELECT n, repeat(md5(n::text), 8) FROM generate_series(1, {SOURCE_ROWS}) AS n;
"""
AT_DESTINATION = f"""
INSERT INTO kept SELECT n, 'destination', 'mine' FROM generate_series(7, {SOURCE_ROWS}, 7) AS n;
INSERT INTO kept SELECT n, 'destination', 'mine' FROM generate_series({OWN_ROWS[0]}, {OWN_ROWS[-1]}) AS n;
"""
BLOWS: list[tuple[faults.Fault, Phase]] = [
    (faults.KILL_COPY, "full"),
    (faults.KILL_ENGINE, "full"),
    (faults.KILL_COPY, "full"),
    (faults.KILL_ENGINE, "before sync point"),
]


def value(pair: DatabasePair, query: str) -> int:
    row = pair.destination.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0


def test_rows_that_were_there_survive_kills_of_the_copy_and_changes_overwrite_them(
    pair: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    for session, rows in ((pair.source, AT_SOURCE), (pair.destination, AT_DESTINATION)):
        session.execute(TABLES)
        session.execute(rows.encode())
    choice = random.Random("conflicts")
    made = Trial(pair, tmp_path, "conflicts", 0.5, conflicts="ignore")
    try:
        made.start()
        blows = []
        for fault, phase in BLOWS:
            blows.append(strike(made, fault, phase, choice))
            # Rows that are not at the destination come and go at the source while others are copied.
            pair.source.execute("DELETE FROM kept WHERE id = (SELECT min(id) FROM kept WHERE id % 7 = 3)")
            pair.source.execute(
                "INSERT INTO kept SELECT 500000 + coalesce(max(id), 0) % 500000 + 1, 'source', 'new' FROM kept"
                " WHERE id < 900000"
            )
        assert any(blow.phase == "full" and blow.hit for blow in blows), blows
        made.reach("steady")
        made.advance()
        assert made.state.tables["public.kept"].copied
        conflicting = f"id % 7 = 0 AND id <= {SOURCE_ROWS}"
        assert value(pair, f"SELECT count(*) FROM kept WHERE {conflicting} AND body = 'mine'") == SOURCE_ROWS // 7
        assert value(pair, f"SELECT count(*) FROM kept WHERE id >= {OWN_ROWS[0]} AND body = 'mine'") == len(OWN_ROWS)
        # A change overwrites what was there, a deletion removes it.
        pair.source.execute("UPDATE kept SET body = 'changed' WHERE id % 14 = 0")
        pair.source.execute("DELETE FROM kept WHERE id % 21 = 7")
        strike(made, faults.KILL_ENGINE, "steady", choice)
        made.advance()
        assert compared(pair) == []
        made.release()
        assert made.findings.clean, made.findings
    finally:
        made.end_engine()


def compared(pair: DatabasePair) -> list[str]:
    """What differs from: the source's rows, but the destination's own where the source did not change them."""
    query = b"SELECT id, owner, md5(body) FROM kept ORDER BY id"
    source = {row[0]: row for row in pair.source.execute(query)}
    destination = {row[0]: row for row in pair.destination.execute(query)}
    own = {number for number in range(7, SOURCE_ROWS + 1, 7) if number % 14 and number % 21 != 7}
    found = [f"{number} is the source's" for number in own if destination.get(number, ("", ""))[1] != "destination"]
    found += [f"{number} is gone" for number in OWN_ROWS if number not in destination]
    others = (source.keys() | destination.keys()) - own - set(OWN_ROWS)
    found += [f"{number} differs" for number in others if source.get(number) != destination.get(number)]
    brought = b"SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) FROM brought t"
    if pair.source.execute(brought).fetchall() != pair.destination.execute(brought).fetchall():
        found.append("brought differs")
    return found[:10]

"""Fifty random runs: differences planted under a workload are all found, and nothing else; repaired, none is left."""

import random
from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.integration.test_verification import NAME, definitions, running, under_workload, verified
from tests.support.commands import syncwizard
from tests.support.pair import DatabasePair

pytestmark = [pytest.mark.slow, pytest.mark.marathon, pytest.mark.timeout(7200)]

RUNS = 50
__all__ = ["running"]


class Planted(NamedTuple):
    """What is run at the destination, and what has to be found: table, kind, and the key where rows have one."""

    statement: str
    table: str
    kind: str
    key: tuple[str, ...] | None
    undo: str = ""


Plant = Callable[[random.Random], Planted]


def of_plain(statement: str, kind: str = "changed") -> Plant:
    def plant(drawn: random.Random) -> Planted:
        key = drawn.randrange(1, 1000)
        return Planted(statement.format(key), "public.plain", kind, (str(key),))

    return plant


def of_floats(statement: str, first: int = 1, last: int = 99) -> Plant:
    def plant(drawn: random.Random) -> Planted:
        key = drawn.randint(first, last)
        return Planted(statement.format(key), "public.floats", "changed", (str(key),))

    return plant


def extra(drawn: random.Random) -> Planted:
    key = -drawn.randrange(1, 10_000)
    return Planted(f"INSERT INTO plain VALUES ({key}, 0)", "public.plain", "only-destination", (str(key),))


def of_a_leaf(drawn: random.Random) -> Planted:
    key = drawn.randrange(1, 100)
    statement = f"UPDATE tree SET note = 'planted' WHERE id = {key} AND at = {key}"
    return Planted(statement, "public.tree_1", "changed", (str(key), str(key)))


def generated(drawn: random.Random) -> Planted:
    key = drawn.randrange(1, 100)
    return Planted(f"UPDATE made SET twice = -1 WHERE id = {key}", "public.made", "changed", (str(key),))


def missing_without_key(drawn: random.Random) -> Planted:
    note = f"n{drawn.randrange(10)}"
    one = f"(SELECT min(ctid) FROM keyless WHERE note = '{note}')"
    # The same row again, whichever it was.
    return Planted(
        f"INSERT INTO keyless SELECT * FROM keyless WHERE ctid = {one}",
        "public.keyless",
        "only-destination",
        None,
        undo=f"DELETE FROM keyless WHERE ctid = (SELECT max(ctid) FROM keyless WHERE note = '{note}' AND n ="
        f" (SELECT n FROM keyless WHERE ctid = {one}))",
    )


PLANTS: tuple[Plant, ...] = (
    of_plain("UPDATE plain SET note = '' WHERE id = {}"),
    of_plain("UPDATE plain SET note = NULL WHERE id = {}"),
    of_plain("UPDATE plain SET price = round(price, 9) WHERE id = {}"),
    of_plain("UPDATE plain SET at = at + interval '1 microsecond' WHERE id = {}"),
    of_plain("DELETE FROM plain WHERE id = {}", "only-source"),
    extra,
    of_floats("UPDATE floats SET v = format('[%s,1,2.0000002]', id)::vector WHERE id = {}"),
    of_floats("UPDATE floats SET d = 'NaN' WHERE id = {}"),
    of_floats("UPDATE floats SET r = '0' WHERE id = {}", 1001, 1001),
    of_floats("UPDATE floats SET v = NULL WHERE id = {}"),
    of_a_leaf,
    generated,
    missing_without_key,
)


def test_planted_differences_are_all_found_and_nothing_else(running: DatabasePair) -> None:
    syncwizard("wait", NAME, "--until", "indexed")
    running.destination.execute("ALTER TABLE made ALTER twice DROP EXPRESSION")
    seed = random.SystemRandom().randrange(10**6)
    drawn = random.Random(seed)
    found = planted = 0
    with under_workload(running) as workload:
        for number in range(RUNS):
            rounds = workload.rounds
            plants = {each.key or each.table: each for each in (drawn.choice(PLANTS)(drawn) for _ in range(6))}
            for each in plants.values():
                running.destination.execute(each.statement.encode())
            tables = verified(expect=5)
            context = f"seed {seed}, run {number}, {plants}"
            seen = {
                (name, row["kind"], tuple(row["key"]) if table["key_columns"] else None)
                for name, table in tables.items()
                for row in table["rows"]
            }
            assert seen == {(each.table, each.kind, each.key) for each in plants.values()}, context
            assert {name for name, each in tables.items() if each["verdict"] != "equal"} == {
                each.table for each in plants.values()
            }, context
            planted, found = planted + len(plants), found + len(seen)
            for each in plants.values():
                if each.undo:
                    running.destination.execute(each.undo.encode())
            syncwizard("repair", NAME, "--delete-extra", "--yes", expect=0)
            assert workload.rounds > rounds
        assert {each["verdict"] for each in verified(expect=0).values()} == {"equal"}
    print(f"seed {seed}: {RUNS} runs, {planted} planted, {found} found, {workload.rounds} rounds of the workload")


def test_definitions_that_differ_at_random_are_found(running: DatabasePair) -> None:
    syncwizard("wait", NAME, "--until", "indexed")
    drawn = random.Random(5)
    run = running.destination.execute
    for _ in range(10):
        kinds = set(drawn.sample(["trigger", "index", "column"], drawn.randint(1, 3)))
        if "trigger" in kinds:
            run("ALTER TABLE plain DISABLE TRIGGER touched")
        if "column" in kinds:
            run("ALTER TABLE plain ALTER n SET DEFAULT 3")
        run("UPDATE pg_index SET indisvalid = %s WHERE indexrelid = 'plain_note'::regclass", ("index" not in kinds,))
        assert {kind for kind, _ in definitions(expect=5)} == kinds
        run("ALTER TABLE plain ENABLE TRIGGER touched")
        run("ALTER TABLE plain ALTER n DROP DEFAULT")
        run("UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'plain_note'::regclass")
    assert definitions(expect=0) == {}

"""Asks an end whether it can evaluate a projection: plans it, and holds its condition to what is immutable."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import msgspec
import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from syncwizard.errors import End
from syncwizard.postgres.session.connection import Connection, quoted
from syncwizard.postgres.session.trouble import is_connection_loss
from syncwizard.rows.etl.steps import STAMP_REFERENCES, reference
from syncwizard.rows.etl.values import STAMPS
from syncwizard.rows.projection import Projection

NOT_IMMUTABLE = "42P17"
# A type of users, or its schema, that the definitions will bring.
NOT_THERE_YET = ("42704", "3F000")
NO_RIGHT = "42501"
# Plans that are asked for together.
PIPELINED = 200


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """`problem`: in the server's words, empty where it can. `rows`: how many the plan expects to be kept; `undecided`:
    a type is not there yet."""

    problem: str = ""
    sqlstate: str = ""
    rows: float | None = None
    undecided: bool = False


class Judges:
    """Both ends, asked about the projections of many tables: what is the same for several of them is asked once.

    `types_follow`: what the destination does not know is created there with the definitions.
    """

    def __init__(self, source: Connection, destination: Connection, *, types_follow: bool) -> None:
        self._source, self._destination, self._types_follow = source, destination, types_follow
        self._answers: dict[tuple[object, ...], Answer] = {}

    def obstacle(self, here: Projection, there: Projection) -> str:
        """Why one of the ends cannot evaluate a table's projection, written for each of them; empty where both can."""
        for end, answer in self._asked_of_both(here, there):
            if answer.problem and not (answer.undecided and end == "destination" and self._types_follow):
                return _why(end, answer)
        return ""

    def plan_copies(self, projections: Sequence[Projection]) -> None:
        """Plans the copies of many tables, of which each by itself would wait for its answer."""
        for first in range(0, len(projections), PIPELINED):
            part = projections[first : first + PIPELINED]
            try:
                with self._source.pipeline():
                    cursors = [self._source.execute(_explained(_copied(each))) for each in part]
                rows = [cursor.fetchone() for cursor in cursors]
            except psycopg.Error as error:
                if is_connection_loss(error):
                    raise
                # Each is asked by itself then, and says what is wrong with it.
                continue
            for each, row in zip(part, rows, strict=True):
                self._answers["copy", each.table] = _planned_rows(row)

    def at_source(self, here: Projection) -> Answer:
        """The plan of the copy, with how many rows it keeps."""
        return self._once(("copy", here.table), lambda: judge_source(self._source, here))

    def _asked_of_both(self, here: Projection, there: Projection) -> Iterator[tuple[End, Answer]]:
        keeps = here.levels[0].keeps if here.where else ""
        yield "source", self._once(("here", keeps, *here.columns.values()), lambda: judge_condition(self._source, here))
        yield "source", self.at_source(here)
        keeps = there.levels[0].keeps if there.where else ""
        asked = ("there", keeps, *there.columns.values())
        yield "destination", self._once(asked, lambda: judge_condition(self._destination, there))
        asked = ("stream", _streamed(there))
        yield "destination", self._once(asked, lambda: judge_destination(self._destination, there))

    def _once(self, key: tuple[object, ...], ask: Callable[[], Answer]) -> Answer:
        if (found := self._answers.get(key)) is None:
            found = self._answers[key] = ask()
        return found


def _why(end: End, answer: Answer) -> str:
    if answer.sqlstate == NOT_IMMUTABLE:
        return (
            "the filter depends on the moment or the session: it may use immutable functions and operators alone; "
            "those of timestamp with time zone with dates, intervals and text are not"
        )
    if answer.sqlstate == NO_RIGHT and "temporary" in answer.problem:
        return f"the {end} cannot be asked whether the filter is immutable: {answer.problem}; grant TEMPORARY"
    return f"the {end} says: {answer.problem}"


def judge_condition(end: Connection, projection: Projection) -> Answer:
    """Whether the condition is what an index may have for its predicate: of the row's values alone, and immutable.

    The server itself is asked, with a temporary table that is never committed. Raises the error of a lost session.
    """
    keeps = [level.keeps for level in projection.levels[:1]]
    if not projection.where or not keeps or not keeps[0]:
        return Answer()
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(reference(at)), sql.SQL(kind))
        for at, kind in enumerate(projection.columns.values())
    )
    statements = [
        sql.SQL("BEGIN READ WRITE"),
        sql.SQL("CREATE TEMPORARY TABLE l ({}) ON COMMIT DROP").format(columns),
        sql.SQL("CREATE INDEX ON pg_temp.l ((1)) WHERE {}").format(sql.SQL(keeps[0])),
    ]
    return _asked(end, statements)


def judge_source(end: Connection, projection: Projection) -> Answer:
    """Plans the copy at the source, with how many rows it keeps."""
    return _planned(end, _copied(projection))


def _copied(projection: Projection) -> str:
    table = quoted(projection.table.schema, projection.table.name).as_string(None)
    values = ", ".join(output.sql for output in projection.outputs)
    return f"SELECT {values} FROM {projection.over(projection.base_at_source(table))}"


def judge_destination(end: Connection, projection: Projection) -> Answer:
    """Plans what the stream evaluates, over a row of the source's types."""
    return _planned(end, _streamed(projection))


def _streamed(projection: Projection) -> str:
    parts = [f"NULL::{kind} AS {reference(at)}" for at, kind in enumerate(projection.columns.values())]
    parts += [f"NULL::{STAMPS[stamp].name} AS {STAMP_REFERENCES[stamp]}" for stamp in projection.stamps]
    values = ", ".join(output.sql for output in projection.outputs)
    rows = projection.over(f"SELECT {', '.join(parts)}")
    return f"SELECT {values} FROM {rows}"


def count_kept(end: Connection, projection: Projection) -> tuple[int, int]:
    """How many rows the source's table keeps now, and has."""
    table = quoted(projection.table.schema, projection.table.name).as_string(None)
    rows = projection.over(projection.base_at_source(table))
    statement = sql.SQL("SELECT (SELECT count(*) FROM {}), (SELECT count(*) FROM {})").format(
        sql.SQL(rows), sql.SQL(table)
    )
    with end.transaction():
        # All of a table is read, because it was asked for.
        end.execute("SET LOCAL statement_timeout = 0")
        row = end.execute(statement).fetchone()
    assert row is not None
    return row[0], row[1]


def _planned(end: Connection, statement: str) -> Answer:
    # By itself it is a transaction of its own: of thousands of tables each round trip counts.
    alone = end.autocommit and end.info.transaction_status == TransactionStatus.IDLE
    try:
        with nullcontext() if alone else end.transaction():
            row = end.execute(_explained(statement)).fetchone()
    except psycopg.Error as error:
        return _refusal(error)
    return _planned_rows(row)


def _explained(statement: str) -> sql.Composed:
    return sql.SQL("EXPLAIN (FORMAT JSON) {}").format(sql.SQL(statement))


def _planned_rows(row: Any) -> Answer:
    plan = row[0] if isinstance(row[0], list) else json.loads(row[0])
    return Answer(rows=plan[0]["Plan"]["Plan Rows"])


def _asked(end: Connection, statements: list[sql.Composable]) -> Answer:
    try:
        for statement in statements:
            end.execute(sql.Composed([statement]))
    except psycopg.Error as error:
        return _refusal(error)
    finally:
        if not end.closed and not end.broken:
            end.execute("ROLLBACK")
    return Answer()


def _refusal(error: psycopg.Error) -> Answer:
    if is_connection_loss(error):
        raise error
    words = " ".join(str(error.diag.message_primary or error).split())
    return Answer(problem=words, sqlstate=error.sqlstate or "", undecided=error.sqlstate in NOT_THERE_YET)

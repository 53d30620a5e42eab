"""Evaluates a projection for some real rows of the source."""

from typing import LiteralString

import psycopg
from psycopg import sql

from syncwizard.errors import TaskFailed
from syncwizard.postgres.catalog.rule_checks import count_kept, judge_source
from syncwizard.postgres.session.connection import Connection, quoted
from syncwizard.postgres.session.trouble import is_connection_loss
from syncwizard.rows.projection import Projection
from syncwizard.task.names import quote
from syncwizard.task.trial import Trial, TriedRow

ROWS = 10
# Of these so many that the filter keeps, where there are; the others show what it leaves out.
KEPT_ROWS = 7
# Who waits for ten rows is not served by an hour over one of them: what takes longer is too slow for a task as well.
LIMIT_SECONDS = 20
LIMIT: LiteralString = "SET statement_timeout = '20s'"


def try_projection(source: Connection, projection: Projection, *, count: bool) -> Trial:
    """Ten rows before and after, and how many travel by the plan; counts all where asked, however long that takes.

    Raises TaskFailed where the rows take too long.
    """
    source.execute(LIMIT)
    try:
        return _made(source, projection, count=count)
    except psycopg.errors.QueryCanceled as error:
        raise TaskFailed(
            f"filter or script of {projection.table} takes more than {LIMIT_SECONDS} s for {ROWS} rows",
            where=f"source {projection.table}",
            detail=" ".join(str(error).split()),
            remedy="write it more simply: a regular expression with `\\1` may take hours for a long text",
        ) from error


def _made(source: Connection, projection: Projection, *, count: bool) -> Trial:
    table = quoted(projection.table.schema, projection.table.name).as_string(None)
    columns = list(projection.columns)
    rows = []
    for relation, place in _places(source, projection, table):
        bounds = f"ctid = '{place}' AND tableoid = {relation}"
        values = ", ".join(f"b.{quote(name)}::text" for name in columns)
        before = source.execute(sql.SQL(f"SELECT {values} FROM {table} AS b WHERE {bounds}")).fetchone()
        if before is not None:
            rows.append(_tried(source, projection, projection.base_at_source(table, bounds), list(before)))
    kept, total = count_kept(source, projection) if count else (None, None)
    return Trial(
        table=projection.table,
        before=columns,
        after=[output.name for output in projection.outputs],
        rows=rows,
        expected=_expected(source, projection),
        kept=kept,
        total=total,
    )


def _expected(source: Connection, projection: Projection) -> int | None:
    """How many rows the plan expects to travel, where a filter or a script selects them."""
    rows = judge_source(source, projection).rows
    return None if rows is None or projection.kept is True else round(rows)


def _places(source: Connection, projection: Projection, table: str) -> list[tuple[int, str]]:
    """Where the rows are, those first that the filter keeps."""
    found: dict[tuple[int, str], None] = {}
    if projection.where:
        over = ", ".join(f"b.{quote(name)} AS c{at}" for at, name in enumerate(projection.columns))
        base = f"SELECT b.tableoid::bigint AS relation, b.ctid::text AS place, {over} FROM {table} AS b"
        keeps = projection.levels[0].keeps
        text = f"SELECT l.relation, l.place FROM ({base}) AS l WHERE {keeps} LIMIT {KEPT_ROWS}"
        found.update(dict.fromkeys(source.execute(sql.SQL(text)).fetchall()))
    text = f"SELECT tableoid::bigint, ctid::text FROM {table} LIMIT {ROWS}"
    found.update(dict.fromkeys(source.execute(sql.SQL(text)).fetchall()))
    return list(found)[:ROWS]


def _tried(source: Connection, projection: Projection, base: str, before: list[str | None]) -> TriedRow:
    values = ", ".join(f"({output.sql})::text" for output in projection.outputs) or "NULL"
    try:
        with source.transaction():
            row = source.execute(sql.SQL(f"SELECT {values} FROM {projection.over(base)}")).fetchone()
    except psycopg.Error as error:
        if is_connection_loss(error) or isinstance(error, psycopg.errors.QueryCanceled):
            raise
        return TriedRow(before=before, error=" ".join(str(error).split()))
    return TriedRow(before=before, after=None if row is None else list(row))

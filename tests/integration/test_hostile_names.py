"""Names that would steer a terminal: every command shows them as escapes, and so do log, report and task file."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from psycopg import sql

from syncwizard.cli.main import COMMANDS
from syncwizard.client import tasks
from syncwizard.client.waiting import wait_for_end
from syncwizard.demo.servers import Cluster
from syncwizard.task import file
from syncwizard.task.specification import SchemaObjects
from tests.support.commands import syncwizard, write_task_file
from tests.support.pair import DatabasePair
from tests.support.waiting import until

pytestmark = pytest.mark.slow

# The title of the window, a cleared screen, a bell, an 8-bit control sequence, text from right to left, a byte order
# mark, another line with a command of psql's, a carriage return.
HOSTILE = "\x1b]0;PWNED\x07\x1b[2J\x9b31m\u202e\ufeff\n\\! id\r"
# What opens the screens, or has databases of its own.
SCREENS = {"new", "open", "serve", "demo"}
# Print nothing that a database or a task has named.
UNNAMED = {"completion", "doctor"}


def hostile(name: str) -> str:
    return name + HOSTILE


@pytest.fixture
def pair(source_cluster: Cluster, destination_cluster: Cluster) -> Iterator[DatabasePair]:
    """Databases whose very names are hostile, with an object of each kind."""
    name = hostile("base")
    source_cluster.create_database(name)
    destination_cluster.create_database(name)
    pair = DatabasePair(
        source_cluster, destination_cluster, name, source_cluster.connect(name), destination_cluster.connect(name)
    )
    fill(pair)
    yield pair
    pair.close()
    for task in tasks.list_tasks():
        if (holder := task.find_engine()) is not None:
            os.kill(holder.pid, signal.SIGKILL)
            wait_for_end(task)
    destination_cluster.drop_database(name)
    source_cluster.drop_database(name)


def fill(pair: DatabasePair) -> None:
    names = {
        each: sql.Identifier(hostile(each))
        for each in ("schema", "table", "column", "seq", "type", "view", "func", "index", "check", "bare")
    }
    words = sql.Literal(hostile("words"))
    for statement in (
        "CREATE SCHEMA {schema}",
        "CREATE TYPE {schema}.{type} AS ENUM ({words})",
        "CREATE TABLE {schema}.{table} (id int PRIMARY KEY, {column} text, kind {schema}.{type},"
        " CONSTRAINT {check} CHECK ({column} <> ''))",
        "CREATE TABLE {schema}.{bare} ({column} text)",
        "CREATE INDEX {index} ON {schema}.{table} ({column})",
        "CREATE SEQUENCE {schema}.{seq}",
        "SELECT nextval({seq_name})",
        "CREATE VIEW {schema}.{view} AS SELECT {column} FROM {schema}.{table}",
        # As its creation is refused at the destination it is named there.
        "CREATE FUNCTION {schema}.{func}() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
        "COMMENT ON TABLE {schema}.{table} IS {words}",
        "INSERT INTO {schema}.{table} VALUES (1, {words}, {words}), (2, {words}, {words})",
        "INSERT INTO {schema}.{bare} VALUES ({words})",
    ):
        sequence = sql.Literal(sql.SQL("{}.{}").format(names["schema"], names["seq"]).as_string(pair.source))
        pair.source.execute(sql.SQL(statement).format(words=words, seq_name=sequence, **names))


class Walk:
    """Runs commands, looks at what each of them prints, and knows which were run."""

    def __init__(self) -> None:
        self.walked: set[str] = set()
        self.seen = ""

    def __call__(self, *arguments: str | Path, expect: int | None = 0) -> str:
        done = syncwizard(*arguments, expect=expect)
        self.walked.add(str(arguments[0]))
        for stream, text in (("stdout", done.stdout), ("stderr", done.stderr)):
            assert_clean(text, f"{stream} of {' '.join(map(str, arguments))}")
        self.seen += done.stdout + done.stderr
        return done.stdout

    def both(self, *arguments: str | Path, expect: int | None = 0) -> str:
        """In words and as JSON, of which it returns the latter."""
        self(*arguments, expect=expect)
        return self(*arguments, "--json", expect=expect)


def assert_clean(text: str, what: str) -> None:
    raw = sorted({each for each in text if not each.isprintable() and each != "\n"})
    assert not raw, f"{what} has {raw}: {text!r}"
    assert not [line for line in text.split("\n") if line.startswith("\\! id")], f"{what} has a line of a name"


def test_every_command_shows_hostile_names_as_escapes(pair: DatabasePair, state_home: Path) -> None:
    spec = pair.spec([SchemaObjects(schema=hostile("schema"))], name="walk", id=None)
    path = write_task_file(spec, state_home)
    walk = Walk()
    walk("check", path)
    shown = yaml.safe_load(walk("preview", path))
    assert shown["objects"][0]["schema"] == hostile("schema")
    walk("preview", path, "--json")
    # The table without a key is a warning that names it.
    walk("precheck", path, expect=3)
    accepted = warnings_of(walk("precheck", path, "--json", expect=3))
    walk("start", path, expect=3)
    walk("start", path, *(f"--ignore={item}" for item in accepted), "--until", "caught-up")
    walk("heal", "walk", "--yes", expect=None)
    walk("resync", "walk", "--all", "--yes", "--json")
    walk("wait", "walk", "--until", "caught-up")
    walk("sequences", "walk", expect=None)
    walk("definitions", "walk", expect=None)
    walk.both("ddl", "walk", expect=None)
    walk.both("verify", "walk", expect=None)
    walk.both("rules", "walk")
    walk("modify", "walk", path, "--yes", expect=None)
    walk.both("explain", "walk")
    walk.both("throttle", "walk", expect=None)
    walk.both("alerts", "show", "walk", expect=None)
    walk.both("repair", "walk", "--yes", expect=None)
    walk.both("rehearse", "walk", "--no-reverse", "--ignore", "latency", expect=None)
    walk.both("switchover", "walk", "--yes", "--fence", "revoke", "--role", hostile("role"), expect=1)
    # Undone, because a table differs.
    differ(pair)
    walk("switchover", "walk", "--yes", expect=5)
    walk("switchover", "walk", "--undo", expect=2)
    pair.reconnect()
    break_a_table(pair)
    task = tasks.find_task("walk")
    until(lambda: task.read_state().retrying or task.read_state().failure)
    walk("status")
    walk.both("status", "walk")
    walk.both("change", "walk")
    walk("pause", "walk", expect=None)
    walk("resume", "walk", expect=None)
    walk("pause", "walk", expect=None)
    walk.both("events", "walk")
    walk("report", "walk", "--output", "-")
    walk("report", "walk", "--output", state_home / "report.json", "--json")
    files = [task.folder / "engine.log", task.folder / "task.yaml", state_home / "report.json"]
    for written in files:
        assert_clean(written.read_text(), written.name)
    assert file.load(files[1]).objects[0].schema == hostile("schema")
    walk("release", "walk", "--yes", expect=None)
    # Tables that are there already are named by the precheck.
    walk("precheck", path, expect=None)
    walk("connections", "add", "here", "--host", "127.0.0.1", "--database", hostile("base"))
    walk.both("connections", "list")
    walk("status", hostile("nowhere"), expect=2)
    walk("manual", hostile("nowhere"), expect=2)
    assert walk.walked == set(COMMANDS) - SCREENS - UNNAMED
    # The names were there to be seen.
    for name in ("schema", "table", "bare", "seq", "base", "added"):
        assert f"{name}\\x1b]0;PWNED\\x07" in walk.seen, name


def warnings_of(precheck: str) -> list[str]:
    return [item["item"] for item in json.loads(precheck)["items"] if item["verdict"] == "warning"]


def differ(pair: DatabasePair) -> None:
    """A row that only the destination has."""
    names = {each: sql.Identifier(hostile(each)) for each in ("schema", "bare")}
    pair.destination.execute(sql.SQL("INSERT INTO {schema}.{bare} VALUES ('extra')").format(**names))


def break_a_table(pair: DatabasePair) -> None:
    """A change that the destination refuses, with its names in the message."""
    names = {each: sql.Identifier(hostile(each)) for each in ("schema", "table", "column", "added")}
    pair.source.execute(sql.SQL("ALTER TABLE {schema}.{table} ADD {added} int").format(**names))
    pair.source.execute(sql.SQL("UPDATE {schema}.{table} SET {added} = 1").format(**names))

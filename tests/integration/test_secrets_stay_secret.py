"""Passwords and salts over a whole task: nowhere to be seen, noticed when they become wrong, asked for again."""

import hashlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from syncwizard.client import tasks
from syncwizard.client.waiting import wait_for_end
from syncwizard.demo.servers import Cluster
from tests.support import searching
from tests.support.commands import report, syncwizard
from tests.support.network import ADDRESS, listening
from tests.support.terminal import Terminal
from tests.support.waiting import until

pytestmark = pytest.mark.slow

# The words between are what is looked for: quotes and backslashes are written in many ways.
CORE = "swordfish-4711-carp"
SOURCE_PASSWORD = f"source: '{CORE}\" \\"
DESTINATION_CORE = "halibut-0815-tench"
DESTINATION_PASSWORD = f"{DESTINATION_CORE} @:/?"
NEW_CORE = "marlin-2323-trout"
SALT = "pike-1212-perch"
SECRETS = (CORE, DESTINATION_CORE, NEW_CORE, SALT)
RULES = "".join(f"host all {user} {ADDRESS}/32 scram-sha-256\n" for user in ("reader", "writer"))

TASK = """
version: 1
name: quiet-fish
source: {{host: {address}, port: {port}, database: pond, user: reader, password: "env:SOURCE_PW"}}
destination: {{host: {address}, port: {port}, database: lake, user: writer, password: prompt}}
objects:
  - schema: public
    overrides:
      - {{table: fish, etl: 'e_set(`name`, sha256(`name`, secret("env:FISH_SALT")))'}}
"""


@pytest.fixture(scope="module")
def server(server_folder: Path) -> Iterator[Cluster]:
    """One server for both ends; two accounts that must give a password over the network."""
    with listening(server_folder / "guarded", 16, RULES) as cluster:
        with cluster.connect() as connection:
            for role, password in (("reader", SOURCE_PASSWORD), ("writer", DESTINATION_PASSWORD)):
                set_password(connection, f"CREATE ROLE {role} SUPERUSER LOGIN", password)
        yield cluster


def set_password(connection: "psycopg.Connection[tuple[object, ...]]", statement: str, password: str) -> None:
    encrypted = connection.pgconn.encrypt_password(password.encode(), b"any", b"scram-sha-256")
    connection.execute(f"{statement} PASSWORD '{encrypted.decode()}'".encode())


@pytest.fixture
def task_file(server: Cluster, state_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for database in ("pond", "lake"):
        server.create_database(database)
    with server.connect("pond") as connection:
        set_password(connection, "ALTER ROLE reader", SOURCE_PASSWORD)
        set_password(connection, "ALTER ROLE writer", DESTINATION_PASSWORD)
        connection.execute("CREATE TABLE fish (id int PRIMARY KEY, name text)")
        connection.execute("INSERT INTO fish SELECT n, 'fish ' || n FROM generate_series(1, 2000) AS n")
    # Probes and dumps keep their temporary files here too.
    temporary = state_home / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    path = state_home / "task.yaml"
    path.write_text(TASK.format(address=ADDRESS, port=server.port))
    yield path
    for task in tasks.list_tasks():
        holder = task.find_engine()
        if holder is not None:
            os.kill(holder.pid, signal.SIGKILL)
            wait_for_end(task)
    for database in ("lake", "pond"):
        server.drop_database(database)


def begin(task_file: Path, *options: str) -> Terminal:
    terminal = Terminal("start", task_file, *options, env={"SOURCE_PW": SOURCE_PASSWORD, "FISH_SALT": SALT})
    terminal.answer(f"password of the destination ({ADDRESS}", DESTINATION_PASSWORD)
    return terminal


def count(server: Cluster, database: str) -> int:
    with server.connect(database) as connection:
        row = connection.execute("SELECT count(*) FROM fish").fetchone()
        return int(row[0]) if row else 0


def engines_started() -> int:
    lines = syncwizard("events", "quiet-fish", "--json").stdout.splitlines()
    return sum(json.loads(line)["event"]["event"] == "EngineStarted" for line in lines)


def test_no_secret_is_in_a_file_an_argument_an_environment_or_a_report(
    server: Cluster, task_file: Path, state_home: Path
) -> None:
    clients: set[int] = set()
    watch = searching.Watch(
        lambda: searching.in_files([state_home], SECRETS),
        lambda: searching.in_processes(SECRETS, but_environment_of=lambda: clients),
    )
    programs = ("engine.process", " copy" if sys.platform == "linux" else "engine.child", "pg_dump")
    seen = searching.Watch(lambda: searching.in_processes(["syncwizard", "pg_dump\0"]))
    with Terminal(
        "start", task_file, "--until", "caught-up", env={"SOURCE_PW": SOURCE_PASSWORD, "FISH_SALT": SALT}
    ) as terminal:
        # The user put it there.
        clients.add(terminal.process.pid)
        with watch, seen:
            terminal.answer(f"password of the destination ({ADDRESS}", DESTINATION_PASSWORD)
            printed = terminal.finish()
            reports = [
                syncwizard(*command, "quiet-fish", *options).stdout
                for command in (["status"], ["events"])
                for options in ([], ["--json"])
            ]
            reports.append(syncwizard("report", "quiet-fish", "--output", "-").stdout)
    assert not watch.found
    assert watch.rounds > 3
    assert not [text for text in (printed, *reports) if any(secret in text for secret in SECRETS)]
    # The search does find what is there, and those were searched whom secrets were handed to.
    folder = tasks.find_task("quiet-fish").folder
    named = {name.removesuffix("-wal") for name in searching.in_files([state_home], ["fish"])}
    assert {str(folder / name) for name in ("task.yaml", "journal.db", "engine.log")} <= named
    for program in programs:
        assert any(program in arguments for arguments in seen.found), seen.found
    assert not list(folder.glob("pg_dump*"))
    assert count(server, "lake") == 2000
    with server.connect("lake") as connection:
        hashed = connection.execute("SELECT name FROM fish WHERE id = 7").fetchone()
    assert hashed == (hashlib.sha256(f"{SALT}fish 7".encode()).hexdigest(),)


@pytest.mark.parametrize(("role", "end"), [("reader", "source"), ("writer", "destination")])
def test_a_password_that_becomes_wrong_fails_the_task_soon_and_resume_reads_it_again(
    server: Cluster, task_file: Path, state_home: Path, role: str, end: str
) -> None:
    """The source is read by the engine itself, the destination by a child of its own."""
    with begin(task_file, "--until", "caught-up") as terminal:
        terminal.finish()
    with server.connect("pond") as connection:
        set_password(connection, f"ALTER ROLE {role}", NEW_CORE)
        connection.execute("INSERT INTO fish VALUES (0, 'new')")
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (role,))
    failed = until(lambda: (state := report("status", "quiet-fish"))["state"] == "failed" and state, timeout=60)
    assert failed["failure"]["where"].startswith(end)
    assert "password authentication failed" in failed["failure"]["detail"]
    assert "correct the password" in failed["failure"]["remedy"]
    assert failed["failure"]["exit_code"] == 4
    before = engines_started()
    old = {"reader": SOURCE_PASSWORD, "writer": DESTINATION_PASSWORD}
    with Terminal("resume", "quiet-fish", env={"SOURCE_PW": old["reader"], "FISH_SALT": SALT}) as terminal:
        terminal.answer("password of the destination", old["writer"])
        assert "correct the password" in terminal.finish(expect=4)
    assert engines_started() == before, "no engine was started in vain"
    new = {**old, role: NEW_CORE}
    with Terminal(
        "resume", "quiet-fish", "--until", "caught-up", env={"SOURCE_PW": new["reader"], "FISH_SALT": SALT}
    ) as terminal:
        terminal.answer("password of the destination", new["writer"])
        terminal.finish()
    assert count(server, "lake") == 2001
    with server.connect("lake") as connection:
        hashed = connection.execute("SELECT name FROM fish WHERE id = 0").fetchone()
    assert hashed == (hashlib.sha256(f"{SALT}new".encode()).hexdigest(),)
    assert not searching.in_files([state_home], SECRETS)
    syncwizard("pause", "quiet-fish")


def test_a_wrong_answer_to_the_prompt_is_reported_at_once_and_leaves_nothing(server: Cluster, task_file: Path) -> None:
    with Terminal("start", task_file, env={"SOURCE_PW": SOURCE_PASSWORD, "FISH_SALT": SALT}) as terminal:
        terminal.answer("password of the destination", f"not {DESTINATION_PASSWORD}")
        printed = terminal.finish(expect=4)
    assert "password authentication failed" in printed
    assert DESTINATION_CORE not in printed
    with server.connect("pond") as connection:
        assert connection.execute("SELECT count(*) FROM pg_replication_slots").fetchone() == (0,)

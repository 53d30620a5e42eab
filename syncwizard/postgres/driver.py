"""Which driver and which libpq the sessions of this program use."""

import msgspec
import psycopg


class Driver(msgspec.Struct, frozen=True, kw_only=True):
    """`version` of psycopg, its `implementation` (`c`, `binary` or `python`), and `libpq` as PostgreSQL counts."""

    version: str
    implementation: str
    libpq: str


def driver() -> Driver:
    """The driver that is loaded."""
    return Driver(
        version=psycopg.__version__,
        implementation=psycopg.pq.__impl__,
        libpq=version_text(psycopg.pq.version()),
    )


def version_text(number: int) -> str:
    """A version as libpq counts it, as people write it (from PostgreSQL 10 on).

    >>> version_text(170004)
    '17.4'
    """
    return f"{number // 10000}.{number % 10000}"

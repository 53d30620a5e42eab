"""PostgreSQL servers of our own, for the demo and the tests: Unix sockets only, nothing listens on the network."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import psycopg
from psycopg import sql

from syncwizard.demo import installations
from syncwizard.demo.installations import Installation, clean_environment
from syncwizard.errors import SyncwizardError, UsageError
from syncwizard.postgres.dialect import adapt
from syncwizard.task.specification import Endpoint

Mode = Literal["smart", "fast", "immediate"]
SIGNALS: dict[Mode, signal.Signals] = {
    "smart": signal.SIGTERM,
    "fast": signal.SIGINT,
    "immediate": signal.SIGQUIT,
}
SUPERUSER = "postgres"
PORT = 5432
# sockaddr_un holds 107 bytes on Linux and 103 on other systems.
SOCKET_PATH_BYTES = 100
START_SECONDS = 60
STOP_SECONDS = 60
# A parallel build of an HNSW index takes its whole graph from here; containers often have 64 MB.
SHARED_MEMORY_BYTES = 1 << 30

SETTINGS: dict[str, str] = {
    "listen_addresses": "",
    "port": str(PORT),
    "wal_level": "logical",
    "max_wal_senders": "20",
    "max_replication_slots": "20",
    "max_connections": "100",
}
# For servers whose data is disposable: a killed server loses nothing, a power cut everything.
NOT_DURABLE: dict[str, str] = {"fsync": "off", "full_page_writes": "off"}


class Cluster:
    """One PostgreSQL server in `folder`: `data`, `log`, and the socket when its path is short enough.

    `version` is a major version, of the `installation` where one is given. The server is a child of a watchdog process
    and stops when we die. Raises UsageError when there are no binaries, SyncwizardError when the server does not start.
    """

    def __init__(
        self,
        folder: Path,
        version: int,
        *,
        durable: bool = True,
        settings: Mapping[str, str] | None = None,
        installation: Installation | None = None,
    ) -> None:
        found = installation or installations.find(version)
        if found is None:
            raise UsageError(f"PostgreSQL {version} was not found", remedy=installations.HOW_TO_INSTALL)
        self.folder = folder.resolve()
        self.version = version
        self.settings = {**SETTINGS, **({} if durable else NOT_DURABLE), **(settings or {})}
        self.installation: Installation = found
        self.durable = durable
        self._account = installations.server_account()
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._sockets: Path | None = None

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.folder / "log"

    @property
    def bin(self) -> Path:
        """The directory of the client programs (psql, pg_dump, …) of this version."""
        return self.installation.bin

    @property
    def sockets(self) -> Path:
        """The directory of the Unix socket: the host to connect to."""
        if self._sockets is None:
            own = len(os.fsencode(self.folder / f".s.PGSQL.{self.port}")) <= SOCKET_PATH_BYTES
            self._sockets = self.folder if own else Path(tempfile.mkdtemp(prefix="syncwizard-"))
            if not own:
                self._give(self._sockets)
        return self._sockets

    @property
    def port(self) -> int:
        """The port, which is part of the socket's name."""
        return int(self.settings["port"])

    @property
    def pid(self) -> int:
        """Process id of the postmaster."""
        return int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])

    @property
    def start_command(self) -> str:
        """What starts the server by hand, in a shell of the present user."""
        pg_ctl = [str(self._server_binaries().bin / "pg_ctl"), "-D", str(self.data), "-l", str(self.log), "start"]
        switch = ["runuser", "-u", self._account.name, "--"] if self._account else []
        return shlex.join([*switch, *pg_ctl])

    @property
    def running(self) -> bool:
        """Whether we started the server and it has not ended."""
        return self._watchdog is not None and self._watchdog.poll() is None

    def create(self) -> Self:
        """Makes the data directory; the superuser is `postgres`, trusted on the socket."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._account and not installations.reachable(self.folder.parent):
            raise UsageError(
                f"the account {self._account.name}, which runs the servers, cannot reach {self.folder.parent}",
                remedy="choose a folder that every account can enter, such as one in /var/tmp",
            )
        self._give(self.folder)
        self.folder.chmod(0o755)
        command = [
            str(self._server_binaries().bin / "initdb"),
            *("-D", str(self.data), "-U", SUPERUSER, "-A", "trust"),
            *("--encoding=UTF8", "--no-locale"),
            *([] if self.durable else ["--no-sync"]),
        ]
        made = subprocess.run(
            command, capture_output=True, text=True, check=False, env=clean_environment(), **self._identity()
        )
        if made.returncode != 0:
            raise SyncwizardError("initdb failed", detail=(made.stderr or made.stdout).strip())
        self._write_settings()
        return self

    def start(self) -> Self:
        """Starts the server and waits until it takes connections."""
        if self.running:
            return self
        account = self._account
        numbers = (str(account.uid), str(account.gid)) if account else ("-1", "-1")
        postgres = str(self._server_binaries().bin / "postgres")
        with self.log.open("ab") as log:
            self._give(self.log)
            self._watchdog = subprocess.Popen(
                [sys.executable, "-m", "syncwizard.demo.watchdog", *numbers, postgres, "-D", str(self.data)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=clean_environment(),
                # Ctrl-C in the terminal is for the program, which then stops the server in order.
                start_new_session=True,
            )
        self._wait_until_ready()
        return self

    def stop(self, mode: Mode = "fast") -> None:
        """Stops the server and waits until it is gone; `immediate` is a crash to the next start."""
        watchdog = self._watchdog
        if watchdog is None:
            return
        self._signal(SIGNALS[mode])
        try:
            watchdog.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGQUIT)
            watchdog.wait(STOP_SECONDS)
        if watchdog.stdin:
            watchdog.stdin.close()
        self._watchdog = None

    def restart(self, mode: Mode = "fast") -> None:
        """Stops and starts the server."""
        self.stop(mode)
        self.start()

    def destroy(self) -> None:
        """Stops the server and removes everything of it."""
        self.stop("immediate")
        if self._sockets not in (None, self.folder):
            shutil.rmtree(self.sockets, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def configure(self, **settings: str) -> None:
        """Changes settings in the configuration file; they hold from the next start."""
        self.settings.update(settings)
        self._write_settings()

    def endpoint(self, database: str, user: str = SUPERUSER) -> Endpoint:
        """This server as an end of a task."""
        return Endpoint(host=str(self.sockets), port=self.port, database=database, user=user)

    def connect(
        self, database: str = "postgres", *, user: str = SUPERUSER, autocommit: bool = True, **options: Any
    ) -> psycopg.Connection[tuple[Any, ...]]:
        """A session of the server's own defaults, not of the engine's settings."""
        connection = psycopg.connect(
            host=str(self.sockets), port=self.port, dbname=database, user=user, autocommit=autocommit, **options
        )
        adapt(connection)
        return connection

    def create_database(self, name: str) -> None:
        """An empty database."""
        with self.connect() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def drop_database(self, name: str) -> None:
        """Removes a database, and ends its sessions and with them its replication slots."""
        with self.connect() as connection:
            deadline = time.monotonic() + STOP_SECONDS
            # WITH (FORCE) came with 13, and waits for no walsender.
            while connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
            ).fetchall():
                if time.monotonic() > deadline:
                    break
                time.sleep(0.02)
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _signal(self, number: signal.Signals) -> None:
        """Sends a signal to the postmaster; a watchdog whose server is not up yet learns it by its pipe."""
        try:
            os.kill(self.pid, number)
        except (FileNotFoundError, ProcessLookupError):
            if self._watchdog and self._watchdog.stdin:
                self._watchdog.stdin.close()

    def _identity(self) -> dict[str, Any]:
        """Arguments of subprocess that switch to the server's account."""
        if self._account is None:
            return {}
        # The working directory may be closed to that account.
        return {"user": self._account.uid, "group": self._account.gid, "extra_groups": [], "cwd": "/"}

    def _give(self, folder: Path) -> None:
        """Makes the server's account the owner."""
        if self._account is not None:
            os.chown(folder, self._account.uid, self._account.gid)

    def _server_binaries(self) -> Installation:
        """The installation as the server's account can run it."""
        if self._account is None or installations.reachable(self.installation.bin):
            return self.installation
        return installations.copy_for(self.installation, self.folder.parent / "postgresql")

    def _write_settings(self) -> None:
        """Writes our settings to a file of their own, so that the server starts the same by hand."""
        settings = {"unix_socket_directories": str(self.sockets), **self.settings}
        memory = Path("/dev/shm")
        if memory.exists() and shutil.disk_usage(memory).total < SHARED_MEMORY_BYTES:
            settings.setdefault("dynamic_shared_memory_type", "mmap")
        lines = [f"{name} = '{value}'\n" for name, value in settings.items()]
        own = self.data / "syncwizard.conf"
        own.write_text("".join(lines))
        self._give(own)
        main = self.data / "postgresql.conf"
        include = "include = 'syncwizard.conf'\n"
        if include not in main.read_text():
            with main.open("a") as file:
                file.write(include)

    def _wait_until_ready(self) -> None:
        """Tries to log in until that works, the server ended or the time is over."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.connect(connect_timeout=5).close()
                return
            except psycopg.OperationalError as error:
                if not self.running or time.monotonic() > deadline:
                    tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-10:])
                    self.stop("immediate")
                    raise SyncwizardError(f"PostgreSQL {self.version} did not start", detail=tail) from error
                time.sleep(0.02)

"""Processor time and memory of each part, which tell where the cost is also on a busy machine (Linux only)."""

import contextlib
import os
import resource
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.bench import Bench

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

# What a process of PostgreSQL calls itself, and what we call it.
TITLES = {
    "walsender": "walsender at the source",
    "logical replication apply worker": "apply worker of the native subscription",
    "walwriter": "WAL writer",
    "checkpointer": "checkpointer",
}


class Process(NamedTuple):
    """A running process; `seconds` of processor time so far, of the user and of the system; `of_ended`: that of the
    children that it has waited for."""

    parent: int
    title: str
    seconds: float
    of_ended: float = 0.0


def processes() -> Iterator[tuple[int, Process]]:
    """Every process that is still there when it is looked at."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # The name in parentheses may hold spaces; what follows it does not.
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            title = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        own, ended = (sum(map(int, fields[at : at + 2])) / TICKS_PER_SECOND for at in (11, 13))
        yield int(folder.name), Process(int(fields[1]), title, own, ended)


def all_seconds(found: Bench) -> dict[str, float]:
    """Processor seconds so far of both servers, of our engines, of their children, and of the programs that this
    process has run, those that have ended among them."""
    running = dict(processes())
    parts: dict[str, float] = defaultdict(float)
    servers = {found.source.pid: "source", found.destination.pid: "destination"}
    engines = our_engines(running)
    parents = engines | fork_servers(running, engines)
    for pid, process in running.items():
        if pid in servers:
            parts[servers[pid]] += process.seconds + process.of_ended
        elif process.parent in servers:
            parts[servers[process.parent]] += process.seconds
        elif pid in engines:
            parts["engine"] += process.seconds
            parts["its children"] += process.of_ended
        elif process.parent in parents:
            parts["its children"] += process.seconds + process.of_ended
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    parts["programs"] = usage.ru_utime + usage.ru_stime
    return parts


def seconds_by_part(found: Bench) -> dict[str, float]:
    """Processor seconds so far of every part that runs now: server processes by their kind, engine and children."""
    servers = {found.source.pid: "source", found.destination.pid: "destination"}
    parts: dict[str, float] = defaultdict(float)
    running = dict(processes())
    ours = our_engines(running)
    parents = ours | fork_servers(running, ours)
    for pid, process in running.items():
        if process.parent in servers:
            parts[_server_part(servers[process.parent], process.title)] += process.seconds
        elif pid in ours:
            parts["engine"] += process.seconds
        elif process.parent in parents:
            parts[f"child: {process.title.rpartition(' ')[2]}"] += process.seconds
    return parts


def our_engines(running: dict[int, Process]) -> set[int]:
    """The engines of this run among the processes."""
    engines = {pid for pid, process in running.items() if "syncwizard.engine.process" in process.title}
    return {pid for pid in engines if _is_ours(pid)}


def fork_servers(running: dict[int, Process], engines: set[int]) -> set[int]:
    """The processes that fork the engines' children."""
    return {pid for pid, each in running.items() if each.parent in engines and each.title.endswith(" forkserver")}


def memory_bytes() -> int:
    """Memory of our engines and their children now: PSS, which counts what they share once."""
    running = dict(processes())
    engines = our_engines(running)
    parents = engines | fork_servers(running, engines)
    found = 0
    for pid, process in running.items():
        if pid in engines or process.parent in parents:
            with contextlib.suppress(OSError):
                rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
                found += int(rollup.partition("\nPss:")[2].split(maxsplit=1)[0]) * 1024
    return found


def growth(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """What was added to each part, the largest first; a process that ended meanwhile takes its part with it."""
    added = {part: seconds - before.get(part, 0.0) for part, seconds in after.items()}
    return dict(sorted(added.items(), key=lambda entry: -entry[1]))


def _server_part(end: str, title: str) -> str:
    for mark, name in TITLES.items():
        if mark in title:
            return name if "source" in name or "native" in name else f"{name} of the {end}"
    return f"session at the {end}" if "[local]" in title else f"other processes of the {end}"


def _is_ours(pid: int) -> bool:
    """Whether the engine keeps its state where this run does."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    return f"XDG_STATE_HOME={os.environ['XDG_STATE_HOME']}".encode() in environment.split(b"\0")

"""The report on a task: one file with everything that its diagnosis takes, without secrets."""

import os
import platform
import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from syncwizard import __version__
from syncwizard.client.credentials import other_forms
from syncwizard.client.looking import Seen
from syncwizard.client.showing import as_data, describe
from syncwizard.engine import logs
from syncwizard.engine.history import read_history
from syncwizard.errors import JournalFailed
from syncwizard.secrets import known_here
from syncwizard.task import file
from syncwizard.task.events import EngineStarted, Entry, PrecheckItemFinished, StageName
from syncwizard.task.figures.history import Stretch, grouped, stretches
from syncwizard.task.narration import narrate
from syncwizard.task.redaction import Redactor
from syncwizard.task.specification import TaskSpec
from syncwizard.task.state import TaskState
from syncwizard.task.text import (
    clean_lines,
    describe_bytes,
    describe_count,
    format_seconds,
    format_table,
    local_time,
    one_line,
)

EVENTS_SHOWN = 200
LOG_LINES_SHOWN = 300
# More than LOG_LINES_SHOWN lines of ours; a traceback's may be longer.
LOG_BYTES_READ = 256 * 1024
HOURS_SHOWN = 24
HOUR_SECONDS = 3600.0
# The item of the precheck that says what a start will take, and the stages that it is about.
ESTIMATE = "estimate"
COPYING_STAGES: tuple[StageName, ...] = ("full", "indexes")


def default_name(label: str, ending: str) -> str:
    """A file name whatever the task is called.

    >>> default_name("kb to Frankfurt/Main", "txt")
    'kb_to_Frankfurt_Main-report.txt'
    """
    return re.sub(r"[^\w.-]", "_", label) + f"-report.{ending}"


def redactor_of(spec: TaskSpec) -> Redactor:
    """What takes secrets out of a report: those of the task that can be read here, and what looks like one."""
    return Redactor(known_here((spec.source, spec.destination), other_forms(spec)))


def gather(seen: Seen, now: float, clean: Callable[[str], str]) -> dict[str, Any]:
    """Everything in the report, as plain data; `clean` takes secrets out of a text."""
    folder = seen.task.folder
    entries: deque[Entry] = deque(maxlen=EVENTS_SHOWN)
    missing: list[str] = []
    engine = "never started"
    try:
        for entry in seen.task.entries():
            entries.append(entry)
            if isinstance(entry.event, EngineStarted):
                engine = entry.event.version
    except JournalFailed as error:
        # The rest of the report is useful without the events.
        missing = [str(error)]
    data = {
        "made_at": local_time(now),
        "versions": _versions(engine),
        "status": describe(seen, now),
        "history": [_hour_data(hour) for hour in _hours(folder, now)],
        "estimate": _estimate(seen.state, now),
        "precheck": [line for item in seen.state.precheck for line in _item_lines(item)],
        "task_file": file.dump(seen.task.spec),
        "events": [*missing, *(_entry_line(entry) for entry in entries)],
        # Whole: a secret may have several lines.
        "log": "\n".join(last_lines(folder / logs.FILE_NAME)),
        "state": as_data(seen, now),
    }
    cleaned = {name: _cleaned(value, clean) for name, value in data.items()}
    return {**cleaned, "log": cleaned["log"].split("\n") if cleaned["log"] else []}


def as_text(content: dict[str, Any]) -> str:
    """The report as text."""
    sections = [
        ("VERSIONS", _lines(f"{name}: {version}" for name, version in content["versions"].items())),
        ("STATUS", content["status"]),
        (f"LAST {HOURS_SHOWN} HOURS, WHILE AN ENGINE WAS RUNNING", _history_table(content["history"])),
        ("PRECHECK", _lines(content["precheck"])),
        ("ESTIMATED, AND WHAT IT TOOK", _lines(content["estimate"])),
        ("TASK FILE", content["task_file"].rstrip()),
        (f"LAST {EVENTS_SHOWN} EVENTS", _lines(content["events"])),
        (f"LAST {LOG_LINES_SHOWN} LINES OF THE LOG", _lines(content["log"])),
        ("FIGURES", msgspec.json.format(msgspec.json.encode(content["state"]["sample"]), indent=2).decode()),
    ]
    title = one_line(f"Report on the task {content['state']['label']}, made {content['made_at']}")
    return "\n\n".join([title, *(f"== {name} ==\n{clean_lines(text) or 'nothing'}" for name, text in sections)])


def _lines(texts: Iterable[str]) -> str:
    return "\n".join(map(one_line, texts))


def last_lines(path: Path, lines: int = LOG_LINES_SHOWN) -> list[str]:
    """The last lines of a text file; empty where there is none."""
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - LOG_BYTES_READ))
            text = stream.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return []
    # By line breaks alone: a name in a line may have what else ends one for Python.
    return text.rstrip("\n").split("\n")[-lines:]


def _versions(engine: str) -> dict[str, str]:
    return {
        "syncwizard": __version__,
        "engine (last started)": engine,
        "Python": platform.python_version(),
        "system": platform.platform(),
    }


def _hours(folder: Path, now: float) -> list[Stretch]:
    """The figures of the last hours, as the engine kept them within the last minute."""
    first = (now // HOUR_SECONDS - HOURS_SHOWN + 1) * HOUR_SECONDS
    return grouped(stretches(read_history(folder), first, now), HOUR_SECONDS)


def _hour_data(hour: Stretch) -> dict[str, Any]:
    figures = msgspec.structs.asdict(hour.figures)
    known = {name: {"mean": spread.mean, "peak": spread.peak} for name, spread in figures.items() if spread is not None}
    return {"since": local_time(hour.start), **known}


def _history_table(hours: Sequence[Mapping[str, Any]]) -> str:
    columns: Sequence[tuple[str, str, Callable[[float], str]]] = (
        ("LATENCY", "latency_seconds", format_seconds),
        ("ROWS/S", "rows_per_second", describe_count),
        ("BYTES/S", "bytes_per_second", describe_bytes),
        ("BACKLOG", "backlog_bytes", describe_bytes),
    )
    titles = [title for name, _, _ in columns for title in (name, "PEAK")]
    rows = []
    for hour in hours:
        cells = [hour["since"]]
        for _, field, describe_figure in columns:
            known = hour.get(field)
            cells += [describe_figure(known[kind]) if known else "" for kind in ("mean", "peak")]
        rows.append(cells)
    return format_table(("SINCE", *titles), rows, right=range(1, len(titles) + 1)) if rows else ""


def _estimate(state: TaskState, now: float) -> list[str]:
    """What the precheck expected of the start, and what the stages took that it is about."""
    expected = next((item.message for item in state.precheck if item.item == ESTIMATE), "")
    took = [
        f"took: {name} {format_seconds((stage.finished_at or now) - stage.started_at)}"
        + ("" if stage.finished_at else " so far")
        + (f" ({stage.summary})" if stage.summary else "")
        for name in COPYING_STAGES
        if (stage := state.stages.get(name)) is not None and stage.started_at is not None
    ]
    return [*([f"estimated: {expected}"] if expected else []), *took]


def _item_lines(item: PrecheckItemFinished) -> list[str]:
    verdict = "accepted" if item.ignored else item.verdict
    return [
        f"{verdict:<8}  {item.item}: {item.message or item.title}",
        *(f"          - {each}" for each in item.objects),
    ]


def _entry_line(entry: Entry) -> str:
    return f"{entry.sequence:>6}  {local_time(entry.at)}  {narrate(entry.event)}"


def _cleaned(value: Any, clean: Callable[[str], str]) -> Any:
    """Plain data with every text cleaned: a secret is looked for before JSON writes it in another way."""
    match value:
        case str():
            return clean(value)
        case dict():
            return {key: _cleaned(each, clean) for key, each in value.items()}
        case list() | tuple():
            return [_cleaned(each, clean) for each in value]
    return value

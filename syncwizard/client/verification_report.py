"""A report on a verification to hand on: Markdown for people, JSON for programs."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from syncwizard import __version__
from syncwizard.client.files import write_private
from syncwizard.client.tasks import StoredTask
from syncwizard.client.verifying import difference_words, quarantine_words
from syncwizard.errors import UsageError
from syncwizard.task.facts import describe_failure
from syncwizard.task.state import Verification
from syncwizard.task.text import format_seconds, local_time
from syncwizard.task.verification import WHOLE, TableVerification, VectorIndexVerification
from syncwizard.task.verification_words import describe_scope

FORMS = (".md", ".json")
COLUMNS = ("Table", "Result", "At position", "Source", "Destination", "Changed", "Missing", "Extra", "Rows/s", "Time")


def check_name(path: Path) -> None:
    """Raises UsageError where the name does not tell the form."""
    if path.suffix not in FORMS:
        raise UsageError("the form of the report is not clear", where=str(path), remedy="name it .md or .json")


def write(path: Path, task: StoredTask, found: Verification) -> None:
    """Writes the report in the form that the name tells. Raises UsageError where it cannot be written."""
    check_name(path)
    write_private(path, as_json(task, found) if path.suffix == ".json" else as_markdown(task, found))


def as_json(task: StoredTask, found: Verification) -> str:
    """All of it, with the ends that were compared."""
    content: dict[str, Any] = {
        "version": __version__,
        "written_at": time.time(),
        "task": {"id": task.id, "name": task.spec.name},
        "source": task.spec.source.describe(),
        "destination": task.spec.destination.describe(),
        "result": result(found),
        "verification": found,
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode()


def as_markdown(task: StoredTask, found: Verification) -> str:
    """What was compared, the result of each table, the rows that differ, and what could not be compared."""
    ended = local_time(found.ended_at) if found.ended_at is not None else "not yet"
    parts = [
        f"# Verification of {_escaped(task.spec.name)}",
        "\n".join(
            [
                f"- Result: **{result(found)}**",
                f"- Source: {_escaped(task.spec.source.describe())}",
                f"- Destination: {_escaped(task.spec.destination.describe())}",
                f"- Compared: {describe_scope(found.order)}",
                f"- Begun: {local_time(found.started_at)}; ended: {ended}",
                f"- Task: {task.id}; syncwizard {__version__}",
            ]
        ),
        "Each table was read at both ends at one commit of the source, whose position stands in its line.",
    ]
    if found.failure is not None:
        parts.append(f"Ended early: {_escaped(describe_failure(found.failure))}")
    if found.tables:
        parts.append(_table(COLUMNS, [_line(each) for each in _ordered(found)]))
    for each in _ordered(found):
        if each.rows:
            parts += [f"## Rows of {_escaped(str(each.table))}", _rows(each)]
    if words := [quarantine_words(each) for each in _ordered(found) if each.quarantined]:
        parts += ["## In quarantine", "\n".join(f"- {_escaped(each)}" for each in words)]
    searched = [_searches(each) for table in _ordered(found) for each in table.vectors]
    if searched:
        parts += ["## Searches by vector indexes", _table(SEARCHED, searched)]
        advice = [(each, text) for table in _ordered(found) for each in table.vectors for text in each.statements]
        parts += [
            f"At the destination, for {_escaped(str(each.source_index))}:\n\n    {text};" for each, text in advice
        ]
    if unverified := found.of("unverified"):
        lines = [f"- {_escaped(str(each.table))}: {_escaped(each.reason)}" for each in unverified]
        parts += ["## Not compared", "\n".join(lines)]
    if found.order.mode == "schema":
        differing = [[each.kind, each.name, each.source or "–", each.destination or "–"] for each in found.differences]
        parts.append(f"{found.definitions:,} definitions were compared.")
        if differing:
            parts.append(_table(("Kind", "Name", "Source", "Destination"), differing))
    return "\n\n".join(parts)


def result(found: Verification) -> str:
    """In one or two words; what was not compared to its end is never called equal."""
    if found.of("different") or found.differences:
        return "different"
    whole = found.ended_at is not None and found.failure is None and not found.stopped
    left = len(found.tables) < found.total
    return "equal" if whole and not left and not found.of("unverified") else "not proved"


def _ordered(found: Verification) -> list[TableVerification]:
    order = {"different": 0, "unverified": 1, "equal": 2}
    return sorted(found.tables.values(), key=lambda each: (order[each.verdict], str(each.table)))


def _line(found: TableVerification) -> list[str]:
    if found.verdict == "unverified":
        return [str(found.table), "not compared", *[""] * (len(COLUMNS) - 2)]
    more = "+" if found.more else ""
    rate = (found.source_rows + found.destination_rows) / found.seconds if found.seconds else 0.0
    verdict = found.verdict if found.sample == WHOLE else f"{found.verdict} in a sample of {found.sample} %"
    counts = [found.changed, found.only_source, found.only_destination]
    return [
        str(found.table),
        verdict,
        found.lsn,
        f"{found.source_rows:,}",
        f"{found.destination_rows:,}",
        *(f"{count:,}{more}" for count in counts),
        f"{rate:,.0f}",
        format_seconds(found.seconds),
    ]


SEARCHED = ("Index", "k", "Searches", "Recall source", "Recall destination", "Same exact neighbours", "Norms")


def _searches(found: VectorIndexVerification) -> list[str]:
    recalls = [
        "no index" if each is None else f"{each:.3f}" for each in (found.source_recall, found.destination_recall)
    ]
    norms = "the same" if found.source_norms.same_as(found.destination_norms) else "differ"
    name = found.source_index or found.destination_index or ""
    return [name, str(found.k), f"{found.queries:,}", *recalls, f"{found.same_neighbours:,}", norms]


def _rows(found: TableVerification) -> str:
    table = _table(
        [*(found.key_columns or ("row",)), "difference"], [[*row.key, difference_words(row)] for row in found.rows]
    )
    left = found.differing - len(found.rows)
    least = "at least " if found.more else ""
    return f"{table}\n\n… and {least}{left:,} more" if left > 0 else table


def _table(head: Sequence[str], lines: list[list[str]]) -> str:
    rows = [list(head), ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(map(_escaped, row)) + " |" for row in rows)


def _escaped(text: str) -> str:
    """Text from servers stays text in Markdown.

    >>> print(_escaped("a|b\\n<c>"))
    a\\|b &lt;c>
    """
    for character in "\\`*_[]|":
        text = text.replace(character, f"\\{character}")
    return " ".join(text.replace("<", "&lt;").split())

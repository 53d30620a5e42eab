"""Errors as data and back: for the journal, for pipes between processes, and for clients."""

import sys
import traceback
from typing import Any

import msgspec

from syncwizard import errors
from syncwizard.errors import End, EndpointError, SyncwizardError
from syncwizard.remedies import Remedy, lines_of, to_do
from syncwizard.task.ddl import DefinitionBlocked
from syncwizard.task.events import Failure
from syncwizard.task.handover import Handover
from syncwizard.task.refused import RowRefused
from syncwizard.task.text import clean_lines, one_line

_CLASSES: dict[str, type[SyncwizardError]] = {
    each.__name__: each
    for each in (
        errors.UsageError,
        errors.TaskFileError,
        errors.PrecheckNotPassed,
        errors.NotDelivered,
        errors.DifferencesFound,
        errors.TimedOut,
        errors.TaskFailed,
        errors.SourceChanged,
        errors.ChangesMissing,
        errors.ChangeFailed,
        DefinitionBlocked,
        RowRefused,
        errors.JournalFailed,
        errors.Fenced,
    )
}
# What crosses a pipe; an error of a narrower class arrives as its next wider one.
_KINDS = {*_CLASSES, EndpointError.__name__, errors.Cancelled.__name__, SyncwizardError.__name__}
_BY_EXIT_CODE: dict[int, type[SyncwizardError]] = {
    2: errors.UsageError,
    3: errors.PrecheckNotPassed,
    5: errors.DifferencesFound,
    6: errors.TimedOut,
}


class FailureReport(msgspec.Struct, frozen=True, kw_only=True):
    """An error on its way to another process: `kind` is its class, `end` and `transient` those of EndpointError."""

    kind: str
    failure: Failure
    end: End | None = None
    transient: bool = False


def failure_of(error: SyncwizardError) -> Failure:
    """The error as data."""
    endpoint = error if isinstance(error, EndpointError) else None
    return Failure(
        title=error.title,
        detail=error.detail,
        where=error.where,
        remedy=error.remedy,
        sqlstate=error.sqlstate,
        exit_code=error.exit_code,
        changes_missing=isinstance(error, errors.ChangesMissing),
        down=endpoint.end if endpoint and endpoint.lost else None,
        cause=endpoint.cause if endpoint else "",
        definition=error.definition if isinstance(error, DefinitionBlocked) else None,
        change=error.change if isinstance(error, RowRefused) else None,
    )


def report_of(error: SyncwizardError) -> FailureReport:
    """The error as data that `error_from_report` makes the same error of."""
    endpoint = error if isinstance(error, EndpointError) else None
    return FailureReport(
        kind=next(each.__name__ for each in type(error).__mro__ if each.__name__ in _KINDS),
        failure=failure_of(error),
        end=endpoint.end if endpoint else None,
        transient=endpoint.transient if endpoint else False,
    )


LOG_HINT = to_do("engine.log in the task's folder has the details for a report of this defect", then="resume")


def unexpected(error: BaseException, what: str, remedy: Remedy = LOG_HINT) -> Failure:
    """A defect of ours as data: what was done, the exception, and where its details are."""
    return Failure(
        title=f"unexpected error in {what}",
        detail=f"{type(error).__name__}: {error}".strip(),
        remedy=remedy,
    )


def print_traceback(secrets: Handover | None) -> None:
    """The exception that is being handled, on stderr; `secrets` is what this process was handed over."""
    # Imported here: it is for the last resort of processes that are to start quickly.
    from syncwizard.task.redaction import Redactor

    known = [] if secrets is None else secrets.texts
    sys.stderr.write(clean_lines(Redactor(known)(traceback.format_exc())))


def format_failure(failure: Failure) -> str:
    r"""The failure for a terminal: what and where, the server's message, the remedy; ends with a line break.

    >>> print(format_failure(Failure(title="lost", where="table a\nb", remedy=to_do("look at its log"))), end="")
    table a\nb: lost
      look at its log
    """
    lines = [f"{failure.where}: {failure.title}" if failure.where else failure.title]
    if failure.detail:
        lines.append(f"  {failure.detail}" + (f" [{failure.sqlstate}]" if failure.sqlstate else ""))
    lines += [f"  {line}" for line in lines_of(failure.remedy)]
    return "\n".join(map(one_line, lines)) + "\n"


def error_from_report(report: FailureReport) -> SyncwizardError:
    """The error another process reported, of the class it was there."""
    failure = report.failure
    if report.kind == "Cancelled":
        return errors.Cancelled()
    if report.end is not None:
        return _endpoint_error(failure, report.end, report.transient)
    return _plain(_CLASSES.get(report.kind, errors.TaskFailed), failure)


def error_from_failure(failure: Failure) -> SyncwizardError:
    """The error a journal or an engine tells of, with its exit code."""
    if failure.exit_code == EndpointError.exit_code:
        end: End = "destination" if failure.where.startswith("destination") else "source"
        return _endpoint_error(failure, failure.down or end, transient=failure.down is not None)
    return _plain(_BY_EXIT_CODE.get(failure.exit_code, errors.TaskFailed), failure)


def _endpoint_error(failure: Failure, end: End, transient: bool) -> EndpointError:
    return EndpointError(
        failure.title,
        end=end,
        transient=transient,
        detail=failure.detail,
        where=failure.where,
        remedy=failure.remedy,
        sqlstate=failure.sqlstate,
        cause=failure.cause,
    )


def _plain(kind: type[SyncwizardError], failure: Failure) -> SyncwizardError:
    told: dict[str, Any] = {
        "detail": failure.detail,
        "where": failure.where,
        "remedy": failure.remedy,
        "sqlstate": failure.sqlstate,
    }
    if kind is DefinitionBlocked:
        return DefinitionBlocked(failure.title, definition=failure.definition, **told)
    if kind is RowRefused:
        return RowRefused(failure.title, change=failure.change, **told)
    return kind(failure.title, **told)

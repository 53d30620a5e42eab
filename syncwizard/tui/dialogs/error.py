"""An error: what and where, the server's words, what to do; to copy, or to write to a file."""

from syncwizard.errors import SyncwizardError
from syncwizard.remedies import lines_of
from syncwizard.task.events import Failure
from syncwizard.task.failures import failure_of
from syncwizard.tui.dialogs.copy_text import CopyTextDialog
from syncwizard.tui.remedies import by_key

FILE_NAME = "syncwizard-error.txt"


class ErrorDialog(CopyTextDialog):
    """Shows an error of ours, or one that an engine reported."""

    manual_topic = "failures"

    def __init__(self, error: SyncwizardError | Failure, title: str = "It did not work") -> None:
        super().__init__(title, describe_error(error), FILE_NAME, severe=True)


def describe_error(error: SyncwizardError | Failure) -> str:
    """The error in paragraphs: what happened, where, the server's words with SQLSTATE, what to do next.

    >>> from syncwizard.remedies import to_do
    >>> remedy = to_do("end both", statements=["SELECT 1", "SELECT 2"], then="resume")
    >>> print(describe_error(Failure(title="lost", where="source", detail="closed", sqlstate="08006", remedy=remedy)))
    lost
    <BLANKLINE>
    Where         source
    Message       closed [08006]
    What to do    end both, then r resumes
                  SELECT 1;
                  SELECT 2;
    """
    failure = error if isinstance(error, Failure) else failure_of(error)
    words = f"{failure.detail} [{failure.sqlstate}]" if failure.sqlstate else failure.detail
    fields = [("Where", [failure.where]), ("Message", [words]), ("What to do", lines_of(failure.remedy, by_key))]
    lines = [
        f"{name if at == 0 else '':<14}{line}"
        for name, values in fields
        for at, line in enumerate(line for value in values for line in value.splitlines())
    ]
    return "\n".join([failure.title, "", *lines])

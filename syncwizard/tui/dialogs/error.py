"""An error: what and where, the server's words, what to do; to copy, or to write to a file."""

from syncwizard.errors import SyncwizardError
from syncwizard.task.events import Failure
from syncwizard.task.failures import failure_of
from syncwizard.tui.dialogs.copy_text import CopyTextDialog

FILE_NAME = "syncwizard-error.txt"


class ErrorDialog(CopyTextDialog):
    """Shows an error of ours, or one that an engine reported."""

    manual_topic = "failures"

    def __init__(self, error: SyncwizardError | Failure, title: str = "It did not work") -> None:
        super().__init__(title, describe_error(error), FILE_NAME, severe=True)


def describe_error(error: SyncwizardError | Failure) -> str:
    """The error in paragraphs: what happened, where, the server's words with SQLSTATE, what to do next.

    >>> print(describe_error(Failure(title="lost", where="source", detail="closed", sqlstate="08006", remedy="wait")))
    lost
    <BLANKLINE>
    Where         source
    Server said   closed [08006]
    What to do    wait
    """
    failure = error if isinstance(error, Failure) else failure_of(error)
    said = f"{failure.detail} [{failure.sqlstate}]" if failure.sqlstate else failure.detail
    lines = [("Where", failure.where), ("Server said", said), ("What to do", failure.remedy)]
    return "\n".join([failure.title, "", *(f"{name:<14}{value}" for name, value in lines if value)])

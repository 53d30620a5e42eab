"""What an end refuses while changes are applied is tried again as a change is; all else is raised as it is."""

import pytest

from syncwizard.errors import ChangeFailed, ChangesMissing, JournalFailed, SourceChanged, TaskFailed
from syncwizard.rows.routing import NoPlace
from syncwizard.stages.incremental.refusals import tried_again


@pytest.mark.parametrize(
    "refused", [TaskFailed("permission denied", sqlstate="42501", where="destination"), NoPlace("no column v")]
)
def test_what_may_be_put_right_meanwhile_is_tried_again(refused: TaskFailed) -> None:
    with pytest.raises(ChangeFailed) as caught, tried_again():
        raise refused
    raised = caught.value
    assert (raised.title, raised.where, raised.sqlstate) == (refused.title, refused.where, refused.sqlstate)


@pytest.mark.parametrize(
    "failed",
    [
        ChangeFailed("change", sqlstate="23505"),
        SourceChanged("another server", sqlstate="42704"),
        ChangesMissing("the slot is gone", sqlstate="42704"),
        JournalFailed("the disk is full", sqlstate="53100"),
        TaskFailed("a rule of the product was broken"),
    ],
    ids=lambda failed: type(failed).__name__,
)
def test_what_trying_does_not_cure_is_raised_as_it_is(failed: TaskFailed) -> None:
    with pytest.raises(TaskFailed) as caught, tried_again():
        raise failed
    assert caught.value is failed

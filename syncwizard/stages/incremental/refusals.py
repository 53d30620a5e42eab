"""What an end refuses while changes are applied, as trouble that may be put right meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager

from syncwizard.errors import ChangeFailed, JournalFailed, SourceChanged, TaskFailed
from syncwizard.postgres.session.trouble import translated
from syncwizard.rows.routing import NoPlace


@contextmanager
def tried_again() -> Iterator[None]:
    """Raises ChangeFailed, which is tried again as a change is (rule 12), for whatever an end refuses in the block."""
    try:
        with translated("destination", "applying changes"):
            yield
    except TaskFailed as refused:
        as_it_is = isinstance(refused, ChangeFailed | SourceChanged | JournalFailed)
        if as_it_is or not (refused.sqlstate or isinstance(refused, NoPlace)):
            raise
        raise ChangeFailed(
            refused.title,
            detail=refused.detail,
            where=refused.where,
            remedy=refused.remedy,
            sqlstate=refused.sqlstate,
        ) from refused

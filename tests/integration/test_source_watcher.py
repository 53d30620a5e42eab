"""What watches the source beside the stream stops at a server whose WAL ends before what was applied of it."""

import threading
import uuid

import pytest

from syncwizard.errors import SourceChanged
from syncwizard.postgres.captured import Progress
from syncwizard.postgres.session.connection import connect
from syncwizard.postgres.source.members import Members
from syncwizard.postgres.source.receiver import Positions
from syncwizard.postgres.source.slot import current_lsn
from syncwizard.postgres.source.watcher import SourceWatcher
from syncwizard.task.lsn import parse_lsn
from tests.support.pair import DatabasePair


def test_a_source_that_ends_before_what_was_applied_is_stopped_at(pair: DatabasePair) -> None:
    beats = threading.Event()
    with connect(pair.source_endpoint, end="source", application_name="test") as session:
        ahead = parse_lsn(current_lsn(session)) + (1 << 30)
        progress = Progress(
            slot="dts_sync_" + uuid.uuid4().hex[:12],
            system_identifier="1",
            timeline=1,
            source_database=pair.database,
            applied_lsn="0/1",
            acknowledged_lsn="0/1",
            epoch=1,
            publication_oid=1,
            publication_xmin=1,
            publication_owner=1,
            task_name="test",
        )
        watcher = SourceWatcher(
            session, progress, Members([]), Positions(ahead), lambda _: beats.set(), lambda _: None, lambda _: None
        )
        with pytest.raises(SourceChanged, match="the source was set back") as caught:
            watcher.run()
    assert not beats.is_set()
    assert "syncwizard resync test --all" in str(caught.value.remedy)

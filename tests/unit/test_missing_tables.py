"""What a wait misses of tables that are set aside."""

import msgspec

from syncwizard.client.waiting import missing_tables
from syncwizard.task.events import TableSetAside
from syncwizard.task.names import TableName
from syncwizard.task.state import TableState, TaskState

COPIED = TableState(pair_lsn="0/1", chunks=1, estimated_rows=1, estimated_bytes=1, binary=True, copied=True)
BEGUN = msgspec.structs.replace(COPIED, copied=False)
KEYLESS = TableSetAside(table=TableName("a", "keyless"), reason="its key")
PARTS = [TableName("a", name) for name in ("low", "high")]
TREE = TableSetAside(table=TableName("a", "tree"), tables=PARTS, reason="rows")


def test_a_copy_misses_the_tables_that_are_not_copied_whole() -> None:
    tables = {"a.keyless": COPIED, "a.low": COPIED, "a.high": BEGUN}
    state = TaskState(tables=tables, aside=(KEYLESS, TREE))
    assert missing_tables(state, "full") == [TREE]
    assert missing_tables(state, "caught-up") == missing_tables(state, "indexed") == [KEYLESS, TREE]
    assert missing_tables(TaskState(tables=tables), "full") == []

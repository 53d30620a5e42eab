"""What somebody wants to have copied again."""

import msgspec

from syncwizard.task.events import TableName


class ResyncWish(msgspec.Struct, frozen=True, kw_only=True):
    """These tables, or all; by default those that lost changes."""

    tables: list[TableName] = []
    everything: bool = False

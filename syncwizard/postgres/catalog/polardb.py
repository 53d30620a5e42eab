"""What a PolarDB says of itself. Each fact is asked for by name, and None where the server does not know the name."""

import msgspec

from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection


class PolarFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a PolarDB; `version` is None of another server.

    - failover_slot_mode: async, sync or off.
    - persisted_slots: whether slots are on the storage that standbys share.
    - full_identities: whether tables are created with REPLICA IDENTITY FULL.
    - privileged: whether the account has the role of privileged accounts.
    """

    version: str | None = None
    failover_slot_mode: str | None = None
    persisted_slots: str | None = None
    full_identities: str | None = None
    privileged: bool | None = None


def read_polar_facts(connection: Connection) -> PolarFacts:
    """Those of the session's server and account."""
    row = connection.execute(query("polardb")).fetchone()
    return PolarFacts(**dict(zip(PolarFacts.__struct_fields__, row or (), strict=True)))

"""The Relation message of pgoutput: how the rows of a relation come from here on. Pure."""

from struct import Struct

import msgspec

_LENGTH = Struct(">i").unpack_from
_COUNT = Struct(">h").unpack_from
_OID = Struct(">I").unpack_from


class RelationMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A Relation message. `columns`: (name, part of the replica identity, type OID, type modifier)."""

    oid: int
    schema: str
    name: str
    replica_identity: str
    columns: tuple[tuple[str, bool, int, int], ...]


def parse_relation(data: bytes, at: int, codec: str = "utf-8") -> RelationMessage:
    """The Relation message at `at`."""
    oid = _OID(data, at + 1)[0]
    schema, at = _string(data, at + 5, codec)
    name, at = _string(data, at, codec)
    identity = chr(data[at])
    count = _COUNT(data, at + 1)[0]
    at += 3
    columns = []
    for _ in range(count):
        flags = data[at]
        column, at = _string(data, at + 1, codec)
        type_oid = _OID(data, at)[0]
        modifier = _LENGTH(data, at + 4)[0]
        at += 8
        columns.append((column, bool(flags & 1), type_oid, modifier))
    # The pg_catalog schema is sent as an empty string.
    return RelationMessage(
        oid=oid, schema=schema or "pg_catalog", name=name, replica_identity=identity, columns=tuple(columns)
    )


def _string(data: bytes, at: int, codec: str) -> tuple[str, int]:
    end = data.index(b"\0", at)
    return data[at:end].decode(codec), end + 1

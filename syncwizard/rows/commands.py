"""Commands on definitions as they come in the stream: rows of public.dts_ddl_command. Pure."""

from struct import Struct
from struct import error as struct_error

import msgspec

from syncwizard.errors import ProtocolError, TaskFailed
from syncwizard.rows.changes import NULL, Command
from syncwizard.rows.tuples import MARK_AT, decode_values

# What the source's table is like; a newer one means something that is not known here.
VERSION = 1
_COLUMNS = 10
_JOINED = msgspec.json.Decoder(dict[str, int])
_TEXT = ord("t")
_NUMBERS = {4: Struct(">i").unpack, 8: Struct(">q").unpack}


def parse_command(frame: bytes, codec: str) -> Command:
    """The command of an Insert into the table. Raises TaskFailed for one of a newer layout, ProtocolError."""
    values, kinds, _ = decode_values(frame, MARK_AT + 1)
    texts = [None if value is None or value == NULL else bytes(value[4:]) for value in values]
    try:
        if len(texts) < _COLUMNS or _number(texts[1], kinds[1]) != VERSION:
            raise TaskFailed(
                "public.dts_ddl_command was made by another version of syncwizard",
                where="source",
                remedy="use the newer version of syncwizard",
            )
        kind, tag, role, statement = (None if text is None else text.decode(codec) for text in texts[2:6])
        definition = texts[7].decode(codec) if texts[7] is not None else None
        relation, ordinal = _number(texts[6], kinds[6]), _number(texts[0], kinds[0])
        joined = _JOINED.decode(texts[9]) if texts[9] is not None else {}
    except (ValueError, KeyError, struct_error, msgspec.DecodeError) as error:
        raise ProtocolError("a captured command that cannot be read") from error
    return Command(
        kind=kind or "",
        tag=tag or "",
        role=role or "",
        statement=statement,
        relation=relation,
        definition=definition,
        joined=joined,
        ordinal=ordinal,
    )


def _number(value: bytes | None, kind: int) -> int:
    if value is None:
        return 0
    return int(value) if kind == _TEXT else int(_NUMBERS[len(value)](value)[0])

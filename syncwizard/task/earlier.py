"""Reads events as earlier versions wrote them: what to do was a text then, and statements stood in one."""

from typing import Any

import msgspec

from syncwizard.task.events import AnyEvent

_decoder: "msgspec.json.Decoder[AnyEvent]" = msgspec.json.Decoder(AnyEvent)


def decode_event(text: bytes | str) -> AnyEvent:
    """An event of a journal, whichever version wrote it. Raises msgspec.DecodeError.

    >>> event = decode_event(b'{"event": "Noticed", "level": "info", "message": "a", "remedy": "wait, then resume"}')
    >>> str(event.remedy)
    'wait, then resume'
    """
    try:
        return _decoder.decode(text)
    except msgspec.ValidationError:
        event: AnyEvent = msgspec.convert(of_today(msgspec.json.decode(text)), AnyEvent)
        return event


def of_today(data: Any) -> Any:
    """The data of an event, or of what holds events, with today's structs where it has texts. A text stays whole, as
    it was shown before."""
    if not isinstance(data, dict):
        return data
    now = {name: of_today(value) for name, value in data.items()}
    if isinstance(remedy := now.get("remedy"), str):
        sql = now.pop("sql", "")
        now["remedy"] = {"steps": [remedy] if remedy else [], "statements": [sql] if sql else []}
    if isinstance(left_over := now.get("left_over"), list):
        now["left_over"] = [_remainder(each) if isinstance(each, str) else each for each in left_over]
    return now


def _remainder(text: str) -> dict[str, Any]:
    """A statement with its end behind it, as in `DROP TABLE a  -- source`."""
    statement, _, end = text.rpartition("  -- ")
    if end in ("source", "destination"):
        return {"statements": [statement], "end": end}
    return {"statements": [text]} if not statement else {"statements": [statement], "note": end}

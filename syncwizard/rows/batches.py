"""Whole source transactions as one batch, folded to what the destination has to do, or taken one by one."""

from collections.abc import Iterable
from itertools import chain

import msgspec

from syncwizard.rows.changes import CHANGE_BYTES, END_BYTES, Piece
from syncwizard.rows.fold import Step, fold


class Batch(msgspec.Struct, eq=False, kw_only=True):
    """Pieces to be applied together; `steps`: what they fold to, empty where they are to be applied one by one."""

    pieces: list[Piece]
    steps: list[Step] = []


def folded(pieces: list[Piece]) -> list[Step]:
    """What the changes of the pieces fold to."""
    return fold(chain.from_iterable(piece.changes for piece in pieces))


def transactions(pieces: Iterable[Piece]) -> list[list[Piece]]:
    """The pieces of each transaction."""
    found: list[list[Piece]] = []
    for piece in pieces:
        for part in singly(piece):
            if part.first or not found:
                found.append([])
            found[-1].append(part)
    return found


def singly(piece: Piece) -> list[Piece]:
    """Its transactions, each a piece of its own."""
    if len(piece.ends) < 2:
        return [piece]
    parts: list[Piece] = []
    begin = 0
    for end in piece.ends:
        changes = piece.changes[begin : end[0]]
        parts.append(
            msgspec.structs.replace(
                piece,
                first=piece.first or bool(parts),
                changes=changes,
                weight=piece.message_bytes * len(changes) // (len(piece.changes) or 1)
                + CHANGE_BYTES * len(changes)
                + END_BYTES,
                ends=[(len(changes), *end[1:])],
                final_lsn=end[1],
                end_lsn=end[2],
                beats=None,
                held_back=None,
                heartbeats=[beaten for beaten in piece.heartbeats if beaten[0] == end[2]],
            )
        )
        begin = end[0]
    parts[-1].beats = piece.beats
    parts[-1].held_back = piece.held_back
    return parts

from collections.abc import Sequence

from syncwizard.rows.changes import Change, End, Key, Route, Statement

State = tuple[int, int, int, int, int, int]

def take(data: bytes, at: int, last: int, /) -> tuple[list[bytes], int, bool]: ...
def feed(
    frames: list[bytes],
    at: int,
    routes: dict[bytes, tuple[Route | None, int]],
    changes: list[Change | Statement],
    ends: list[End],
    state: State,
    commits: bool,
    piece_bytes: int,
    overhead: int,
    end_bytes: int,
    /,
) -> tuple[int, bool, State]: ...
def group(changes: Sequence[Change | Statement], large: int, /) -> dict[Route, list[int | bytes]] | None: ...
def scan(frames: list[bytes], forms: bytes, key: tuple[int, ...], /) -> tuple[list[Key], bool] | None: ...
def pack(
    frames: list[bytes], first: int, forms: bytes, positions: tuple[int, ...], limit: int, /
) -> tuple[bytes, int]: ...

"""Drafts of tasks on disk: kept while they are edited, offered again, gone once their task has started.

A draft says where secrets are kept and never holds one, like the task file that comes of it.
"""

import uuid
from pathlib import Path

import msgspec

from syncwizard import paths
from syncwizard.task import file
from syncwizard.task.drafting.draft import TaskDraft

_encoder = msgspec.json.Encoder()
# Where drafts of 0.1 held what is now a setting by its path.
_MOVED = {
    "connection_minutes": "advanced.retry.connection_minutes",
    "other_minutes": "advanced.retry.other_minutes",
}


class KeptDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A draft, and when it was last edited (seconds since the epoch)."""

    draft: TaskDraft
    edited_at: float


def save(draft: TaskDraft) -> None:
    """Keeps the draft as it is now, for its owner alone; a reader sees the old one or the new one."""
    paths.ensure_private_folder(paths.state_folder())
    folder = paths.ensure_private_folder(paths.drafts_folder())
    file.replace_text(folder / _name(draft.id), msgspec.json.format(_encoder.encode(draft)).decode())


def list_drafts() -> list[KeptDraft]:
    """All drafts, the one edited last first. One that cannot be read, of another version, is passed over."""
    found = [kept for kept in map(_load, paths.drafts_folder().glob("*.json")) if kept is not None]
    return sorted(found, key=lambda kept: kept.edited_at, reverse=True)


def remove(draft_id: uuid.UUID) -> None:
    """Forgets a draft; one that is gone already is no trouble."""
    (paths.drafts_folder() / _name(draft_id)).unlink(missing_ok=True)


def _load(path: Path) -> KeptDraft | None:
    try:
        data = msgspec.json.decode(path.read_bytes(), type=dict[str, object])
        moved = {there: data.pop(here) for here, there in _MOVED.items() if here in data}
        draft = msgspec.convert({"advanced": moved, **data}, TaskDraft)
        return KeptDraft(draft=draft, edited_at=path.stat().st_mtime)
    except (msgspec.MsgspecError, OSError):
        return None


def _name(draft_id: uuid.UUID) -> str:
    return f"{draft_id}.json"

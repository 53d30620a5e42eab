"""The secrets of a task on their way from the client to its engine or probe."""

import msgspec


class Handover(msgspec.Struct, frozen=True, kw_only=True):
    """The secrets for an engine or a probe: sent once over a pipe, never written anywhere."""

    source: str | None = None
    destination: str | None = None
    source_key: str | None = None
    destination_key: str | None = None
    # Of scripts, by the forms that name them.
    salts: dict[str, str] = {}

    def __repr__(self) -> str:
        return "Handover(…)"

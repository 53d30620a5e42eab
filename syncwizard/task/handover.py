"""The secrets of a task on their way from the client to its engine or probe."""

import msgspec


class Handover(msgspec.Struct, frozen=True, kw_only=True):
    """The secrets for an engine or a probe: sent once over a pipe, never written anywhere."""

    source: str | None = None
    destination: str | None = None
    source_key: str | None = None
    destination_key: str | None = None
    # Of the receivers of alerts.
    smtp_password: str | None = None
    webhook_url: str | None = None
    # Of scripts, by the forms that name them.
    salts: dict[str, str] = {}

    @property
    def texts(self) -> list[str]:
        """Every secret, the salts too: what must not be written anywhere.

        >>> Handover(source="a", salts={"env:SALT": "b"}).texts
        ['a', 'b']
        """
        ends = (self.source, self.destination, self.source_key, self.destination_key)
        return [each for each in (*ends, self.smtp_password, self.webhook_url, *self.salts.values()) if each]

    def __repr__(self) -> str:
        return "Handover(…)"

"""Who may do what with objects that are no tables, from the source's catalogue to the destination's (rule 23). Pure."""

from collections.abc import Collection, Iterable

import msgspec

from syncwizard.task.names import TableName, quote


class ObjectPrivileges(msgspec.Struct, frozen=True, kw_only=True):
    """All that others than its owner may do with an object: each a role, a privilege, and whether it may be passed on.
    `of` is ROUTINE, SEQUENCE, TABLE (a view), TYPE or SCHEMA, `identity` the name behind that."""

    schema: str
    name: str
    of: str
    identity: str
    grants: list[tuple[str, str, bool]]

    @property
    def table_name(self) -> TableName:
        """Its name, as those of tables are."""
        return TableName(self.schema, self.name)

    @property
    def roles(self) -> set[str]:
        """The roles that are granted anything."""
        return {role for role, _, _ in self.grants if role != "PUBLIC"}

    def statements(self, here: Iterable[str], known: Collection[str]) -> list[str]:
        """What gives the destination's object these privileges. `here`: who has any of it there; `known`: the
        destination's roles.

        >>> grants = [("a", "USAGE", False), ("b", "USAGE", True), ("PUBLIC", "USAGE", False)]
        >>> own = ObjectPrivileges(schema="s", name="t", of="TYPE", identity="s.t", grants=grants)
        >>> for statement in own.statements(["c"], {"a"}): print(statement)
        REVOKE ALL ON TYPE s.t FROM PUBLIC, "c"
        GRANT USAGE ON TYPE s.t TO "a"
        GRANT USAGE ON TYPE s.t TO PUBLIC
        """
        object_ = f"{self.of} {self.identity}"
        revoked = ", ".join(dict.fromkeys(["PUBLIC", *map(_spelled, here)]))
        found: dict[tuple[str, bool], list[str]] = {}
        for role, privilege, grantable in self.grants:
            if role == "PUBLIC" or role in known:
                found.setdefault((role, grantable), []).append(privilege)
        return [
            f"REVOKE ALL ON {object_} FROM {revoked}",
            *(
                f"GRANT {', '.join(what)} ON {object_} TO {_spelled(role)}{' WITH GRANT OPTION' if grantable else ''}"
                for (role, grantable), what in found.items()
            ),
        ]


def _spelled(role: str) -> str:
    return role if role == "PUBLIC" else quote(role)


def parse_privileges(text: str) -> ObjectPrivileges:
    """What a row of the source says of them. Raises msgspec.DecodeError."""
    return msgspec.json.decode(text, type=ObjectPrivileges)

"""Definitions of both ends as texts, and what differs between them. Pure."""

from collections.abc import Iterable, Mapping

import msgspec

from syncwizard.task.verification import DefinitionDifference


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """An object of one end: `relation` it belongs to, empty for none; `text` defines it, `state` (disabled, invalid) is
    not part of that, and empty where it is as usual."""

    kind: str
    relation: str
    name: str
    text: str
    state: str = ""

    @property
    def described(self) -> str:
        """Its name for people."""
        return f"{self.name} of {self.relation}" if self.relation else self.name


def compare(source: Iterable[Definition], destination: Iterable[Definition]) -> list[DefinitionDifference]:
    """What differs, in the order of the source's objects, then what only the destination has.

    >>> ours = [Definition(kind="index", relation="s.t", name="i", text="CREATE INDEX i ON s.t USING btree (a)")]
    >>> theirs = [msgspec.structs.replace(ours[0], state="invalid")]
    >>> [(each.name, each.source, each.destination) for each in compare(ours, theirs)]
    [('i of s.t', 'as usual', 'invalid')]
    >>> [each.destination for each in compare(ours, [])]
    [None]
    """
    here, there = _by_identity(source), _by_identity(destination)
    found = []
    for identity, definition in here.items():
        other = there.get(identity)
        if other is None:
            found.append(_difference(definition, definition.text or definition.state, None))
        elif definition.text != other.text:
            found.append(_difference(definition, definition.text, other.text))
        elif definition.state != other.state:
            found.append(_difference(definition, definition.state or USUAL, other.state or USUAL))
    found += [_difference(each, None, each.text) for identity, each in there.items() if identity not in here]
    # What a missing table lacks with it goes without saying.
    missing = {each.name for each in found if each.kind in ("table", "view", "materialized view") and None in each.ends}
    return [each for each in found if each.relation not in missing]


USUAL = "as usual"


def _by_identity(definitions: Iterable[Definition]) -> Mapping[tuple[str, str, str], Definition]:
    return {(each.kind, each.relation, each.name): each for each in definitions}


def _difference(definition: Definition, source: str | None, destination: str | None) -> DefinitionDifference:
    return DefinitionDifference(
        kind=definition.kind,
        name=definition.described,
        relation=definition.relation,
        source=source,
        destination=destination,
    )

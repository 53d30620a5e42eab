"""Nets a run of changes of a keyless table: which rows have to be there before it, and what becomes of each.

Rows that are equal in every byte are interchangeable, so a table without a key is a bag of images, and a change takes
one image out of it, or puts one in, or both. A change whose old image an earlier one of the run put in goes on from
that one; every other takes its image from the table as it was before the run. So the bag after the run is the same as
after the changes one by one, and an image is missing from the table exactly where one of them would have met no row.
"""

from collections.abc import Iterable

import msgspec

from syncwizard.rows.changes import Decoded, Route, Row, filled

Known = tuple[int, ...]


class NetImages(msgspec.Struct, eq=False, kw_only=True):
    """What a run comes to.

    `deletes` are images that go; `updates` pairs of an image and the row that takes its place, by the positions whose
    values came with any of its changes: the others are as before; `inserts` are new rows, in the order of the source.
    """

    deletes: list[Row] = []
    updates: dict[Known, list[tuple[Row, Row]]] = {}
    inserts: list[Row] = []


class _Entry:
    """A row of the table before the run, or a new one: `old` is None; what is of it now is `new`, None when gone."""

    __slots__ = ("known", "new", "old")

    def __init__(self, old: Row | None, new: Row | None, known: frozenset[int]) -> None:
        self.old = old
        self.new = new
        self.known = known


def net_images(route: Route, changes: Iterable[Decoded]) -> NetImages:
    """The net of changes that have their old images as a whole, except for inserts."""
    entries: list[_Entry] = []
    # What the run has put in and not taken out again, by image.
    pending: dict[Row, list[_Entry]] = {}
    for _, _, old, new in changes:
        if old is None:
            assert new is not None
            entry = _Entry(None, new, frozenset())
            entries.append(entry)
        else:
            before = _image(route, old)
            earlier = pending.get(before)
            if earlier:
                entry = earlier.pop()
            else:
                entry = _Entry(old, old, frozenset())
                entries.append(entry)
            if new is not None:
                entry.known = entry.known.union([at for at in route.written if new[at] is not None])
                # Its former values are those of the old image, byte for byte.
                new = filled(new, old)
            entry.new = new
        if new is not None:
            pending.setdefault(_image(route, new), []).append(entry)
    return _net(route, entries)


def _image(route: Route, row: Row) -> Row:
    return row if len(route.written) == len(row) else tuple([row[at] for at in route.written])


def _net(route: Route, entries: Iterable[_Entry]) -> NetImages:
    net = NetImages()
    for entry in entries:
        if entry.old is None:
            if entry.new is not None:
                net.inserts.append(entry.new)
        elif entry.new is None:
            net.deletes.append(entry.old)
        elif entry.known:
            net.updates.setdefault(tuple(sorted(entry.known)), []).append((entry.old, entry.new))
    if route.replaces:
        # SET refuses an identity ALWAYS column, and the old rows are known whole.
        pairs = [pair for rows in net.updates.values() for pair in rows]
        net.deletes += [old for old, _ in pairs]
        net.inserts += [new for _, new in pairs]
        net.updates = {}
    return net

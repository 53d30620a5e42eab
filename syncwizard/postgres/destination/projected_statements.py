"""The statements that write the rows of a route with a projection: each evaluates it over what came in the stream.

What came is `b`, with the source's columns as `c0`, `c1`, …; `p` is what the projection makes of it, with the names of
the destination. A row that is left out is in `b` and not in `p`. Texts here are of the product and of the checked
script alone; names are quoted, values are parameters or staged.
"""

from collections.abc import Iterable, Iterator

from syncwizard.postgres.destination.dead_letters import insert_text
from syncwizard.postgres.destination.statements import Positions, once
from syncwizard.rows.changes import Projected, Route
from syncwizard.rows.etl.steps import STAMP_REFERENCES, reference
from syncwizard.rows.etl.values import STAMPS
from syncwizard.rows.projection import Output, literal
from syncwizard.task.names import quote


class ProjectedStatements:
    """Texts for one route, in Python's `codec`. A statement with `stage` None takes the columns at `positions` as its
    parameters, otherwise they are in the staging table of that number."""

    def __init__(self, route: Route, projected: Projected, codec: str) -> None:
        self.route = route
        self.projected = projected
        self.codec = codec
        self.texts: dict[tuple[object, ...], bytes | None] = {}
        self.everything: Positions = route.written
        self._outputs = projected.projection.outputs
        self._types = dict(zip((output.name for output in self._outputs), projected.types, strict=True))
        self._whole = dict(zip((output.name for output in self._outputs), projected.whole, strict=True))
        self._table = f"{quote(route.target.schema)}.{quote(route.target.name)}"
        self._rows = self._table if route.partitioned else f"ONLY {self._table}"
        self._address = "(tableoid, ctid)" if route.partitioned else "ctid"
        names = {output.source: output.name for output in self._outputs if output.source is not None}
        # Where the key's columns are at the destination.
        self._key = {at: names[route.columns[at].source] for at in route.key}
        # The rest of it, which is the same for all rows of the source's table.
        origin = projected.projection.origin
        self._origin = (origin[0], literal(origin[1])) if origin is not None and self._key else None
        self._key_names = [*self._key.values(), *([self._origin[0]] if self._origin else [])]
        self.drops = projected.projection.kept is not True
        self.replaces = any(name in projected.always for name in self._types if name not in self._key_names)

    # Keyed tables ----------------------------------------------------------------------------------------------

    @once
    def delete(self, stage: int | None) -> bytes:
        """By the key's columns."""
        base = self._base(self.route.key, stage)
        return self._text(f"WITH b AS ({base}) DELETE FROM {self._rows} AS t USING b WHERE {self._base_key()}")

    @once
    def upsert(self, positions: Positions, stage: int | None, *, fresh: bool) -> bytes:
        """Complete rows: those that are left out are deleted, the others put in the place of what is there.

        `fresh`: no row of these keys is there.
        """
        written = self._inserted(f"SELECT {self._names(self._outputs)} FROM p")
        return self._text(f"WITH {self._sources(positions, stage) if fresh else self._judged(stage)} {written}")

    @once
    def replace(self, positions: Positions, stage: int | None) -> bytes:
        """Complete rows whose operations have no inserts: rows that are not there stay so."""
        changed = self._assignments(self._outputs)
        found = self._matches("t", "p")
        update = f"UPDATE {self._rows} AS t SET {changed} FROM p WHERE {found}" if changed else "SELECT FROM p"
        return self._text(f"WITH {self._judged(stage)} {update}")

    @once
    def update(self, positions: Positions, stage: int | None) -> bytes | None:
        """Rows of which only some columns are known; gives a row where one of them is not there. None where nothing
        that is known goes anywhere."""
        known = self._known(positions)
        changed = self._assignments(known)
        if not changed:
            return None
        # Each row has a key of its own. To look for each of them by itself would read all for every one: the session
        # has neither hash nor merge joins.
        return self._text(
            f"WITH {self._sources(positions, stage, known)}, u AS (UPDATE {self._rows} AS t SET {changed} FROM p"
            f" WHERE {self._matches('t', 'p')} RETURNING 1)"
            " SELECT 1 WHERE (SELECT count(*) FROM p) > (SELECT count(*) FROM u)"
        )

    @once
    def move(self, positions: Positions, stage: int | None) -> bytes:
        """Deletes by the old key (the first parameters), inserts what is known, the rest from the deleted row; gives a
        row where there was none."""
        known = {output.name for output in self._known(positions)}
        after = len(self.route.key)
        values = [
            f"p.{quote(output.name)}" if output.name in known else f"gone.{quote(output.name)}"
            for output in self._outputs
        ]
        old = " AND ".join(
            f"t.{quote(self._key[at])} {self.route.columns[at].equal}"
            f" ${number}::{self.route.columns[at].type_name}::{self._types[self._key[at]]}"
            for number, at in enumerate(self.route.key, 1)
        )
        old += self._of_origin("t")
        sources = self._sources(positions, stage, [each for each in self._outputs if each.name in known], after)
        inserted = self._inserted(f"SELECT {', '.join(values)} FROM p, gone")
        return self._text(
            f"WITH {sources}, gone AS (DELETE FROM {self._rows} AS t WHERE {old} RETURNING t.*),"
            f" new AS ({inserted} RETURNING 1) SELECT FROM p WHERE NOT EXISTS (SELECT FROM new)"
        )

    @once
    def delete_all(self) -> bytes:
        """The rows of the source's table, of all that are merged."""
        return self._text(f"DELETE FROM {self._rows} AS t WHERE true{self._of_origin('t')}")

    # Keyless tables --------------------------------------------------------------------------------------------

    @once
    def insert(self, stage: int | None) -> bytes:
        """Rows that pass, whatever is there."""
        select = f"SELECT {self._names(self._outputs)} FROM p"
        return self._text(f"WITH {self._sources(self.everything, stage)} {self._inserted(select, upsert=False)}")

    @once
    def delete_image(self, stage: int | None) -> bytes:
        """One row that equals what the old row became, byte for byte; gives a row where there was none. Of a row that
        was left out nothing is there."""
        own = ", ".join(f"t.{quote(output.name)}" for output in self._outputs)
        # As they are stored: a value may have been rounded or padded to its column.
        old = ", ".join(f"p.{quote(output.name)}::{self._whole[output.name]}" for output in self._outputs)
        address = "t.tableoid, t.ctid" if self.route.partitioned else "t.ctid"
        found = (
            f"SELECT {address} FROM {self._rows} AS t, p"
            f" WHERE pg_catalog.record_image_eq(ROW({own}), ROW({old})) LIMIT 1"
        )
        return self._text(
            f"WITH {self._sources(self.everything, stage)}, d AS"
            f" (DELETE FROM {self._rows} WHERE {self._address} = ({found}) RETURNING 1)"
            " SELECT FROM p WHERE NOT EXISTS (SELECT FROM d)"
        )

    def expressions(self, positions: Positions) -> Iterator[tuple[str, bytes]]:
        """What is evaluated for a row, one by one and in order, with where the task has it. Parameters: its columns."""
        projection = self.projected.projection
        types = dict(zip((output.sql for output in self._outputs), self.projected.types, strict=True))
        base = self._base(positions, None)
        for where, expression, levels in projection.expressions():
            kind = f"::{types[expression]}" if levels == len(projection.levels) and expression in types else ""
            text = f"SELECT ({expression}){kind} FROM {projection.over(base, levels)}"
            yield where, text.encode().decode().encode(self.codec)

    @once
    def dead_letter(self, positions: Positions) -> bytes:
        """Notes a row; parameters: the columns at `positions`, then those of `insert_text`."""
        return self._text(insert_text(self.projected, self._base(positions, None), len(positions)))

    # Parts -----------------------------------------------------------------------------------------------------

    def _text(self, text: str) -> bytes:
        return text.encode()

    def _sources(
        self,
        positions: Positions,
        stage: int | None,
        outputs: Iterable[Output] | None = None,
        after: int = 0,
    ) -> str:
        wanted = self._outputs if outputs is None else outputs
        values = ", ".join(f"({output.sql})::{self._types[output.name]} AS {quote(output.name)}" for output in wanted)
        base = self._base(positions, stage, after)
        return f"b AS ({base}), p AS (SELECT {values} FROM {self.projected.projection.over('SELECT * FROM b')})"

    def _base(self, positions: Positions, stage: int | None, after: int = 0) -> str:
        """What came, by the names that the projection reads; NULL for what is not known."""
        route = self.route
        places = {route.columns[at].source: (number, at) for number, at in enumerate(positions, after + 1)}
        values = []
        wanted = [
            (reference(at), name, kind) for at, (name, kind) in enumerate(self.projected.projection.columns.items())
        ]
        wanted += [(STAMP_REFERENCES[stamp], stamp, STAMPS[stamp].name) for stamp in self.projected.projection.stamps]
        for name, column, kind in wanted:
            if column not in places:
                values.append(f"NULL::{kind} AS {name}")
                continue
            number, at = places[column]
            value = f"${number}" if stage is None else f"s.c{at}"
            values.append(f"{value}::{route.columns[at].type_name} AS {name}")
        rows = "" if stage is None else f" FROM pg_temp.syncwizard_stage_{stage} AS s"
        return f"SELECT {', '.join(values)}{rows}"

    def _known(self, positions: Positions) -> list[Output]:
        """The columns whose values follow from what is known."""
        known = {self.route.columns[at].source for at in positions}
        key = set(self._key_names)
        return [output for output in self._outputs if output.reads <= known or output.name in key]

    def _judged(self, stage: int | None) -> str:
        """The sources of complete rows, of which those that are left out are deleted where they are there."""
        if not self.drops:
            return self._sources(self.everything, stage)
        # Each row by itself, once: looked for among those that pass, a batch would be read for each of its rows.
        keys = ", ".join(f"b.{self._place(at)}" for at in self._key)
        values = ", ".join(
            f"({output.sql})::{self._types[output.name]} AS o{number}" for number, output in enumerate(self._outputs)
        )
        named = ", ".join(f"j.o{number} AS {quote(output.name)}" for number, output in enumerate(self._outputs))
        made = self.projected.projection.over("SELECT b.*")
        return (
            f"b AS ({self._base(self.everything, stage)}), j AS (SELECT {keys}, r.* FROM b LEFT JOIN LATERAL"
            f" (SELECT {values}, true AS kept FROM {made}) AS r ON true), p AS (SELECT {named} FROM j WHERE j.kept),"
            f" gone AS (DELETE FROM {self._rows} AS t USING j WHERE {self._base_key('j')} AND j.kept IS NULL)"
        )

    def _place(self, at: int) -> str:
        return reference(list(self.projected.projection.columns).index(self.route.columns[at].source))

    def _base_key(self, alias: str = "b") -> str:
        found = " AND ".join(
            f"t.{quote(name)} {self.route.columns[at].equal} {alias}.{self._place(at)}::{self._types[name]}"
            for at, name in self._key.items()
        )
        return found + self._of_origin("t")

    def _of_origin(self, alias: str) -> str:
        """That a row is one of the source's table, where others are merged with it."""
        if own := self.projected.projection.own:
            return f" AND {own}" if alias == "t" else ""
        if self._origin is None:
            return ""
        column, value = self._origin
        return f" AND {alias}.{quote(column)}::pg_catalog.text OPERATOR(pg_catalog.=) {value}"

    def _matches(self, one: str, other: str) -> str:
        found = " AND ".join(
            f"{one}.{quote(name)} {self.route.columns[at].equal} {other}.{quote(name)}"
            for at, name in self._key.items()
        )
        return found + self._of_origin(one)

    def _names(self, outputs: Iterable[Output]) -> str:
        return ", ".join(f"p.{quote(output.name)}" for output in outputs)

    def _settable(self, output: Output) -> bool:
        return output.name not in self._key_names and output.name not in self.projected.always

    def _assignments(self, outputs: Iterable[Output]) -> str:
        return ", ".join(f"{quote(each.name)} = p.{quote(each.name)}" for each in outputs if self._settable(each))

    def _inserted(self, select: str, *, upsert: bool = True) -> str:
        columns = ", ".join(quote(output.name) for output in self._outputs)
        text = f"INSERT INTO {self._table} ({columns}) OVERRIDING SYSTEM VALUE {select}"
        if not upsert:
            return text
        arbiter = ", ".join(map(quote, self._key_names))
        changed = [each.name for each in self._outputs if self._settable(each)]
        if not changed:
            return f"{text} ON CONFLICT ({arbiter}) DO NOTHING"
        action = ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in changed)
        return f"{text} ON CONFLICT ({arbiter}) DO UPDATE SET {action}"

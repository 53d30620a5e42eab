"""The functions that change rows: a script as levels of a query, each over the one below (`l`).

A level adds columns (`x1`, `x2`, …) or leaves rows out. What a later step reads is the column, not the expression
again, so the text grows with the script and no faster.
"""

import re
from collections.abc import Mapping, Sequence

import msgspec

from syncwizard.rows.etl.arguments import column_name, expect, for_all, in_pairs, optional_condition
from syncwizard.rows.etl.tree import Call, Node, Place, ScriptError, shown
from syncwizard.rows.etl.types import TEXT, Type, common
from syncwizard.rows.etl.values import FALSE, STAMPS, TRUE, Expression, Scope, as_type, check, condition, nearest, words
from syncwizard.task.text import shorten

_REFERENCE = re.compile(r"\bl\.(\w+)")
# The planner puts a level's expressions into the one above; from this many characters on it is kept from doing so,
# because expressions that use each other twice a step would double with each.
LARGEST = 4000
# PostgreSQL plans a query of 100 levels in half a second, one of 200 in three and one of 500 in forty.
MOST_LEVELS = 100
# Of a part of a script in a message.
SHOWN_WIDTH = 80


class Level(msgspec.Struct, kw_only=True):
    """`adds`: names and SQL, and in `made_by` where the script has each; `keeps`: what a row has to meet.
    `apart`: the planner must not merge it with the one above: expressions there would run for rows that are left out
    here, or grow too large."""

    adds: list[tuple[str, str]] = []
    made_by: list[str] = []
    keeps: str = ""
    apart: bool = False


class Program(msgspec.Struct, kw_only=True):
    """What scripts do to the rows of a table.

    `outputs`: the columns that are written, in order, each a column of the last level; `key`: where the key's columns
    went. `decides`: what is read to decide whether a row is left out; `kept`: True and False where that is known of
    all rows.
    """

    levels: list[Level]
    outputs: dict[str, Expression]
    key: dict[str, str]
    decides: frozenset[str] = frozenset()
    kept: bool | None = True
    secrets: frozenset[str] = frozenset()
    stable: bool = False


def compile_scripts(
    scripts: Sequence[Call],
    columns: Mapping[str, Type],
    key: Sequence[str],
    constants: Mapping[str, str],
    table: str,
) -> Program:
    """The scripts, one after the other, over a table's columns. `constants`: `__TB__` and its like; where they have
    `__OPERATION__`, for changes of that kind alone. Raises ScriptError."""
    compiler = _Compiler(columns, key, constants, table)
    for script in scripts:
        compiler.step(script, None)
    return compiler.program()


def reference(position: int) -> str:
    """The name of a table's column in every level.

    >>> reference(3)
    'c3'
    """
    return f"c{position}"


STAMP_REFERENCES = {"__OPERATION__": "stamp_operation", "__COMMIT_TIMESTAMP__": "stamp_commit"}


class _Compiler:
    """Grows the levels. A `guard` is a column of a level that says for which rows a step is; None: for all."""

    def __init__(
        self, columns: Mapping[str, Type], key: Sequence[str], constants: Mapping[str, str], table: str
    ) -> None:
        known = {
            name: Expression(sql=f"l.{reference(at)}", type=type_, reads=frozenset({name}))
            for at, (name, type_) in enumerate(columns.items())
        }
        stamps = {
            name: Expression(sql=f"l.{STAMP_REFERENCES[name]}", type=type_, reads=frozenset({name}))
            for name, type_ in STAMPS.items()
        }
        self._scope = Scope(columns=known | stamps, constants=constants, table=table)
        self._key = {name: name for name in key}
        self._levels: list[Level] = []
        # Columns of the level in the making, and how long each column's expression is with all below it.
        self._fresh: set[str] = set()
        self._sizes: dict[str, int] = {}
        self._number = 0
        self._made_by = ""
        self._place = Place(1, 1)
        self._decides: frozenset[str] = frozenset()
        self._kept: bool | None = True
        self._secrets: frozenset[str] = frozenset()
        self._stable = False

    def program(self) -> Program:
        """What was compiled."""
        return Program(
            levels=self._levels,
            outputs={name: each for name, each in self._scope.columns.items() if name not in STAMPS},
            key=self._key,
            decides=self._decides,
            kept=self._kept,
            secrets=self._secrets,
            stable=self._stable,
        )

    def step(self, node: Node, guard: Expression | None) -> None:
        """Takes a step. Raises ScriptError."""
        if not isinstance(node, Call) or node.function not in _HANDLERS:
            name = node.function if isinstance(node, Call) else "a value"
            remedy = nearest(name, _HANDLERS, f"a step is one of {', '.join(_HANDLERS)}")
            problem = (
                f"{name} is no step"
                if name.startswith(("op_", "str_", "dt_", "a value"))
                else f"there is no step {name}"
            )
            raise ScriptError(problem, node.place, remedy)
        if node.named and node.function != "e_switch":
            raise ScriptError(f"{node.function} has no arguments with names", node.named[0][1].place)
        self._at(node)
        _HANDLERS[node.function](self, node, guard)

    # Steps -----------------------------------------------------------------------------------------------------

    def _compose(self, node: Call, guard: Expression | None) -> None:
        for each in node.arguments:
            self.step(each, guard)

    def _if(self, node: Call, guard: Expression | None) -> None:
        pairs = in_pairs(node, "conditions and steps")
        for asked, step in pairs:
            self._guarded(step, self._narrowed(condition(asked, self._scope), guard), guard)

    def _if_else(self, node: Call, guard: Expression | None) -> None:
        expect(node, 3)
        asked, yes, no = node.arguments
        found = condition(asked, self._scope)
        if found.constant:
            self.step(yes if found.value else no, guard)
            return
        holds = self._narrowed(found, guard)
        fails = self._narrowed(_not(found), guard)
        self._guarded(yes, holds, guard)
        self._guarded(no, fails, guard)

    def _switch(self, node: Call, guard: Expression | None) -> None:
        default = dict(node.named)
        if unknown := [name for name in default if name != "default"]:
            raise ScriptError(f"e_switch has no argument {unknown[0]}", node.place, "write default=step")
        chosen: list[tuple[Node, Expression]] = []
        before: list[Expression] = []
        for asked, step in in_pairs(node, "conditions and steps"):
            found = self._narrowed(_unless(before, condition(asked, self._scope)), guard)
            chosen.append((step, found))
            before.append(found)
            if found.constant and found.value:
                break
        if "default" in default:
            chosen.append((default["default"], self._narrowed(_unless(before, TRUE), guard)))
        for step, found in chosen:
            self._guarded(step, found, guard)

    def _set(self, node: Call, guard: Expression | None) -> None:
        for target, value in in_pairs(node, "columns and values"):
            name = column_name(target, "e_set")
            if name in STAMPS:
                raise ScriptError(f"{name} is a variable", target.place)
            self._refuse_key(name, target, "given another value: rows could get the same key")
            self._at(value)
            found = check(value, self._scope)
            if found.type.family == "salt":
                raise ScriptError("a secret is a salt for md5 and sha256 alone", value.place)
            former = self._scope.columns.get(name)
            if former is not None and found.constant and _converts(found, former):
                found = as_type(found, former.type, value.place)
            if guard is not None:
                found = _chosen(guard, found, former, value)
            self._scope.columns[name] = self._bind(found)

    def _drop(self, node: Call, guard: Expression | None) -> None:
        self._leave_out(optional_condition(node, self._scope), guard)

    def _keep(self, node: Call, guard: Expression | None) -> None:
        if node.arguments:
            self._leave_out(_not(optional_condition(node, self._scope)), guard)

    def _rename(self, node: Call, guard: Expression | None) -> None:
        for_all(node, guard)
        for old, new in in_pairs(node, "columns and new names"):
            name, other = column_name(old, "e_rename"), column_name(new, "e_rename")
            check(old, self._scope)
            if other in self._scope.columns:
                raise ScriptError(f"there is a column {other} already", new.place)
            columns = self._scope.columns
            self._scope.columns = {other if each == name else each: value for each, value in columns.items()}
            self._key = {each: other if at == name else at for each, at in self._key.items()}

    def _drop_columns(self, node: Call, guard: Expression | None) -> None:
        for_all(node, guard)
        for each in node.arguments:
            name = column_name(each, "e_drop_columns")
            check(each, self._scope)
            self._refuse_key(name, each, "left out")
            del self._scope.columns[name]

    def _keep_columns(self, node: Call, guard: Expression | None) -> None:
        for_all(node, guard)
        kept = {column_name(each, "e_keep_columns") for each in node.arguments}
        for each in node.arguments:
            check(each, self._scope)
        for missing in self._key.values():
            if missing not in kept:
                self._refuse_key(missing, node, "left out")
        self._scope.columns = {
            name: value for name, value in self._scope.columns.items() if name in kept or name in STAMPS
        }

    # Parts -----------------------------------------------------------------------------------------------------

    def _at(self, node: Node) -> None:
        """What is bound from here on is made by this part of the script."""
        self._place = node.place
        self._made_by = f"line {node.place.line}, column {node.place.column}: {shorten(shown(node), SHOWN_WIDTH)}"

    def _guarded(self, step: Node, narrowed: Expression, outer: Expression | None) -> None:
        """Takes the step for the rows of `narrowed`."""
        if narrowed.constant:
            if narrowed.value:
                self.step(step, outer)
            return
        self.step(step, narrowed)

    def _narrowed(self, asked: Expression, guard: Expression | None) -> Expression:
        """A condition as a column, within a guard: evaluated for its rows alone."""
        if asked.constant and not asked.value:
            return FALSE
        if guard is None:
            return asked if asked.constant else self._bind(asked)
        if asked.constant:
            return guard
        return self._bind(
            msgspec.structs.replace(
                asked,
                sql=f"CASE WHEN {guard.sql} THEN {asked.sql} ELSE false END",
                reads=asked.reads | guard.reads,
            )
        )

    def _leave_out(self, asked: Expression, guard: Expression | None) -> None:
        """Leaves out the rows for which it holds."""
        if guard is not None:
            asked = guard if asked.constant and asked.value else self._narrowed(asked, guard)
        if asked.constant:
            if asked.value:
                self._kept = False
            return
        self._note(asked)
        if any(level.keeps for level in self._levels):
            # Conditions of two levels would be evaluated in an order of the planner's.
            self._levels[-1].apart = True
        self._begin(Level(keeps=f"NOT ({asked.sql})"))
        self._decides |= asked.reads
        self._kept = None if self._kept is not False else False

    def _bind(self, value: Expression) -> Expression:
        """The expression as a column of a level."""
        self._note(value)
        if value.sql.startswith("l.") and value.sql[2:].isidentifier():
            return value
        used = _REFERENCE.findall(value.sql)
        size = len(value.sql) + sum(self._sizes.get(name, 0) for name in used)
        if size > LARGEST and self._levels:
            self._levels[-1].apart = True
            self._sizes.clear()
            self._begin()
            size = len(value.sql)
        if not self._levels or self._levels[-1].keeps or self._fresh.intersection(used):
            self._begin()
        self._number += 1
        name = f"x{self._number}"
        self._levels[-1].adds.append((name, value.sql))
        self._levels[-1].made_by.append(self._made_by)
        self._fresh.add(name)
        self._sizes[name] = size
        return msgspec.structs.replace(value, sql=f"l.{name}", constant=False, value=None)

    def _begin(self, level: Level | None = None) -> None:
        if len(self._levels) == MOST_LEVELS:
            raise ScriptError(
                f"more than {MOST_LEVELS} steps build on one another here, which PostgreSQL takes long to plan",
                self._place,
                "write several as one expression, and conditions of e_drop as one op_or(…)",
            )
        self._levels.append(level or Level(adds=[], made_by=[]))
        self._fresh = set()

    def _note(self, value: Expression) -> None:
        self._secrets |= value.secrets
        self._stable = self._stable or value.stable

    def _refuse_key(self, name: str, node: Node, what: str) -> None:
        if name in self._key.values():
            raise ScriptError(
                f"column {name} is part of the key of {self._scope.table} and cannot be {what}", node.place
            )


_HANDLERS = {
    "e_compose": _Compiler._compose,
    "e_if": _Compiler._if,
    "e_if_else": _Compiler._if_else,
    "e_switch": _Compiler._switch,
    "e_set": _Compiler._set,
    "e_drop": _Compiler._drop,
    "e_keep": _Compiler._keep,
    "e_rename": _Compiler._rename,
    "e_drop_columns": _Compiler._drop_columns,
    "e_keep_columns": _Compiler._keep_columns,
}


def _not(asked: Expression) -> Expression:
    if asked.constant:
        return FALSE if asked.value else TRUE
    return msgspec.structs.replace(asked, sql=f"NOT ({asked.sql})")


def _unless(before: Sequence[Expression], asked: Expression) -> Expression:
    """The condition where none of the ones before holds, and evaluated there alone."""
    open_ = [each for each in before if not each.constant]
    if not open_ or (asked.constant and not asked.value):
        return asked
    earlier = " OR ".join(each.sql for each in open_)
    return msgspec.structs.replace(
        asked,
        sql=f"CASE WHEN {earlier} THEN false ELSE {asked.sql} END",
        reads=asked.reads.union(*(each.reads for each in open_)),
        constant=False,
        value=None,
    )


def _chosen(guard: Expression, value: Expression, former: Expression | None, node: Node) -> Expression:
    """The value for the rows of a guard, for the others what was there."""
    type_ = value.type if former is None else common(value.type, former.type)
    if type_ is None:
        assert former is not None
        raise ScriptError(
            f"{words(value)} for some rows, and {former.type.name} for the others",
            node.place,
            "cast it to the other type",
        )
    if type_.family == "null":
        type_ = TEXT
    other = f"NULL::{type_.name}" if former is None else f"{former.sql}::{type_.name}"
    return Expression(
        sql=f"CASE WHEN {guard.sql} THEN {value.sql}::{type_.name} ELSE {other} END",
        type=type_,
        reads=guard.reads | value.reads | (former.reads if former is not None else frozenset()),
        stable=value.stable or guard.stable,
        secrets=value.secrets,
    )


def _converts(value: Expression, former: Expression) -> bool:
    """Whether a constant text is meant as a value of the column's type."""
    families = ("date", "time", "timestamp", "timestamptz", "interval", "uuid", "bytes", "other")
    return value.type.family == "text" and former.type.family in families

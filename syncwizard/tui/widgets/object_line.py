"""One line of the tree of objects as text: its box, its name, what is to know of it, rows and bytes. Pure."""

from collections.abc import Sequence

import msgspec
from rich.cells import cell_len, set_cell_size

from syncwizard.task.drafting.catalogue import CatalogueObject, Tally, tally_of
from syncwizard.task.drafting.choice import ObjectChoice, Tick
from syncwizard.task.drafting.choice_advice import PLURALS, counted
from syncwizard.task.drafting.outline import OBJECT_DEPTH, OWNED, Line
from syncwizard.task.drafting.table_edit import describe_edit
from syncwizard.task.names import FunctionName, ObjectName, TableName
from syncwizard.task.text import describe_bytes, describe_count, one_line
from syncwizard.tui.formatting import Part, Tone

# The mark inside says it, not a colour.
BOXES: dict[Tick, str] = {"none": "[ ]", "some": "[-]", "all": "[x]"}
ROWS_WIDTH = 9
BYTES_WIDTH = 10
# The size against that of the largest table, where the list is as wide as ROOMY.
BAR_WIDTH, ROOMY = 6, 70
_EIGHTHS = " ▏▎▍▌▋▊▉█"
# What a long name leaves to the words beside it.
NAME_SHARE = 0.6
# Over the figures of a list.
HEADING = f"{'≈ rows':>{ROWS_WIDTH}}{'size':>{BYTES_WIDTH}} "


class DrawnLine(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a line, left to right; together they are as wide as the list."""

    lead: str
    name: str
    words: tuple[Part, ...]
    figures: str
    bar: str


def draw(line: Line, choice: ObjectChoice, width: int, *, ticks: bool) -> DrawnLine:
    """The line in so many columns; `ticks` shows boxes, which a list of the chosen has no need for."""
    box = f"{BOXES[tick_of(line, choice)]} " if ticks else ""
    lead = f"{'  ' * line.depth}{_arrow(line)} {box}"
    tally = _tally(line, choice, ticks=ticks)
    figures = f"{_rows(line, choice, tally):>{ROWS_WIDTH}}{_bytes(line, choice, tally):>{BYTES_WIDTH}} "
    bar = _bar(line, choice, tally) if width >= ROOMY else ""
    room = max(0, width - len(lead) - len(figures) - len(bar))
    title = title_of(line)
    words = _fitted(words_of(line, choice), room - min(cell_len(title), int(room * NAME_SHARE)) - 2)
    taken = sum(cell_len(text) for text, _ in words)
    name = fit(title, room - (taken + 2 if words else 0))
    padding = " " * (room - cell_len(name) - taken)
    return DrawnLine(lead=lead, name=name, words=((padding, "plain"), *words), figures=figures, bar=bar)


def fit(text: str, width: int) -> str:
    """The text, cut where it is too long for the room.

    >>> fit("passages", 8), fit("passages", 5), fit("passages", 0)
    ('passages', 'pass…', '')
    """
    if cell_len(text) <= width:
        return text
    return f"{set_cell_size(text, width - 1)}…" if width > 0 else ""


def _fitted(parts: Sequence[Part], width: int) -> list[Part]:
    """The words with commas between, as far as there is room."""
    found: list[Part] = []
    for text, tone in parts:
        shown = fit(f"{', ' if found else ''}{text}", width - sum(cell_len(each) for each, _ in found))
        if shown:
            found.append((shown, tone))
    return found


def tick_of(line: Line, choice: ObjectChoice) -> Tick:
    """What the box of a line shows."""
    each = line.object
    if line.members:
        chosen = sum(map(choice.has, line.members))
        return "all" if chosen == len(line.members) else "some" if chosen else "none"
    if each is None:
        return choice.tick_of(line.node.schema, line.node.kind)
    if choice.has(each):
        return "all"
    family = choice.catalogue.descendants(each) if each.partitioned else ()
    return "some" if any(map(choice.has, family)) else "none"


def _arrow(line: Line) -> str:
    if not line.below:
        return " "
    return "▾" if line.expanded else "▸"


def title_of(line: Line) -> str:
    """The name of a schema or object, the kind, or of a mass its first and its last."""
    if line.members and line.node.group == OWNED:
        return f"{len(line.members):,} owned by tables"
    if line.members:
        return f"{one_line(line.members[0].name)} … {one_line(line.members[-1].name)}  ({len(line.members):,})"
    if line.object is not None:
        return one_line(line.object.name)
    if line.node.kind is not None:
        return PLURALS[line.node.kind].capitalize()
    return one_line(line.node.schema)


def words_of(line: Line, choice: ObjectChoice) -> list[Part]:
    """What is to know of it, in words: colours say nothing of it alone."""
    each = line.object
    if line.members:
        return _words_of_mass(line.members, choice)
    if each is not None:
        return _object_words(each, choice, nested=line.depth > OBJECT_DEPTH)
    if line.node.kind is not None:
        count = len(choice.view(line.node.schema).chosen.get(line.node.kind, ()))
        total = len(choice.catalogue.by_kind.get(line.node.schema, {}).get(line.node.kind, ()))
        return [(f"{count:,} of {total:,}", "muted")]
    target = choice.names.schema(line.node.schema)
    renamed: list[Part] = [(f"→ {one_line(target)}", "accent")] if target != line.node.schema else []
    return [*renamed, (_schema_words(line.node.schema, choice), "muted")]


def _words_of_mass(members: Sequence[CatalogueObject], choice: ObjectChoice) -> list[Part]:
    """What some of them have that is worth a look."""
    counts: list[tuple[int, str, Tone]] = [
        (choice.differs and sum(bool(_differences(each, choice)) for each in members), "→ {} differ", "accent"),
        (sum(bool(each.vectors) for each in members), "◆ {} with vectors", "accent"),
        (sum(bool(each.obstacle) for each in members), "▲ {} left out", "warn"),
        (sum(each.keyless and not each.obstacle for each in members), "▲ {} without a key", "warn"),
    ]
    return [(text.format(f"{count:,}"), tone) for count, text, tone in counts if count]


def _schema_words(schema: str, choice: ObjectChoice) -> str:
    kinds = choice.catalogue.by_kind.get(schema)
    if kinds is None:
        return "not at the source"
    total, count = sum(map(len, kinds.values())), choice.view(schema).tally.objects
    if choice.is_whole(schema):
        excluded = len(choice.schemas[schema].excluded)
        return f"whole, without {excluded:,}" if excluded else "whole"
    return f"{count:,} of {total:,}" if total else "empty"


def _object_words(each: CatalogueObject, choice: ObjectChoice, *, nested: bool) -> list[Part]:
    if each.key not in choice.catalogue.by_key:
        return [("▲ not at the source", "warn")]
    words: list[Part] = [(each_word, "accent") for each_word in _differences(each, choice)]
    words += [(f"◆ {vector.rpartition(' ')[2]}", "accent") for vector in each.vectors]
    if each.obstacle:
        words.append((f"▲ {each.obstacle}: left out", "warn"))
    elif each.keyless:
        words.append(("▲ no key", "warn"))
    if each.partitioned:
        words.append((f"{len(choice.catalogue.partitions.get(each.relation, ())):,} partitions", "muted"))
    if each.parent is not None and not nested:
        of = each.parent.name if each.parent.schema == each.schema else ".".join(each.parent)
        words.append((f"of {one_line(of)}", "muted"))
    return words


def _differences(each: CatalogueObject, choice: ObjectChoice) -> list[str]:
    """In what a chosen object differs at the destination: its name there, and what else in a word or two."""
    if not choice.differs or not choice.has(each):
        return []
    name = name_there(each, choice)
    found = [] if name == each.name else [f"→ {one_line(name)}"]
    return found + (describe_edit(choice.table(each.schema, each.name)) if each.kind == "table" else [])


def name_there(each: CatalogueObject, choice: ObjectChoice) -> str:
    """What it is called at the destination; of functions, whatever their arguments, the name."""
    name = ObjectName(each.schema, each.name)
    match each.kind:
        case "function":
            return choice.names.function(FunctionName(each.schema, each.name, ())).name
        case "sequence" if each.parent is not None:
            return choice.names.sequence(name, TableName(each.parent.schema, each.parent.name)).name
    return choice.names.object(name).name


def _rows(line: Line, choice: ObjectChoice, tally: Tally) -> str:
    each = line.object
    if each is None:
        return _estimate(tally) if line.node.kind in (None, "table") else ""
    if each.partitioned:
        return _estimate(tally_of(choice.catalogue.descendants(each)))
    if each.kind not in ("table", "materialized view"):
        return ""
    return "?" if each.rows is None else describe_count(each.rows)


def _estimate(tally: Tally) -> str:
    return "?" if tally.tables and tally.unestimated == tally.tables else describe_count(tally.rows)


def _bytes(line: Line, choice: ObjectChoice, tally: Tally) -> str:
    found = _size(line, choice, tally)
    return "" if found is None else describe_bytes(found)


def _size(line: Line, choice: ObjectChoice, tally: Tally) -> int | None:
    """In bytes; None for what holds no rows."""
    each = line.object
    if each is None:
        return tally.bytes if line.node.kind in (None, "table") else None
    if each.partitioned:
        return tally_of(choice.catalogue.descendants(each)).bytes
    return each.bytes if each.kind in ("table", "materialized view") else None


def _bar(line: Line, choice: ObjectChoice, tally: Tally) -> str:
    """The size of tables against that of the largest one; of schemas and kinds none, which would dwarf them."""
    size = _size(line, choice, tally) if line.object is not None or line.members else None
    largest = choice.catalogue.largest_bytes
    if not size or not largest:
        return " " * BAR_WIDTH
    eighths = max(1, round(min(1.0, size / largest) * 8 * (BAR_WIDTH - 1)))
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + (_EIGHTHS[rest] if rest else "")).ljust(BAR_WIDTH)


def _tally(line: Line, choice: ObjectChoice, *, ticks: bool) -> Tally:
    """What a schema or a mass has; in a list of the chosen, what is chosen of it."""
    if line.members:
        return tally_of(line.members)
    schema = line.node.schema
    return choice.catalogue.tallies.get(schema, Tally()) if ticks else choice.view(schema).tally


def describe_tally(tally: Tally) -> str:
    """How much is chosen, in one line.

    >>> describe_tally(Tally(objects=3, tables=2, rows=1000, bytes=4_096_000, unestimated=1))
    '3 objects · 2 tables · about 1,000 rows, 1 table not counted · 4.1 MB'
    """
    if not tally.objects:
        return "nothing"
    rows = f"about {describe_count(tally.rows)} rows"
    if tally.unestimated:
        rows += f", {counted(tally.unestimated, 'table')} not counted"
    objects = f"{tally.objects:,} object{'' if tally.objects == 1 else 's'}"
    return f"{objects} · {counted(tally.tables, 'table')} · {rows} · {describe_bytes(tally.bytes)}"

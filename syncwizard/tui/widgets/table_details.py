"""The table under the cursor in words: its columns with their types, the key, what is indexed. Pure; drawn as lines."""

from rich.cells import cell_len

from syncwizard.task.drafting.catalogue import CatalogueObject, ColumnFacts, IndexFacts
from syncwizard.task.drafting.choice import ObjectChoice
from syncwizard.task.drafting.price import VECTOR_METHODS
from syncwizard.task.objects import TableObject
from syncwizard.task.text import one_line
from syncwizard.tui.formatting import Part, Tone
from syncwizard.tui.widgets.object_line import fit

# A schema that every server with pgvector has it in says nothing.
_USUAL = "public."


def describe_table(each: CatalogueObject, choice: ObjectChoice, width: int, height: int) -> list[list[Part]]:
    """As many lines as there is room for; the last says what is missing."""
    columns = choice.catalogue.columns_of.get(each.relation, ())
    indexes = choice.catalogue.indexes_of.get(each.relation, ())
    entry = choice.table(each.schema, each.name) if choice.differs and choice.has(each) else None
    name_width = min(max((cell_len(one_line(column.name)) for column in columns), default=0), width * 2 // 5)
    lines = [_column(column, entry, name_width, width) for column in columns]
    lines += [_index(index, width) for index in indexes if not _is_key(index, columns)]
    if len(lines) <= height:
        return lines
    more = len(lines) - height + 1
    return [*lines[: height - 1], [(fit(f"… and {more:,} more; e shows all columns", width), "muted")]]


def _is_key(index: IndexFacts, columns: tuple[ColumnFacts, ...]) -> bool:
    """Whether the columns say it already."""
    return index.unique and index.columns == ", ".join(column.name for column in columns if column.of_key)


def _column(column: ColumnFacts, entry: TableObject | None, name_width: int, width: int) -> list[Part]:
    name = fit(one_line(column.name), name_width)
    kind = column.type.removeprefix(_USUAL)
    marks: list[Part] = []
    if column.of_key:
        marks.append(("  key", "good"))
    if column.computed:
        marks.append(("  computed there", "muted"))
    if entry is not None and column.name in entry.exclude_columns:
        marks.append(("  stays behind", "warn"))
    elif entry is not None and entry.columns.get(column.name, column.name) != column.name:
        marks.append((f"  → {one_line(entry.columns[column.name])}", "accent"))
    room = width - name_width - 2 - sum(cell_len(text) for text, _ in marks)
    lead = f"{name}{' ' * (name_width - cell_len(name) + 2)}"
    vector = kind.startswith(("vector", "halfvec", "sparsevec"))
    return [(lead, "plain"), (fit(kind, room), "accent" if vector else "muted"), *marks]


def _index(index: IndexFacts, width: int) -> list[Part]:
    words = f"{'unique ' if index.unique else ''}{index.method} ({one_line(index.columns)})"
    tone: Tone = "accent" if index.method in VECTOR_METHODS else "muted"
    return [("index ", "muted"), (fit(words, width - len("index ")), tone)]

"""What differs at the destination, question by question: names, columns that stay behind, rows."""

import msgspec

from syncwizard.cli.output import say
from syncwizard.cli.plain.asking import agree, ask_optional, ask_right, names_in
from syncwizard.rows.as_typed import filter_problem, shape_of
from syncwizard.task.drafting.catalogue import CatalogueObject
from syncwizard.task.drafting.choice import ObjectChoice
from syncwizard.task.drafting.schema_edit import SchemaEdit, schema_problem
from syncwizard.task.drafting.table_answers import edit_of, taken_beside, with_answer
from syncwizard.task.drafting.table_edit import TableEdit, must_travel
from syncwizard.task.names import TableName


def ask_edits(choice: ObjectChoice) -> ObjectChoice:
    """Asks for schemas and tables that are to arrive otherwise; most tasks have none."""
    if not agree("Give schemas or tables other names, leave columns out, or filter rows?", default=choice.differs):
        return choice
    for schema in list(choice.schemas):
        choice = _ask_schema(choice, schema)
    tables = _tables(choice)
    while name := ask_optional("Table to change, as schema.table").strip():
        if name not in tables:
            say(f"no table {name} is chosen")
            continue
        choice = _ask_table(choice, tables[name])
    return choice


def _tables(choice: ObjectChoice) -> dict[str, CatalogueObject]:
    chosen = (each for schema in choice.schemas for each in choice.view(schema).chosen.get("table", ()))
    return {f"{each.schema}.{each.name}": each for each in chosen if not each.obstacle}


def _ask_schema(choice: ObjectChoice, schema: str) -> ObjectChoice:
    own = choice.names.schema(schema)

    def problem(name: str) -> str:
        return schema_problem(SchemaEdit(schema=schema, name=name))

    name = ask_right(f"Name of schema {schema} at the destination", own, problem)
    # The name that capitalization makes is no name of its own.
    return choice if name == own else choice.with_name(schema, name)


def _ask_table(choice: ObjectChoice, table: CatalogueObject) -> ObjectChoice:
    """The answers there are already are offered."""
    edit, taken = edit_of(table, choice), taken_beside(table, choice)
    shape = shape_of(TableName(table.schema, table.name), edit.columns)
    listed = ", ".join(f"{name} {kind}" for name, kind in shape.columns.items())
    say(f"Columns of {table.schema}.{table.name}: {listed}")

    def name_problem(name: str) -> str:
        return msgspec.structs.replace(edit, name=name).name_problem(taken)

    edit = msgspec.structs.replace(edit, name=ask_right("Name at the destination", edit.name, name_problem))
    edit = _ask_columns(edit)

    def condition_problem(text: str) -> str:
        return "" if text == "-" else filter_problem(text, shape)

    condition = ask_right("Rows that travel, as an SQL condition (- for all)", edit.where or "-", condition_problem)
    edit = msgspec.structs.replace(edit, where="" if condition == "-" else condition)
    return with_answer(choice, table, edit.to_object())


def _ask_columns(edit: TableEdit) -> TableEdit:
    """Until both answers are right together."""
    columns = {each.name: each for each in edit.columns}
    while True:
        left = names_in(ask_optional("Columns that stay behind, with commas between", ", ".join(sorted(edit.left_out))))
        given = ", ".join(f"{name}={new}" for name, new in edit.names.items())
        pairs = [
            pair.partition("=")[::2] for pair in names_in(ask_optional("Columns with other names, as old=new", given))
        ]
        answered = msgspec.structs.replace(edit, left_out=frozenset(left), names={})
        for name, new in pairs:
            answered = answered.renamed(name.strip(), new.strip())
        unknown = [name for name in (*left, *(name.strip() for name, _ in pairs)) if name not in columns]
        reasons = {name: must_travel(columns[name]) for name in left if name in columns}
        fixed = [f"{name}: {reason}" for name, reason in reasons.items() if reason]
        problem = ": ".join(filter(None, answered.columns_problem))
        if unknown:
            say(f"wrong: the table has no column {', '.join(unknown)}")
        elif fixed or problem:
            say(f"wrong: {fixed[0] if fixed else problem}")
        else:
            return answered

"""What is copied, question by question: schemas, what of them stays behind, what exists at the destination. In what it
differs there, `edits` asks."""

from typing import cast

from syncwizard.cli.output import say
from syncwizard.cli.plain.asking import ask, choose, names_in
from syncwizard.cli.plain.edits import ask_edits
from syncwizard.client import credentials, probes
from syncwizard.task.drafting.catalogue import Catalogue, CatalogueNews, assemble
from syncwizard.task.drafting.choice import ObjectChoice
from syncwizard.task.drafting.choice_advice import advise
from syncwizard.task.drafting.draft import TaskDraft
from syncwizard.task.drafting.price import describe_price, price_of
from syncwizard.task.handover import Handover
from syncwizard.task.specification import ConflictMode
from syncwizard.task.text import counted, describe_bytes, describe_count

_CONFLICTS = (
    ("report", "the precheck stops where a table is there already"),
    ("ignore", "tables that are there are used; rows whose key they have stay"),
)


def ask_objects(draft: TaskDraft, typed: Handover) -> TaskDraft:
    """Lists the source, and asks what of it; raises what the listing ends with."""
    say("Reading what the source has")
    catalogue = _listed(draft, typed)
    choice = ObjectChoice.from_objects(catalogue, draft.objects, draft.capitalization)
    while True:
        choice = _ask_tables(_ask_schemas(choice))
        if choice.tally.tables:
            break
        say("no table is chosen: a task copies and follows the rows of tables")
        choice = ObjectChoice(catalogue=catalogue)
    choice = ask_edits(choice)
    draft = draft.with_value("objects", choice.to_objects())
    tally = choice.tally
    tables, rows = counted(tally.tables, "table"), describe_count(tally.rows)
    say(f"Chosen: {tables}, about {rows} rows, {describe_bytes(tally.bytes)}")
    if price := describe_price(price_of(choice), draft.types):
        say(price)
    for advice in advise(choice):
        say(f"{'mind' if advice.warning else 'to know'}: {advice.message}")
    conflicts = choose("Tables that the destination has already", _CONFLICTS, draft.conflicts)
    return draft.with_value("conflicts", cast(ConflictMode, conflicts))


def _listed(draft: TaskDraft, typed: Handover) -> Catalogue:
    spec = draft.to_spec()
    news: list[CatalogueNews] = []
    probes.catalogue(spec, credentials.collect(spec, typed)).run(news.append)
    return assemble(news)


def _ask_schemas(choice: ObjectChoice) -> ObjectChoice:
    """Whole schemas; those of a draft are offered."""
    schemas = list(choice.catalogue.by_kind)
    say(f"The source has {counted(len(schemas), 'schema')}:")
    for schema in schemas:
        tally = choice.catalogue.tallies[schema]
        say(f"  {schema}: {counted(tally.tables, 'table')}, {describe_bytes(tally.bytes)}")
    chosen = [schema for schema in schemas if schema in choice.schemas]
    while True:
        answer = ask("Schemas to synchronize, with commas between, or all", ", ".join(chosen) or "all")
        names = schemas if answer == "all" else names_in(answer)
        if not (unknown := [name for name in names if name not in schemas]):
            break
        say(f"the source has no schema {', '.join(unknown)}")
    for schema in schemas:
        if (schema in choice.schemas) != (schema in names):
            choice = choice.with_schema(schema, schema in names)
    return choice


def _ask_tables(choice: ObjectChoice) -> ObjectChoice:
    """What of the chosen schemas stays behind."""
    for schema in list(choice.schemas):
        tables = {each.name: each for each in choice.catalogue.by_kind.get(schema, {}).get("table", ())}
        if not tables:
            continue
        say(f"Tables of {schema}: {', '.join(tables)}")
        while True:
            left = ", ".join(name for name, each in tables.items() if not choice.has(each) and not each.obstacle)
            names = names_in(ask(f"Tables of {schema} that stay behind, with commas between (- for none)", left or "-"))
            names = [] if names == ["-"] else names
            if not (unknown := [name for name in names if name not in tables]):
                break
            say(f"{schema} has no table {', '.join(unknown)}")
        usable = {name: each for name, each in tables.items() if not each.obstacle}
        choice = choice.with_objects(
            [each for name, each in usable.items() if name not in names and not choice.has(each)], True
        )
        choice = choice.with_objects(
            [each for name, each in tables.items() if name in names and choice.has(each)], False
        )
    return choice

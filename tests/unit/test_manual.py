"""The manual is complete and true: rules, commands, keys, exit codes, items, states, links; README leads into it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import click
import msgspec
import pytest
from click.testing import CliRunner
from textual._slug import TrackedSlugs

import syncwizard
from syncwizard import errors, manual
from syncwizard.cli.main import COMMANDS, commands
from syncwizard.rows.etl.parsing import parse
from syncwizard.rows.etl.table import tables
from syncwizard.rows.rule_syntax import rule_problems
from syncwizard.stages.precheck import item_names
from syncwizard.task import file, stages
from syncwizard.task.figures.openmetrics import METRICS
from syncwizard.task.specification import TaskSpec
from syncwizard.task.state import StateName
from syncwizard.tui.actions import ACTIONS, display_key

PACKAGE = Path(syncwizard.__file__).parent
ROOT = PACKAGE.parent
README = ROOT / "README.md"
DESIGN = manual.read("design")
COMMANDS_TOPIC = manual.read("commands")
TASK_FILE = manual.read("task-file")
# Of a list of topics in 80 columns, behind the names.
ABOUT_COLUMNS = 80 - 2 - max(map(len, manual.NAMES))
# Given by `release` where something is left over.
LEFT_OVER = 7
INTERRUPTED = 130

PAGES = {README: README.read_text(encoding="utf-8")} | {
    PACKAGE / "manual" / f"{name}.md": manual.read(name) for name in manual.NAMES
}


def _rules() -> set[int]:
    return {int(number) for number in re.findall(r"^\*\*Rule (\d+)\.", DESIGN, re.MULTILINE)}


def _cited(text: str) -> set[int]:
    """The numbers of `rule 3`, `rules 3, 7` and `rules 5, 6 and 13`."""
    groups = re.findall(r"\brules? (\d+(?:(?:, | and )\d+)*)", text, re.IGNORECASE)
    return {int(number) for group in groups for number in re.findall(r"\d+", group)}


def test_citations_are_read_in_every_form() -> None:
    assert _cited("(DESIGN rules 5, 6 and 13), Rule 12: the rules of rule 9") == {5, 6, 9, 12, 13}


def test_every_rule_that_the_code_cites_is_in_the_design() -> None:
    rules = _rules()
    assert rules == set(range(1, max(rules) + 1))
    paths = [
        path for folder in (PACKAGE, ROOT / "tests") for path in folder.rglob("*") if path.suffix in (".py", ".sql")
    ]
    cited = {path: _cited(path.read_text(encoding="utf-8")) for path in paths if path != Path(__file__)}
    assert any(cited.values())
    assert {str(path): numbers - rules for path, numbers in cited.items() if numbers - rules} == {}


def test_the_rules_that_a_topic_cites_are_in_the_design() -> None:
    assert {number for text in PAGES.values() for number in _cited(text)} <= _rules()


def test_every_file_that_the_recipes_name_exists() -> None:
    recipes = DESIGN.split("## Recipes")[1].split("## Glossary")[0]
    paths = re.findall(r"`([a-z_]+(?:/[a-z_.]+)*(?:\.\w+|/[a-z_]+))`", recipes)
    named = [path for path in paths if "/" in path or path.endswith(".py")]
    assert len(named) > 15
    assert [path for path in named if not (PACKAGE / path).exists()] == []


@pytest.mark.parametrize("name", ["ACTIONS", "AnyEvent", "CHILD_MODULES", "COMMANDS", "NAMES", "STAGES", "_CLASSES"])
def test_every_registry_that_the_recipes_name_is_where_they_say(name: str) -> None:
    path = re.search(rf"`{name}`[^`]*(?:`\w+`[^`]*)?`([a-z_/]+\.py)`", DESIGN)
    assert path is not None
    assert re.search(rf"^{name}\b.*=", (PACKAGE / path[1]).read_text(encoding="utf-8"), re.MULTILINE)


def test_every_topic_is_a_file_and_every_file_a_topic_with_a_line_about_it() -> None:
    assert sorted(path.stem for path in (PACKAGE / "manual").glob("*.md")) == sorted(manual.NAMES)
    for topic in manual.topics():
        assert topic.title and topic.about.endswith(".") and len(topic.about) <= ABOUT_COLUMNS
        assert f"[{topic.name}](syncwizard/manual/{topic.name}.md) | {topic.about} |" in PAGES[README]


def test_every_link_leads_somewhere() -> None:
    wrong = []
    for page, text in PAGES.items():
        for target in re.findall(r"\]\(([^)]+)\)", text):
            path, _, anchor = target.partition("#")
            found = (page.parent / path).resolve() if path else page
            anchors = [manual.anchor_of(line) for line in re.findall(r"^#+ (.*)$", PAGES.get(found, ""), re.MULTILINE)]
            if not found.is_file() or (anchor and anchor not in anchors):
                wrong.append(f"{page.name}: {target}")
    assert wrong == []


@pytest.mark.parametrize("name", manual.NAMES)
def test_examples_fit_into_80_columns(name: str) -> None:
    """The screens put frames and margins around them."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", manual.read(name), re.DOTALL | re.MULTILINE)
    assert [line for block in blocks for line in block.splitlines() if len(line) > 76] == []


def test_no_topic_links_to_what_is_not_in_the_package() -> None:
    """Pictures and the files beside README are not shipped."""
    for name in manual.NAMES:
        targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", manual.read(name))]
        assert [target for target in targets if target and target.removesuffix(".md") not in manual.NAMES] == []


@pytest.mark.parametrize("name", manual.NAMES)
def test_anchors_are_those_that_the_screens_find(name: str) -> None:
    slugs = TrackedSlugs()
    assert [heading.anchor for heading in manual.headings(name)] == [
        slugs.slug(heading.text) for heading in manual.headings(name)
    ]


def test_the_commands_are_those_there_are() -> None:
    assert re.findall(r"^\| `([a-z]+) ", COMMANDS_TOPIC, re.MULTILINE) == list(COMMANDS)


def test_every_option_of_every_command_is_documented() -> None:
    missing = []
    for name in COMMANDS:
        command = commands.get_command(click.Context(commands), name)
        assert command is not None
        for each in [command, *(command.commands.values() if isinstance(command, click.Group) else ())]:
            options = [parameter for parameter in each.params if isinstance(parameter, click.Option)]
            missing += [f"{name} {option.opts[0]}" for option in options if f"{option.opts[0]}" not in COMMANDS_TOPIC]
    assert missing == []


def test_the_exit_codes_are_those_of_the_errors() -> None:
    table = COMMANDS_TOPIC.split("| exit code | meaning |")[1].split("\n\n")[0]
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    codes = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.SyncwizardError)
    }
    assert documented == codes | {0, LEFT_OVER, INTERRUPTED}


def _structs(kind: Any) -> Iterator[type[msgspec.Struct]]:
    """The parts of the task file's type, itself first."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
        for hint in get_type_hints(kind).values():
            yield from _structs(hint)
    for argument in get_args(kind):
        yield from _structs(argument)


@pytest.mark.parametrize("struct", dict.fromkeys(_structs(TaskSpec)))
def test_every_key_of_a_task_file_is_in_the_table_and_in_the_example(struct: type[msgspec.Struct]) -> None:
    example = re.findall(r"```yaml\n(.*?)```", TASK_FILE, re.DOTALL)[1]
    tables = TASK_FILE.split("\n## Keys\n")[1]
    for field in msgspec.structs.fields(struct):
        assert re.search(rf"`[^`]*\b{field.encode_name}\b[^`]*`", tables), field.name
        # A saved connection and a service take the place of other keys; the screens write when a warning was accepted.
        if field.name not in ("connection", "service", "item", "accepted_at", "accepted_by", "detail"):
            assert re.search(rf"\b{field.encode_name}:", example), field.name


@pytest.mark.parametrize("page", [README, PACKAGE / "manual" / "task-file.md"], ids=["README", "task-file"])
def test_every_task_file_that_is_shown_is_valid(page: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", PAGES[page], re.DOTALL)
    assert blocks
    for block in blocks:
        assert file.parse(block, page).objects


def test_the_tables_of_functions_are_those_of_the_language() -> None:
    assert manual.read("rows").endswith(tables())


def test_the_example_of_rows_and_values_is_valid_and_its_scripts_are_read() -> None:
    [example] = re.findall(r"```yaml\n(.*?)```", manual.read("rows"), re.DOTALL)
    spec = file.parse(example, Path("rows.md"))
    assert list(rule_problems(spec)) == []
    for script in re.findall(r"`((?:e_|script:)[a-z_]*\(.*\))`", manual.read("rows").split("## Functions")[0]):
        assert parse(script.replace("``", "`"))


def test_every_precheck_item_is_documented() -> None:
    table = manual.read("preparing").split("## The precheck")[1]
    items = [name for row in re.findall(r"^\| (`[a-z-`, ]+) \|", table, re.MULTILINE) for name in row.split(", ")]
    assert sorted(name.strip("`") for name in items) == sorted(item_names())


def test_stages_and_states_are_documented() -> None:
    text = manual.read("first-steps")
    table = text.split("## What a task does")[1].split("## States")[0]
    assert tuple(re.findall(r"^\| ([a-z][a-z-]+) \|", table, re.MULTILINE)[1:]) == stages.STAGES
    states = text.split("## States")[1].split("## ")[0]
    assert [
        state for state in get_args(StateName) if not re.search(rf"^\|.*\b{state}\b.*\|", states, re.MULTILINE)
    ] == []


def test_the_keys_of_the_screens_are_those_of_the_actions() -> None:
    text = manual.read("screens")
    for action in ACTIONS.values():
        if action.show and action.id.partition(".")[0] in ("app", "tasks", "wizard", "monitor", "manual"):
            key = display_key(action.key.partition(",")[0])
            assert re.search(rf"^\|.*(`{re.escape(key)}`|\b{re.escape(key)}\b)", text, re.MULTILINE), action.id


def test_a_topic_that_there_is_not_is_answered_with_the_nearest() -> None:
    with pytest.raises(errors.UsageError) as caught:
        manual.read("comands")
    assert str(caught.value.remedy) == "did you mean `commands`?"
    with pytest.raises(errors.UsageError) as caught:
        manual.read("../__init__")
    assert str(caught.value.remedy) == f"the topics are: {', '.join(manual.NAMES)}"


def test_headings_in_examples_are_no_headings() -> None:
    assert "\n# until every commit of this moment" in manual.read("first-steps")
    assert [heading.text for heading in manual.headings("first-steps") if heading.level == 1] == ["First steps"]


def test_a_search_finds_lines_with_all_words_under_their_heading() -> None:
    hits = manual.search("RELOAD_conf takes")
    assert [(hit.topic, hit.heading.text) for hit in hits] == [("preparing", "pg_hba.conf")]
    assert manual.search("pg_reload_conf publication") == []
    assert manual.search("  ") == []


def test_the_manual_uses_plain_words() -> None:
    """STYLE: no private jargon, and no person where there is none."""
    for page, text in PAGES.items():
        found = re.findall(r"\b(nobody|somebody|whoever|told|said|mend\w*|the way on)\b", text, re.IGNORECASE)
        assert not found, (page.name, found)


def test_the_precheck_item_that_the_demo_accepts_exists() -> None:
    from syncwizard.demo.preparation import ACCEPTED

    assert ACCEPTED in item_names()


def test_the_dashboard_shows_every_metric_with_its_labels_and_no_other() -> None:
    content = json.loads(CliRunner().invoke(commands, ["manual", "--dashboard"]).stdout)
    shown = [target["expr"] for panel in content["panels"] for target in panel["targets"]]
    shown += [variable["query"] for variable in content["templating"]["list"]]
    named = set(re.findall(r"\bsyncwizard_\w+", "\n".join(shown)))
    assert named == {metric.series for metric in METRICS}
    labels = {
        label
        for panel in content["panels"]
        for target in panel["targets"]
        for label in re.findall(r"{{(\w+)}}", target["legendFormat"])
    }
    assert labels == {"task", "state", "status", "kind", "verdict", "stage"}
    assert len({panel["id"] for panel in content["panels"]}) == len(content["panels"])

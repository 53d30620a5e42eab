"""A setting is one declaration: draft, file, rules, summary and manual follow from it."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest

from syncwizard import manual
from syncwizard.client import drafts
from syncwizard.errors import TaskFileError
from syncwizard.task import file
from syncwizard.task.drafting.draft import TaskDraft
from syncwizard.task.drafting.endpoint_draft import EndpointDraft
from syncwizard.task.settings import (
    Declared,
    Group,
    Setting,
    built,
    declared,
    markdown_table,
    sentences,
    texts_of,
    value_at,
)
from syncwizard.task.specification import SETTINGS, SchemaObjects

END = EndpointDraft(host="db1", database="kb")
DRAFT = TaskDraft(name="kb", named=True, source=END, destination=END, objects=[SchemaObjects(schema="public")])
BEYOND = [
    pytest.param(each, number, id=f"{each.path}={number}")
    for each in SETTINGS
    for limit, step in ((each.setting.low, -1), (each.setting.high, 1))
    if limit is not None
    for number in (limit + step,)
]
BETWEEN = "advanced.throttle.quiet.between"
EACH = pytest.mark.parametrize("each", SETTINGS, ids=[each.path for each in SETTINGS])


def other_value(each: Declared) -> str:
    """A text that is allowed and not the default."""
    if each.setting.example:
        return each.setting.example
    if each.number and each.default in each.choices:
        return str(each.setting.low)
    if each.number:
        return str(each.default - 1 if each.default == each.setting.high else each.default + 1)
    return next((word for word in each.choices if word != each.default), "text")


def with_companion(draft: TaskDraft, each: Declared) -> TaskDraft:
    """The draft with what the setting needs beside it: limits of quiet hours have hours."""
    needed = each.path.startswith("advanced.throttle.quiet.") and each.path != BETWEEN
    return draft.with_value(BETWEEN, "22:00-06:00") if needed else draft


@EACH
def test_a_setting_goes_from_the_draft_to_the_file_and_back(each: Declared, tmp_path: Path) -> None:
    text, path = other_value(each), tmp_path / "kb.yaml"
    draft = with_companion(DRAFT.with_value(each.path, text), each)
    assert draft.problems("advanced") == []
    file.save(draft.to_spec(), path)
    again = TaskDraft.from_spec(file.load(path))
    assert again.value(each.path) == text
    others = [other.path for other in SETTINGS if other is not each and other.path != BETWEEN]
    assert [again.value(other) for other in others] == [TaskDraft().value(other) for other in others]


@pytest.mark.parametrize(("each", "number"), BEYOND)
def test_a_number_out_of_range_is_refused_at_its_field_and_in_the_file(
    each: Declared, number: int, tmp_path: Path
) -> None:
    wrong = DRAFT.with_value(each.path, str(number))
    at_field = next(problem for problem in wrong.problems("advanced") if problem.path == each.path)
    path = tmp_path / "kb.yaml"
    file.save(wrong.to_spec(), path)
    with pytest.raises(TaskFileError) as refused:
        file.load(path)
    assert each.path in f"{refused.value.where} {refused.value.detail}"
    assert at_field.message in f"{refused.value} {refused.value.detail}"
    assert each.setting.unit in at_field.message


@EACH
def test_a_setting_has_its_words(each: Declared) -> None:
    assert each.setting.label and each.setting.help and each.group is not None
    assert each.problem(each.default) == ""


def test_the_manual_lists_every_setting() -> None:
    assert markdown_table(SETTINGS).strip() in manual.read("task-file")


def test_a_draft_of_an_older_version_keeps_its_settings(state_home: Path) -> None:
    drafts.save(DRAFT)
    [path] = state_home.rglob("*.json")
    data = msgspec.json.decode(path.read_bytes())
    del data["advanced"]
    path.write_bytes(msgspec.json.encode({**data, "connection_minutes": "33", "other_minutes": "x"}))
    [kept] = drafts.list_drafts()
    assert kept.draft.value("advanced.retry.connection_minutes") == "33"
    assert kept.draft.value("advanced.retry.other_minutes") == "x"


class Throttle(msgspec.Struct, frozen=True, kw_only=True):
    """A group that stands in two places."""

    rows_per_second: Annotated[int, Setting(label="Rows", help="…", sentence="{} rows/s", unit="rows a second")] = 0


class Throttles(msgspec.Struct, frozen=True, kw_only=True):
    """Two groups of the same names."""

    full: Annotated[Throttle, Group(heading="The copy", title="Copy")] = Throttle()
    incremental: Annotated[Throttle, Group(heading="Changes", title="Changes")] = Throttle()


class Many(msgspec.Struct, frozen=True, kw_only=True):
    """What settings may be: numbers, words, either, yes or no, text."""

    throttle: Throttles = Throttles()
    workers: Annotated[int | Literal["auto"], Setting(label="Workers", help="…", low=1, high=64)] = "auto"
    tag: Annotated[Literal["none", "normal"], Setting(label="Tag", help="…")] = "none"
    reverse: Annotated[bool, Setting(label="Reverse", help="…")] = False
    etl: Annotated[str | None, Setting(label="ETL", help="…")] = None


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """The specification, as far as it matters here."""

    advanced: Many = Many()


MANY = declared(Many, "advanced")


def test_settings_of_one_name_in_two_groups_are_two() -> None:
    texts = {"advanced.throttle.full.rows_per_second": "5", "advanced.throttle.incremental.rows_per_second": "7"}
    many = built(Many, "advanced", MANY, texts)
    assert (many.throttle.full.rows_per_second, many.throttle.incremental.rows_per_second) == (5, 7)
    assert sentences(Around(advanced=many), MANY) == [("Copy", "5 rows/s"), ("Changes", "7 rows/s")]


def test_settings_of_every_kind_are_read_and_written() -> None:
    many = Many(workers=3, tag="normal", reverse=True, etl="script:x")
    assert built(Many, "advanced", MANY, texts_of(Around(advanced=many), MANY)) == many
    assert built(Many, "advanced", MANY, texts_of(Around(), MANY)) == Many()
    assert msgspec.json.decode(msgspec.json.encode(many), type=Many) == many


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("advanced.workers", "65", "must be from 1 to 64 or auto"),
        ("advanced.workers", "some", "must be from 1 to 64 or auto"),
        ("advanced.tag", "other", "must be none or normal"),
        ("advanced.throttle.full.rows_per_second", "x", "must be 0 or more rows a second"),
    ],
)
def test_a_value_that_is_not_allowed_says_what_is(path: str, text: str, message: str) -> None:
    [each] = [each for each in MANY if each.path == path]
    found = value_at(Around(advanced=built(Many, "advanced", MANY, {path: text})), path)
    assert each.problem(found) == message


def test_a_field_without_words_is_no_setting() -> None:
    class Bare(msgspec.Struct):
        number: int = 0

    with pytest.raises(TypeError, match=r"advanced\.number has no Setting"):
        declared(Bare, "advanced")

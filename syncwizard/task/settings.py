"""Settings with a default, each declared once beside its field of the specification; pure.

`Annotated[int, Setting(label=…, unit=…, low=…, high=…)]` is all that a new one takes: the draft, the rules, the step of
the wizard, the summary and the table of the manual read it from there. A field whose type is a struct is a group.
"""

import keyword
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, TypeVar

import msgspec

Root = TypeVar("Root", bound=msgspec.Struct)


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """The words and limits of one setting.

    - `label`, `help`: its name in a form, and what it is for.
    - `sentence`: its value in a sentence, as `a lost connection {} min`; the summary leaves it out when empty.
    - `unit`, `low`, `high`: of a number; both limits are allowed values.
    - `own_form`: edited by a form of its own, and not in the list of settings.
    - `example`: a value of a text, and `rule`: what is wrong with one, empty where nothing is.
    """

    label: str
    help: str
    sentence: str = ""
    unit: str = ""
    low: int | None = None
    high: int | None = None
    own_form: bool = False
    example: str = ""
    rule: Callable[[str], str] | None = None


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """The words of several settings: `heading` over them in a form, `title` before them in a summary."""

    heading: str
    title: str


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """A setting where it stands: `path` as in `advanced.retry.connection_minutes`, `choices` the words it may be."""

    path: str
    setting: Setting
    group: Group | None
    default: Any
    number: bool
    free: bool
    choices: tuple[str, ...]

    @property
    def limits(self) -> str:
        """Unit, range or words, and default."""
        example = f"such as `{self.setting.example}`" if self.setting.example else ""
        parts = [self.setting.unit, self._allowed(), example, f"default {text_of(self.default)}"]
        return " · ".join(part for part in parts if part and part != "default ")

    def read(self, text: str) -> Any:
        """The value that was typed; one that `problem` objects to where the text is none."""
        text = text.strip()
        if text in self.choices:
            return text == "true" if self.choices == BOOLEAN else text
        if self.number:
            digits = text.isascii() and text.isdigit()
            return int(text) if digits else (self.setting.low or 0) - 1
        return text if text or self.default is not None else None

    def problem(self, value: Any) -> str:
        """What is wrong with the value; empty where nothing is."""
        if isinstance(value, bool):
            return ""
        if self.setting.rule is not None and isinstance(value, str):
            return self.setting.rule(value)
        if isinstance(value, int):
            low, high = self.setting.low, self.setting.high
            right = value >= (low or 0) and (high is None or value <= high)
        else:
            right = self.free or value in self.choices
        return "" if right else " ".join(part for part in ("must be", self._allowed(), self.setting.unit) if part)

    def _allowed(self) -> str:
        """
        >>> int_or_word = Declared(path="p", setting=Setting(label="", help="", low=1, high=8), group=None,
        ...     default="auto", number=True, free=False, choices=("auto",))
        >>> int_or_word.problem(9), int_or_word.problem(int_or_word.read("auto"))
        ('must be from 1 to 8 or auto', '')
        """
        parts = []
        if self.number:
            low, high = self.setting.low or 0, self.setting.high
            parts.append(f"from {low} to {high}" if high is not None else f"{low} or more")
        return " or ".join([*parts, *self.choices])


BOOLEAN = ("true", "false")


def text_of(value: Any) -> str:
    """The value as it is typed.

    >>> text_of(720), text_of(True), text_of(None)
    ('720', 'true', '')
    """
    if isinstance(value, bool):
        return BOOLEAN[0] if value else BOOLEAN[1]
    return "" if value is None else str(value)


def declared(root: type[msgspec.Struct], path: str) -> tuple[Declared, ...]:
    """Every setting below the struct that stands at the path, in the order of the fields.

    Raises TypeError for a field that is neither a group nor has a `Setting`.
    """
    return tuple(_walk(root, path, None))


def _walk(struct: type[msgspec.Struct], path: str, group: Group | None) -> Iterator[Declared]:
    hints = typing.get_type_hints(struct, include_extras=True)
    for field in msgspec.structs.fields(struct):
        hint, here = hints[field.name], f"{path}.{field.encode_name}"
        kind, *extras = typing.get_args(hint) if typing.get_origin(hint) is typing.Annotated else (hint,)
        named = next((extra for extra in extras if isinstance(extra, Group)), group)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            yield from _walk(kind, here, named)
            continue
        setting = next((extra for extra in extras if isinstance(extra, Setting)), None)
        if setting is None:
            raise TypeError(f"{here} has no Setting")
        union = typing.get_origin(kind) in (typing.Union, types.UnionType)
        members = typing.get_args(kind) if union else (kind,)
        words = [str(word) for each in members if typing.get_origin(each) is Literal for word in typing.get_args(each)]
        yield Declared(
            path=here,
            setting=setting,
            group=named,
            default=field.default,
            number=int in members,
            free=str in members,
            choices=BOOLEAN if bool in members else tuple(words),
        )


def value_at(root: object, path: str) -> Any:
    """What stands at the path below the object, every name of it followed."""
    for name in path.split("."):
        # A word of Python's is written with a line behind it there.
        root = getattr(root, f"{name}_" if keyword.iskeyword(name) else name)
    return root


def texts_of(root: object, settings: tuple[Declared, ...]) -> dict[str, str]:
    """Every setting of the object as text, by its path."""
    return {each.path: text_of(value_at(root, each.path)) for each in settings}


def built(root: type[Root], path: str, settings: tuple[Declared, ...], texts: Mapping[str, str]) -> Root:
    """The struct that the texts lead to; what none is given for has its default."""
    return _build(root, path, {each.path: each.read(texts[each.path]) for each in settings if each.path in texts})


def _build(struct: type[Root], path: str, values: Mapping[str, Any]) -> Root:
    given: dict[str, Any] = {}
    hints = typing.get_type_hints(struct)
    for field in msgspec.structs.fields(struct):
        here, kind = f"{path}.{field.encode_name}", hints[field.name]
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            given[field.name] = _build(kind, here, values)
        elif here in values:
            given[field.name] = values[here]
    return struct(**given)


def sentences(root: object, settings: tuple[Declared, ...]) -> list[tuple[str, str]]:
    """What the summary says of the settings: the title of a group and its values in words."""
    found: dict[str, list[str]] = {}
    for each in settings:
        if each.group is not None and each.setting.sentence:
            sentence = each.setting.sentence.format(text_of(value_at(root, each.path)))
            found.setdefault(each.group.title, []).append(sentence)
    return [(title, ", ".join(values)) for title, values in found.items()]


def markdown_table(settings: tuple[Declared, ...]) -> str:
    """The settings for the manual, a row each."""
    rows = [f"| `{each.path}` | {each.limits} | {each.setting.help} |" for each in settings]
    return "\n".join(["| setting | values | what it is for |", "| --- | --- | --- |", *rows])

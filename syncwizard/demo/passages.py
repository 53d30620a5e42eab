"""Reads the sample text: the docstrings of the Python standard library, found on every machine, cut into passages."""

import ast
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import msgspec

SENTENCE_END = re.compile(r"(?<=[.!?:])\s+(?=\S)")
# A shorter sentence says too little alone and joins the one before; a longer one is cut between words.
SHORTEST = 25
LONGEST = 400
LEFT_OUT = frozenset({"site-packages", "dist-packages", "test", "tests", "idle_test", "__pycache__"})

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
KINDS: dict[type[ast.AST], str] = {
    ast.Module: "module",
    ast.ClassDef: "class",
    ast.FunctionDef: "function",
    ast.AsyncFunctionDef: "function",
}


class Passage(msgspec.Struct, frozen=True):
    """One piece of a docstring; `subject` is the dotted name of what it describes, `line` where that stands."""

    body: str
    subject: str
    kind: str
    line: int


class Document(msgspec.Struct, frozen=True):
    """One module: its dotted name, its file below the library, and the passages of its docstrings."""

    title: str
    path: str
    passages: tuple[Passage, ...]


def documents(limit: int) -> Iterator[Document]:
    """The modules of the standard library in order of their paths, until there are `limit` passages."""
    library = Path(sysconfig.get_path("stdlib"))
    for path in sorted(library.rglob("*.py")):
        relative = path.relative_to(library)
        if limit <= 0:
            return
        if LEFT_OUT.isdisjoint(relative.parts):
            found = tuple(_passages_of(path, _module_name(relative)))[:limit]
            if found:
                yield Document(_module_name(relative), relative.as_posix(), found)
                limit -= len(found)


def split(text: str) -> list[str]:
    """Sentences of a docstring, none of them empty.

    >>> split("Return the sum.\\n\\nThe numbers are added from left to right, one by one.  See fsum.")
    ['Return the sum.', 'The numbers are added from left to right, one by one. See fsum.']
    """
    pieces: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text):
        sentences: list[str] = []
        for sentence in SENTENCE_END.split(" ".join(paragraph.split())):
            if sentences and len(sentence) < SHORTEST:
                sentences[-1] += f" {sentence}"
            elif sentence:
                sentences += _cut(sentence)
        pieces += sentences
    return pieces


def _cut(sentence: str) -> Iterator[str]:
    while len(sentence) > LONGEST:
        end = sentence.rfind(" ", 0, LONGEST)
        end = end if end > 0 else LONGEST
        yield sentence[:end]
        sentence = sentence[end:].lstrip()
    if sentence:
        yield sentence


def _passages_of(path: Path, module: str) -> Iterator[Passage]:
    """The passages of a file, which is parsed and never imported; what does not parse has none."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return
    yield from _walk(tree, module)


def _walk(node: Documented, name: str) -> Iterator[Passage]:
    text = ast.get_docstring(node)
    if text:
        # Docstrings of codecs hold what no database takes: NUL, halves of surrogate pairs.
        clean = text.replace("\0", "").encode("utf-8", "ignore").decode()
        line = getattr(node, "lineno", 1)
        for piece in split(clean):
            yield Passage(f"{name}: {piece}", name, KINDS[type(node)], line)
    for child in node.body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _walk(child, f"{name}.{child.name}")


def _module_name(relative: Path) -> str:
    parts = relative.with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)

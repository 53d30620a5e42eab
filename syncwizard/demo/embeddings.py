"""Turns text into vectors by feature hashing: no model, no download, the same everywhere, near texts near vectors."""

import math
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from zlib import crc32

from pgvector import Vector

DIMENSIONS = 384

# A pair of words says more about the subject than the letters of one; letters let `sort` meet `sorted`.
WORD_WEIGHT = 1.0
PAIR_WEIGHT = 0.7
TRIGRAM_WEIGHT = 0.25
COMMON_WEIGHT = 0.1
# fmt: off
COMMON_WORDS = frozenset((
    "a", "an", "and", "are", "as", "at", "be", "by", "can", "for", "from", "has", "if", "in", "is", "it", "its",
    "may", "not", "of", "on", "or", "that", "the", "then", "this", "to", "used", "when", "which", "will", "with",
    "you",
))
# fmt: on
WORD = re.compile(r"[a-z0-9]+")


def embed(text: str) -> Vector:
    """The text as a vector of DIMENSIONS numbers and length 1, the same in every process and on every machine.

    Raises ValueError for a text without letters and digits: a cosine needs a direction.

    >>> near = similarity(embed("Sort the list in place."), embed("The list is sorted in place"))
    >>> far = similarity(embed("Sort the list in place."), embed("Open a socket to the server."))
    >>> near > 0.5 > 0.2 > far
    True
    """
    words = WORD.findall(text.lower())
    values = [0.0] * DIMENSIONS
    for word, count in Counter(words).items():
        # Sublinear: a word that stands there ten times is not ten times the subject.
        scale = 1.0 + math.log(count)
        for index, value in _word_features(word):
            values[index] += value * scale
    for pair in pairwise(words):
        index, value = _hashed(" ".join(pair), PAIR_WEIGHT)
        values[index] += value
    length = math.sqrt(math.fsum(value * value for value in values))
    if length == 0.0:
        raise ValueError(f"no direction in {text!r}")
    return Vector([value / length for value in values])


def similarity(one: Vector, other: Vector) -> float:
    """Cosine of two vectors of length 1."""
    return math.fsum(a * b for a, b in zip(one.to_list(), other.to_list(), strict=True))


@cache
def _word_features(word: str) -> tuple[tuple[int, float], ...]:
    """Index and signed weight of a word and of its trigrams; cached, for a text repeats its words."""
    if word in COMMON_WORDS:
        return (_hashed(word, COMMON_WEIGHT),)
    return (_hashed(word, WORD_WEIGHT), *(_hashed(part, TRIGRAM_WEIGHT) for part in _trigrams(word)))


def _trigrams(word: str) -> Iterator[str]:
    """The letters of a longer word, three at a time; the mark in front keeps them apart from words."""
    if len(word) > 3:
        for start in range(len(word) - 2):
            yield f"#{word[start : start + 3]}"


def _hashed(feature: str, weight: float) -> tuple[int, float]:
    """Where a feature goes, and with which sign: collisions cancel out instead of adding up."""
    number = crc32(feature.encode())
    return number % DIMENSIONS, weight if number & 0x80000000 else -weight

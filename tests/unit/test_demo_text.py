"""The demo's sample text and its vectors."""

import doctest
import math
import subprocess
import sys

import pytest

from syncwizard.demo import embeddings, passages
from syncwizard.demo.embeddings import DIMENSIONS, embed, similarity
from syncwizard.demo.passages import LONGEST, documents, split

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("module", [embeddings, passages])
def test_the_examples_hold(module: object) -> None:
    tried = doctest.testmod(module)  # type: ignore[arg-type]
    assert tried.attempted and not tried.failed


def test_the_same_text_is_the_same_vector_in_another_process() -> None:
    text = "json.dumps: Serialize obj to a JSON formatted str."
    script = f"from syncwizard.demo.embeddings import embed; print(embed({text!r}).to_binary().hex())"
    other = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == embed(text).to_binary().hex()


def test_a_vector_has_its_dimensions_and_length_one() -> None:
    vector = embed("Return the sum of the numbers.")
    assert vector.dimensions() == DIMENSIONS
    assert math.isclose(similarity(vector, vector), 1.0, abs_tol=1e-6)


def test_a_text_without_words_has_no_vector() -> None:
    with pytest.raises(ValueError, match="direction"):
        embed("--- ...")


def test_the_neighbour_of_a_passage_is_of_the_same_subject() -> None:
    """Of the first passages each one's nearest other is from its own module far more often than chance gives."""
    sample = [(document.title, embed(p.body)) for document in documents(400) for p in document.passages]
    right = 0
    for place, (title, vector) in enumerate(sample):
        others = (other for number, other in enumerate(sample) if number != place)
        right += max(others, key=lambda other: similarity(vector, other[1]))[0] == title
    assert right / len(sample) > 0.8


def test_documents_give_as_many_passages_as_asked_for_and_the_same_each_time() -> None:
    once = list(documents(3000))
    assert sum(len(document.passages) for document in once) == 3000
    assert once == list(documents(3000))
    assert all(passage.body.isprintable() for document in once for passage in document.passages)


def test_a_long_sentence_is_cut_between_words_and_nothing_is_lost() -> None:
    text = " ".join(f"word{number}" for number in range(500))
    pieces = split(text)
    assert max(map(len, pieces)) <= LONGEST
    assert " ".join(pieces) == text

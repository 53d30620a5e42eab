"""Keeps writing to the sample database as an application would, in a process of its own, until its input is closed.

Run as `python -m syncwizard.demo.workload HOST PORT DATABASE USER RATE SEED`; answers with one line of JSON, a `Done`.
"""

import contextlib
import os
import random
import select
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, Self

import msgspec
import psycopg
from pgvector.psycopg import register_vector
from psycopg.types.json import Jsonb

from syncwizard.demo.embeddings import embed
from syncwizard.demo.knowledge_base import Session, tags_of
from syncwizard.task.specification import Endpoint

TRANSACTIONS_PER_SECOND = 100.0
STOP_SECONDS = 30
# Between two attempts to connect again.
RECONNECT_SECONDS = 0.3
# Texts to make new ones from; more than a few hundred change nothing.
SAMPLES = 500
QUESTIONS = ("how do I", "why does it", "when should I", "what happens if I")


class Done(msgspec.Struct, frozen=True):
    """What a workload did: transactions, the statements of each kind, and for how long."""

    transactions: int
    statements: dict[str, int]
    seconds: float


class Workload:
    """The process that writes; `stop` ends it after its transaction and tells what it did."""

    def __init__(
        self, endpoint: Endpoint, *, rate: float = TRANSACTIONS_PER_SECOND, seed: int = 1, log: Path | None = None
    ) -> None:
        """`log` takes what it says when it fails, which is on our standard error otherwise."""
        arguments = [
            str(endpoint.host),
            str(endpoint.port),
            endpoint.database or "",
            endpoint.user or "",
            str(rate),
            str(seed),
        ]
        with contextlib.ExitStack() as stack:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "syncwizard.demo.workload", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stack.enter_context(log.open("ab")) if log else None,
                # Ctrl-C is for the demo, which then stops this process in order.
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        """False once it failed."""
        return self._process.poll() is None

    def stop(self) -> Done:
        """Ends the process and returns what it did; raises RuntimeError when it had failed."""
        output, _ = self._process.communicate(timeout=STOP_SECONDS)
        if self._process.returncode != 0:
            raise RuntimeError(f"the workload ended with exit status {self._process.returncode}")
        return msgspec.json.decode(output, type=Done)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.running:
            self._process.kill()
        self._process.communicate()


class Application:
    """One writer: remembers which passages exist, and chooses what to do next by the seed alone."""

    def __init__(self, session: Session, seed: int) -> None:
        self.session = session
        self.choice = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.transactions = 0
        self.ids = [number for (number,) in session.execute("SELECT id FROM kb.passages ORDER BY id")]
        self.documents = [number for (number,) in session.execute("SELECT id FROM kb.documents ORDER BY id")]
        self.samples = session.execute(
            "SELECT body, metadata->>'subject', metadata->>'kind' FROM kb.passages ORDER BY id LIMIT %s", (SAMPLES,)
        ).fetchall()

    @property
    def lost(self) -> bool:
        """Whether the server went away."""
        return self.session.closed

    def step(self) -> None:
        """One transaction."""
        acts = (self.reword, self.annotate, self.append, self.remove, self.retag, self.ask, self.publish, self.give_up)
        act = self.choice.choices(acts, weights=(25, 25, 15, 10, 8, 12, 3, 2))[0]
        with self.session.transaction():
            act()
        self.transactions += 1

    def reword(self) -> None:
        """Another text, and with it another vector."""
        body, _, _ = self._text()
        self._run(
            "update",
            "UPDATE kb.passages SET body = %s, embedding = %b, updated_at = now() WHERE id = %s",
            (body, embed(body), self.choice.choice(self.ids)),
        )

    def annotate(self) -> None:
        """Only the metadata: the vector stays, as unchanged TOAST in the stream."""
        note = Jsonb({"reviewed": self.transactions, "stars": self.choice.randrange(6)})
        self._run(
            "update",
            "UPDATE kb.passages SET metadata = metadata || %s, updated_at = now() WHERE id = %s",
            (note, self.choice.choice(self.ids)),
        )

    def append(self) -> None:
        """A passage more for a document that exists."""
        self._insert_passage(self.choice.choice(self.documents))

    def remove(self) -> None:
        """A passage less; its tags go with it."""
        place = self.choice.randrange(len(self.ids))
        self.ids[place], self.ids[-1] = self.ids[-1], self.ids[place]
        self._run("delete", "DELETE FROM kb.passages WHERE id = %s", (self.ids.pop(),))

    def retag(self) -> None:
        """Tags are part of a key: changing one changes the key."""
        number = self.choice.choice(self.ids)
        mark = f"topic-{self.choice.randrange(50)}"
        self._run("insert", "INSERT INTO kb.tags VALUES (%s, %s) ON CONFLICT DO NOTHING", (number, mark))
        self._run(
            "update",
            "UPDATE kb.tags SET tag = tag || '+' WHERE passage_id = %s AND tag = %s",
            (number, self.choice.choice(("function", "class"))),
        )

    def ask(self) -> None:
        """Lines of the log that has no key; some are equal to others."""
        question = f"{self.choice.choice(QUESTIONS)} {self.choice.choice(self.samples)[1]}"
        row = (question, self.choice.choice(self.ids), self.choice.randrange(50) / 10)
        for _ in range(self.choice.choice((1, 1, 2))):
            self._run(
                "insert",
                "INSERT INTO kb.query_log (question, best_passage, milliseconds) VALUES (%s, %s, %s)",
                row,
            )

    def publish(self) -> None:
        """A document with its passages and tags, in one transaction."""
        number = self._insert_document(f"notes {len(self.documents) + 1}")
        for _ in range(self.choice.randrange(3, 12)):
            self._insert_passage(number)

    def give_up(self) -> None:
        """A transaction that takes back half of what it did, by a savepoint."""
        self._insert_passage(self.choice.choice(self.documents))
        with self.session.transaction(force_rollback=True):
            self.session.execute("DELETE FROM kb.passages WHERE id = %s", (self.choice.choice(self.ids),))

    def _text(self) -> tuple[str, str, str]:
        """A text made of two real ones; with subject and kind."""
        one, subject, kind = self.choice.choice(self.samples)
        other = self.choice.choice(self.samples)[0].split(": ", 1)[-1]
        return f"{one} {other}", subject, kind

    def _insert_document(self, title: str) -> int:
        self.counts["insert"] += 1
        found = self.session.execute(
            "INSERT INTO kb.documents (title, path) VALUES (%s, 'notes') RETURNING id", (title,)
        ).fetchone()
        assert found
        self.documents.append(found[0])
        return int(found[0])

    def _insert_passage(self, document: int) -> None:
        body, subject, kind = self._text()
        self.counts["insert"] += 1
        found = self.session.execute(
            "INSERT INTO kb.passages (document_id, position, body, embedding, metadata)"
            " SELECT %s, coalesce(max(position), 0) + 1, %s, %b, %s FROM kb.passages WHERE document_id = %s"
            " RETURNING id",
            (document, body, embed(body), Jsonb({"subject": subject, "kind": kind, "line": 0}), document),
        ).fetchone()
        assert found
        self.ids.append(found[0])
        for tag in tags_of(subject, kind):
            self._run("insert", "INSERT INTO kb.tags VALUES (%s, %s)", (found[0], tag))

    def _run(self, kind: str, statement: str, values: tuple[Any, ...]) -> None:
        self.counts[kind] += self.session.execute(statement, values).rowcount


def main() -> None:
    """Writes at the given rate until standard input is closed; where the server goes away it connects again."""
    host, port, database, user, rate, seed = sys.argv[1:]
    started, applications = time.monotonic(), list[Application]()
    while not applications or not _asked_to_stop(RECONNECT_SECONDS if applications[-1].lost else 0.0):
        try:
            with psycopg.connect(host=host, port=port, dbname=database, user=user, autocommit=True) as session:
                register_vector(session)
                applications.append(Application(session, int(seed) + len(applications)))
                _write(applications[-1], 1 / float(rate))
        except psycopg.OperationalError:
            # A server that was never there is a mistake; one that went away comes back.
            if not applications or not applications[-1].lost:
                raise
    counts = sum((each.counts for each in applications), Counter[str]())
    done = Done(sum(each.transactions for each in applications), dict(counts), time.monotonic() - started)
    # The demo may have been killed: then nothing reads this.
    with contextlib.suppress(BrokenPipeError):
        os.write(sys.stdout.fileno(), msgspec.json.encode(done))


def _write(application: Application, interval: float) -> None:
    """A transaction each `interval` seconds, until standard input is closed."""
    due = time.monotonic()
    while not _asked_to_stop(max(0.0, due - time.monotonic())):
        application.step()
        # What was missed while a transaction took long is not made up for in a burst.
        due = max(due + interval, time.monotonic() - 1.0)


def _asked_to_stop(seconds: float) -> bool:
    """Whether standard input is closed, within so many seconds."""
    return bool(select.select([sys.stdin], [], [], seconds)[0])


if __name__ == "__main__":
    main()

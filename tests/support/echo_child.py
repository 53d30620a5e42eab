"""The module of a child process for tests: answers, and fails in the ways a child can."""

import os
import signal
import sys
import time

import msgspec

from syncwizard.errors import ChangeFailed, EndpointError
from syncwizard.stages.context import Channel


class Assignment(msgspec.Struct, frozen=True):
    """The first frame."""

    text: str
    secret: str = ""


class Say(msgspec.Struct, frozen=True, tag=True):
    """Asks for an answer."""

    text: str


class Do(msgspec.Struct, frozen=True, tag=True):
    """Asks for an ending."""

    what: str


class Said(msgspec.Struct, frozen=True, tag=True):
    """The answer."""

    text: str
    arguments: list[str] = []
    environment: list[str] = []


ToChild = Say | Do
FromChild = Said


def run(assignment: Assignment, channel: Channel) -> None:
    """Says the assignment, then obeys."""
    print("a stray line on stdout")
    channel.send(Said(text=assignment.text, arguments=sys.argv, environment=list(os.environ.values())))
    while True:
        match channel.receive(30.0):
            case Say(text=text):
                channel.send(Said(text=text))
            case Do(what="end"):
                return
            case Do(what="lost"):
                raise EndpointError("gone", end="destination", transient=True, detail="closed", sqlstate="57P01")
            case Do(what="bad change"):
                raise ChangeFailed("cannot apply", where="public.t", detail="duplicate key")
            case Do(what="crash"):
                raise RuntimeError("a defect")
            case Do(what="die"):
                os.kill(os.getpid(), signal.SIGKILL)
            case Do(what="hang"):
                time.sleep(600)

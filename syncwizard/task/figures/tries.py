"""An end that is out of reach, in one line: which, why, how often it was tried, when the next time is. Pure."""

from syncwizard.task.facts import Failure
from syncwizard.task.figures.sample import Sample
from syncwizard.task.text import span


def headline(failure: Failure, sample: Sample, now: float) -> str:
    """The line; empty where no end is out of reach. `now` in seconds since the epoch.

    >>> down = Failure(title="lost", down="source", cause="connection refused")
    >>> headline(down, Sample(tries=17, next_try_at=112.0), 100.0)
    'SOURCE DOWN: connection refused, try 17, next in 12 s'
    >>> headline(down, Sample(tries=17, next_try_at=99.0), 100.0)
    'SOURCE DOWN: connection refused, try 18 under way'
    >>> headline(Failure(title="full"), Sample(tries=1, next_try_at=2.0), 1.0)
    ''
    """
    if failure.down is None:
        return ""
    return f"{failure.down.upper()} DOWN: {', '.join(filter(None, (failure.cause, describe_tries(sample, now))))}"


def describe_tries(sample: Sample, now: float) -> str:
    """How often something was tried, and when it is again.

    >>> describe_tries(Sample(), 1.0)
    ''
    """
    if sample.tries is None or sample.next_try_at is None:
        return ""
    if now >= sample.next_try_at:
        return f"try {sample.tries + 1} under way"
    return f"try {sample.tries}, next in {span(max(1.0, sample.next_try_at - now))}"

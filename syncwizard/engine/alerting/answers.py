"""What receivers of alerts answer, in short, and how long they have for it."""

from syncwizard.task.text import one_line

# Of a connection and of each answer.
NETWORK_SECONDS = 10.0
# Of what a receiver answers, in an error.
WORDS = 200
ANSWER_BYTES = 64 * 1024


def reason(error: BaseException) -> str:
    """Why it failed, in words of the system, of TLS or of a server."""
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return shortened(words) or type(error).__name__


def shortened(text: str) -> str:
    """The beginning of what a receiver answers, on one line."""
    return one_line(" ".join(text.split()))[:WORDS]

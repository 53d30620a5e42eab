"""The log shows what servers say as text: no secret, no control character, one line for one message."""

import io
import logging

from syncwizard.engine.logs import CleanFormatter


def logged(message: str, *values: object, error: Exception | None = None) -> str:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(CleanFormatter(['sword"fish'], "%(message)s"))
    record = logging.LogRecord("test", logging.ERROR, __file__, 1, message, values, None)
    if error is not None:
        record.exc_info = (type(error), error, error.__traceback__)
    handler.handle(record)
    return stream.getvalue()


def test_a_name_cannot_begin_a_line_of_the_log_or_steer_a_terminal() -> None:
    assert logged("table %s", "a\n2026-01-01 INFO forged\x1b[2J\u202e") == (
        "table a\\n2026-01-01 INFO forged\\x1b[2J\\u202e\n"
    )


def test_a_secret_goes_from_message_and_traceback_in_every_spelling() -> None:
    text = logged("with %s and %r", 'sword"fish', 'sword"fish', error=ValueError('no "sword\\"fish"\x1b[2J'))
    assert "fish" not in text and "\x1b" not in text
    assert text.splitlines()[0] == "with *** and '***'"
    assert "ValueError" in text.splitlines()[-1]

"""Keys that come before what they are for: which of them wait, and the sentence about them."""

from textual.events import Key, Paste

# What is done at once; it ends the waiting, or needs nothing of what is awaited.
AT_ONCE = ("objects.stop", "objects.reload", "screen.back", "wizard.previous", "wizard.preview", "wizard.command")
OF_THE_APPLICATION = "app."
MOVING_FOCUS = ("tab", "shift+tab")


def works_at_once(event: Key | Paste, action: str, waiting: int) -> bool:
    """Whether a key, bound to the action of this id, waits for nothing. Behind `waiting` others a letter may be text.

    >>> works_at_once(Key("question_mark", "?"), "app.help", 0), works_at_once(Key("question_mark", "?"), "app.help", 1)
    (True, False)
    >>> works_at_once(Key("tab", None), "", 0), works_at_once(Key("tab", None), "", 1)
    (True, False)
    >>> works_at_once(Key("f7", None), "wizard.previous", 2), works_at_once(Key("space", " "), "picker.tick", 0)
    (True, False)
    """
    if isinstance(event, Paste):
        return False
    if not waiting and event.key in MOVING_FOCUS:
        return True
    return (action in AT_ONCE or action.startswith(OF_THE_APPLICATION)) and not (waiting and event.is_printable)


def describe_waiting(keys: int) -> str:
    """How many keys wait, to stand behind what they wait for.

    >>> describe_waiting(0), describe_waiting(1), describe_waiting(3)
    ('', ' · 1 key waits for it', ' · 3 keys wait for it')
    """
    return f" · {keys} {'key waits' if keys == 1 else 'keys wait'} for it" if keys else ""


def describe_dropped(keys: int) -> str:
    """What became of keys that waited in vain, to stand behind the reason.

    >>> describe_dropped(0), describe_dropped(1), describe_dropped(3)
    ('', '; the key pressed meanwhile did nothing', '; the 3 keys pressed meanwhile did nothing')
    """
    which = "key" if keys == 1 else f"{keys} keys"
    return f"; the {which} pressed meanwhile did nothing" if keys else ""

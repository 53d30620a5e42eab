"""The forms in which a task file says where a secret is kept: never the secret itself."""


def is_secret_form(text: str) -> bool:
    """Whether the text says where a secret is kept.

    >>> [is_secret_form(form) for form in ("pgpass", "keyring", "prompt", "env:PW", "env:", "hunter2")]
    [True, True, True, True, False, False]
    """
    if text.startswith("env:"):
        name = text.removeprefix("env:")
        return name.isidentifier()
    return text in {"pgpass", "keyring", "prompt"}


def form_problem(text: str) -> str:
    """What is wrong with a form where no passfile of libpq's can help. The text itself is not repeated: it may be the
    secret.

    >>> form_problem("env:PAGER"), form_problem("pgpass") == form_problem("hunter2") != ""
    ('', True)
    """
    if is_secret_form(text) and text != "pgpass":
        return ""
    return "says where the secret is kept, not the secret itself: keyring, prompt or env:NAME"

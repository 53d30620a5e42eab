"""Examples of every command, which its `--help` ends with."""

from collections.abc import Mapping

import click

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "new": ("new", "new --from kb.yaml", "new --plain"),
    "open": ("open kb-to-frankfurt",),
    "serve": ("serve", "serve kb-to-frankfurt", "serve --port 0 --allow-changes"),
    "check": (
        "check kb.yaml",
        "check kb.yaml --connect --count",
        "check kb.yaml --try public.notes",
        "check --schema > task.schema.json",
    ),
    "preview": ("preview kb.yaml", "preview kb.yaml > complete.yaml"),
    "precheck": (
        "precheck kb.yaml",
        "precheck kb.yaml --script source | psql -h db1.example.com kb",
        "precheck kb.yaml --fix sender-timeout --as postgres",
        "precheck kb.yaml --junit precheck.xml",
    ),
    "start": ("start kb.yaml", "start kb.yaml --ignore vector-builds --until caught-up", "start kb.yaml --foreground"),
    "pause": ("pause kb-to-frankfurt", "pause kb-to-frankfurt --table public.notes"),
    "resume": ("resume kb-to-frankfurt", "resume kb-to-frankfurt --foreground"),
    "heal": ("heal kb-to-frankfurt", "heal kb-to-frankfurt --table public.notes --yes"),
    "resync": ("resync kb-to-frankfurt", "resync kb-to-frankfurt --table public.notes --yes"),
    "modify": ("modify kb-to-frankfurt kb.yaml", "modify kb-to-frankfurt kb.yaml --yes"),
    "rules": ("rules kb-to-frankfurt", "rules kb-to-frankfurt --from kb.yaml"),
    "sequences": ("sequences kb-to-frankfurt", "sequences kb-to-frankfurt --offset 1000"),
    "definitions": (
        "definitions kb-to-frankfurt",
        "definitions kb-to-frankfurt --retry",
        "definitions kb-to-frankfurt --rebuild kb.documents",
    ),
    "ddl": (
        "ddl kb-to-frankfurt",
        "ddl kb-to-frankfurt --dry-run > change.sql",
        "ddl kb-to-frankfurt --run change.sql",
        "ddl kb-to-frankfurt --skip",
    ),
    "change": (
        "change kb-to-frankfurt",
        "change kb-to-frankfurt --dry-run > values.json",
        "change kb-to-frankfurt --values values.json",
        "change kb-to-frankfurt --quarantine",
    ),
    "verify": (
        "verify kb-to-frankfurt",
        "verify kb-to-frankfurt --table public.notes",
        "verify kb-to-frankfurt --sample 20 --rows-per-second 50000 --longest 6",
        "verify kb-to-frankfurt --mode vectors --nearest 10 --ef-search 80",
        "verify kb-to-frankfurt --last --report verification.md --report verification.json",
    ),
    "repair": ("repair kb-to-frankfurt", "repair kb-to-frankfurt --table public.notes --yes"),
    "rehearse": ("rehearse kb-to-frankfurt", "rehearse kb-to-frankfurt --verify rows --json"),
    "switchover": (
        "switchover kb-to-frankfurt",
        "switchover kb-to-frankfurt --verify rows --grace 60",
        "switchover kb-to-frankfurt --undo",
    ),
    "release": ("release kb-to-frankfurt",),
    "status": ("status", "status kb-to-frankfurt --watch", "status kb-to-frankfurt --check"),
    "wait": ("wait kb-to-frankfurt --until caught-up --timeout 600", "wait kb-to-frankfurt --until full --bell"),
    "events": ("events kb-to-frankfurt", "events kb-to-frankfurt --follow --json"),
    "explain": ("explain kb-to-frankfurt", "explain kb-to-frankfurt --json"),
    "throttle": (
        "throttle kb-to-frankfurt",
        "throttle kb-to-frankfurt --copy-rows 5000 --megabytes 20",
        "throttle kb-to-frankfurt --between 22:00-06:00 --copy-rows 0",
        "throttle kb-to-frankfurt --off",
    ),
    "alerts": ("alerts test kb-to-frankfurt",),
    "alerts show": ("alerts show kb-to-frankfurt",),
    "alerts test": ("alerts test kb-to-frankfurt",),
    "alerts silence": ("alerts silence kb-to-frankfurt --for 30m", "alerts silence kb-to-frankfurt --off"),
    "alerts check": ("alerts check", "alerts check kb-to-frankfurt --json"),
    "report": ("report kb-to-frankfurt", "report kb-to-frankfurt --output - | less"),
    "connections": ("connections list",),
    "connections list": ("connections list --json",),
    "connections add": ("connections add production --host db1.example.com --user sync --ca ca.pem",),
    "connections remove": ("connections remove production",),
    "doctor": ("doctor", "doctor --json"),
    "completion": ("completion bash > ~/.local/share/bash-completion/completions/syncwizard",),
    "manual": ("manual", "manual failures", "manual --dashboard > syncwizard.json"),
    "demo": ("demo --headless", "demo --tour", "demo --keep ./servers"),
}


def with_examples(command: click.Command, name: str) -> click.Command:
    """The command, and those of a group, with the examples at the end of its help."""
    command.epilog = _epilog(name)
    if isinstance(command, click.Group):
        for each, below in command.commands.items():
            below.epilog = _epilog(f"{name} {each}")
    return command


def _epilog(name: str) -> str:
    # The mark of click's that keeps lines as they are.
    return "\n".join(["\b", "Examples:", *(f"  syncwizard {line}" for line in EXAMPLES[name])])

"""The command `alerts`: what is wrong, a test of the receivers, silence, and the look after dead engines."""

import time

import click

from syncwizard.cli.arguments import TASK, TASK_OR_ALL
from syncwizard.cli.groups import SuggestingGroup
from syncwizard.cli.output import JSON, print_json, say, show
from syncwizard.client import tasks
from syncwizard.client.alerts import Looked, Sent, alarms_of, look_after, send_test, silence
from syncwizard.errors import NotDelivered, SyncwizardError
from syncwizard.task.durations import parse_duration
from syncwizard.task.text import counted, local_time


def _duration(ctx: click.Context, parameter: click.Parameter, value: str) -> int:
    seconds = parse_duration(value)
    if seconds is None:
        raise click.BadParameter("a number with s, m, h or d, such as 30m or 2h")
    return seconds


@click.group(cls=SuggestingGroup)
def alerts() -> None:
    """Show, test and silence the alerts of a task; look after tasks whose engine died."""


@alerts.command("show")
@TASK
@JSON
def show_command(name: str, as_json: bool) -> None:
    """Show what is wrong with a task as far as alerts know, and whether it is silenced."""
    task = tasks.find_task(name)
    alarms, until = alarms_of(task)
    if as_json:
        print_json({"id": task.id, "label": task.label, "alarms": alarms, "silenced_until": until or None})
        return
    if until:
        say(f"{task.label}: silenced until {local_time(until)}")
    for rule, alarm in alarms.items():
        sent = f"sent {local_time(alarm.sent_at)}" if alarm.sent_at is not None else "not sent yet"
        show(f"{rule}  since {local_time(alarm.since)}, {sent}: {alarm.message}")
    if not alarms:
        say(f"{task.label}: no alert")


@alerts.command("test")
@TASK
@JSON
def test_command(name: str, as_json: bool) -> int:
    """Send a test to each receiver of a task. Exit code 4: one did not take it."""
    task = tasks.find_task(name)
    sent = send_test(task)
    if as_json:
        print_json({"id": task.id, "label": task.label, "receivers": sent})
    else:
        for each in sent:
            show(f"{each.receiver}: {each.trouble or 'delivered'}")
    return _exit_code(sent)


@alerts.command("silence")
@TASK
@click.option(
    "--for",
    "seconds",
    metavar="DURATION",
    default="2h",
    show_default=True,
    callback=_duration,
    help="For how long, such as 30m, 2h or 1d.",
)
@click.option("--off", is_flag=True, help="Send alerts again.")
def silence_command(name: str, seconds: int, off: bool) -> None:
    """Send no alerts of a task for a while; what is still wrong then is sent at the end of it."""
    task = tasks.find_task(name)
    until = silence(task, 0 if off else seconds)
    show(f"{task.label}: alerts are sent again" if off else f"{task.label}: no alerts until {local_time(until)}")


@alerts.command("check")
@TASK_OR_ALL
@JSON
def check_command(name: str | None, as_json: bool) -> int:
    """Send what is due of tasks that no engine has, such as that their engine died: for cron, or a timer of systemd.

    Exit code 4: an alert could not be delivered, and is tried again by the next check.
    """
    chosen = [tasks.find_task(name)] if name is not None else tasks.list_tasks()
    looked: list[Looked] = []
    failed = False
    for task in chosen:
        try:
            found = look_after(task)
        except SyncwizardError as error:
            # The others are looked after all the same.
            say(f"{task.label}: {error}")
            failed = True
        else:
            looked += [found] if found is not None else []
    if as_json:
        print_json({"at": time.time(), "tasks": looked})
    else:
        for each in looked:
            _say(each)
    codes = [_exit_code(each.sent) for each in looked]
    return NotDelivered.exit_code if failed or any(codes) else 0


def _say(looked: Looked) -> None:
    for rule, message in looked.wrong.items():
        show(f"{looked.label}: {rule}: {message}")
    for each in looked.sent:
        show(f"{looked.label}: {counted(each.delivered, 'alert')} delivered by {each.receiver}")
        if each.trouble:
            say(f"{looked.label}: {each.trouble}")


def _exit_code(sent: list[Sent] | tuple[Sent, ...]) -> int:
    return NotDelivered.exit_code if any(each.trouble for each in sent) else 0

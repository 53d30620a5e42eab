"""The way through a new task on plain lines: ends, objects, settings, precheck, start; the draft of the screens."""

from pathlib import Path

import msgspec

from syncwizard.cli.lifecycle import watch_stages
from syncwizard.cli.output import print_error, say, show
from syncwizard.cli.plain.asking import agree, ask, choose, picked
from syncwizard.cli.plain.ends import set_up_end
from syncwizard.cli.plain.objects import ask_objects
from syncwizard.cli.precheck import print_item
from syncwizard.client import credentials, drafts, lifecycle, probes
from syncwizard.client.rights_script import script
from syncwizard.client.tasks import acceptance_of
from syncwizard.errors import EndpointError, PrecheckNotPassed, UsageError
from syncwizard.task import file
from syncwizard.task.accepting import meaning_of
from syncwizard.task.drafting.draft import ENDS, TaskDraft
from syncwizard.task.events import Event, PrecheckItemFinished
from syncwizard.task.handover import Handover
from syncwizard.task.specification import SETTINGS, TaskSpec
from syncwizard.task.summary import describe_plan
from syncwizard.task.text import shell_word


def set_up(draft: TaskDraft | None) -> int:
    """Asks everything and starts the task, or writes its file; what was answered is kept as a draft on the way."""
    say("A new task, question by question. Enter takes what stands in brackets; Ctrl-C ends, and keeps the answers.")
    draft = draft or _kept_draft() or TaskDraft()
    typed = Handover()
    for number, end in enumerate(ENDS, 1):
        say(f"Step {number} of 5: the {end}, which {'is read' if end == 'source' else 'is written to'}")
        draft, typed = set_up_end(draft, end, typed)
        drafts.save(draft)
    draft = draft.with_value("name", ask("Name of the task", draft.name))
    say("Step 3 of 5: the objects")
    draft = ask_objects(draft, typed)
    drafts.save(draft)
    draft = _ask_settings(draft)
    drafts.save(draft)
    say("Step 4 of 5: the precheck, which changes nothing")
    draft, passed = _precheck(draft, typed)
    drafts.save(draft)
    say("Step 5 of 5: the start")
    return _finish(draft, typed, passed=passed)


def _kept_draft() -> TaskDraft | None:
    kept = drafts.list_drafts()
    if not kept:
        return None
    say("Drafts that were left:")
    for number, each in enumerate(kept, 1):
        say(f"  {number}  {each.draft.name}: {each.draft.source.describe()} to {each.draft.destination.describe()}")
    place = picked(ask("Number of a draft to go on with (0 for a new task)", "0"), len(kept))
    return kept[place - 1].draft if place else None


def _ask_settings(draft: TaskDraft) -> TaskDraft:
    """Defaults serve most tasks; each can be changed by its name."""
    if not agree("Change settings from their defaults?"):
        return draft
    known = {setting.path.removeprefix("advanced."): setting for setting in SETTINGS}
    for name, setting in known.items():
        say(f"  {name} = {draft.value(setting.path) or '(nothing)'}: {setting.setting.label}")
    while name := ask("Setting to change (- to go on)", "-").removeprefix("-"):
        if name not in known:
            say(f"there is no setting {name}")
            continue
        path = known[name].path
        changed = draft.with_value(path, ask(f"{name}", str(draft.value(path))))
        if wrong := [problem for problem in changed.problems("advanced") if problem.path == path]:
            say(f"wrong: {wrong[0].message}")
        else:
            draft = changed
    return draft


def _spec(draft: TaskDraft) -> TaskSpec:
    return file.with_absolute_paths(draft.to_spec(), Path.cwd())


def _precheck(draft: TaskDraft, typed: Handover) -> tuple[TaskDraft, bool]:
    """Runs it until it has passed, or is to be left; whether it passed."""
    while True:
        items = _checked(_spec(draft), typed)
        for item in items:
            if item.verdict != "passed":
                print_item(item, say)
        blocking = [item for item in items if item.blocks]
        say(f"{len(items) - len(blocking)} of {len(items)} items do not stand in the way")
        if items and not blocking:
            return draft, True
        failed = [item for item in blocking if not item.ignorable]
        for item in blocking:
            if item.ignorable and agree(f"Accept the warning {item.item}: {item.message}? {meaning_of(item.item)}"):
                draft = msgspec.structs.replace(draft, ignore=[*draft.ignore, acceptance_of(item.item, item.detail)])
            elif item.ignorable:
                failed.append(item)
        if not failed and items:
            return draft, True
        answer = choose(
            f"{len(failed)} of its items stand in the way",
            (
                ("again", "run the precheck again"),
                ("script", "show what an administrator has to run, as SQL"),
                ("leave", "leave it, and write the task file"),
            ),
            "again",
        )
        if answer == "leave":
            return draft, False
        if answer == "script":
            for end in ENDS:
                for line in script(items, end, draft.end(end).to_endpoint()).splitlines():
                    show(line)
            ask("Enter runs the precheck again")


def _checked(spec: TaskSpec, typed: Handover) -> list[PrecheckItemFinished]:
    items: list[PrecheckItemFinished] = []

    def hear(event: Event) -> None:
        if isinstance(event, PrecheckItemFinished):
            items.append(event)

    try:
        probes.for_task("precheck", spec, credentials.collect(spec, typed)).run(hear)
    except PrecheckNotPassed:
        pass
    except (EndpointError, UsageError) as error:
        print_error(error)
    return items


def _finish(draft: TaskDraft, typed: Handover, *, passed: bool) -> int:
    """The plan, the file, the start."""
    spec = _spec(draft)
    for line in describe_plan(spec):
        say(f"  {line}")
    starts = passed and agree("Start the task now?", default=True)
    path = Path(ask("Write the task file to (- for nowhere)", f"{draft.name.replace('/', '-')}.yaml"))
    if path.exists() and not agree(f"{path} is there already. Replace it?"):
        path = Path("-")
    written = str(path) != "-"
    if not starts:
        if written:
            file.save(spec, path)
            say(f"written; start it with: syncwizard start {shell_word(path)}")
        say("the answers are kept as a draft: syncwizard new --plain")
        return 0
    prepared = lifecycle.prepare_specification(spec, credentials.collect(spec, typed))
    if written:
        file.save(prepared.task.spec, path)
    lifecycle.start(prepared, watch_stages)
    drafts.remove(draft.id)
    say(f"started; watch it: syncwizard status {shell_word(prepared.task.label)} --watch")
    return 0

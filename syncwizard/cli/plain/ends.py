"""Both ends, question by question: where, who, how the connection is protected, whether it works. What few need (a
tunnel, a client's certificate) is one question, and more of them only after a yes."""

import msgspec

from syncwizard.cli.output import say
from syncwizard.cli.plain.asking import agree, ask, ask_hidden, ask_optional, choose
from syncwizard.client import credentials, probes
from syncwizard.errors import End, SyncwizardError
from syncwizard.remedies import lines_of
from syncwizard.task.connectivity import TITLES, ConnectivityNews, StepEnded
from syncwizard.task.drafting.draft import TaskDraft
from syncwizard.task.drafting.endpoint_draft import EndpointDraft
from syncwizard.task.drafting.pasted import looks_pasted, take_apart
from syncwizard.task.handover import Handover

_KEPT = (
    ("pgpass", "where libpq finds it: PGPASSWORD, PGPASSFILE or ~/.pgpass, or none is needed"),
    ("prompt", "typed now, and at each start"),
    ("env", "in an environment variable"),
    ("keyring", "in this machine's keyring"),
)
_MODES = (
    ("disable", "not encrypted"),
    ("require", "encrypted, the server is not checked"),
    ("verify-ca", "encrypted, with a server of this authority"),
    ("verify-full", "encrypted, with this very server"),
)
_KEY_KEPT = (
    ("none", "not there: the key has none"),
    ("prompt", "typed now, and at each start"),
    ("env", "in an environment variable"),
    ("keyring", "in this machine's keyring"),
)
# In place of a host: a section of libpq's pg_service.conf.
_SERVICE = "service="


def ask_end(draft: TaskDraft, end: End, typed: Handover) -> tuple[TaskDraft, Handover]:
    """Asks until the fields of the end are right; the draft, and the passwords that were typed."""
    described, secret = draft.end(end), None
    while True:
        answer = ask(f"Host, directory of a socket, service=NAME, or a whole URL of the {end}", _place(described))
        pasted = take_apart(answer, described) if looks_pasted(answer) else None
        if pasted is not None:
            described, secret = pasted.end, pasted.password or None
            for name in pasted.left_out:
                say(f"left out: {name} has no place in a task")
        elif answer.startswith(_SERVICE):
            described = msgspec.structs.replace(described, way="service", service=answer.removeprefix(_SERVICE))
        elif answer.startswith(("/", "@")):
            described = msgspec.structs.replace(described, way="socket", socket=answer)
        else:
            way = "ssh" if described.way == "ssh" else "host"
            described = msgspec.structs.replace(described, way=way, host=answer)
        described = _ask_rest(_ask_tunnel(described))
        problems = described.problems(end)
        if not problems:
            break
        for problem in problems:
            say(f"wrong: {problem.message}" + (f" ({problem.remedy})" if problem.remedy else ""))
    draft = draft.with_end(end, described)
    return draft, _ask_secrets(draft, end, typed, secret)


def _place(described: EndpointDraft) -> str:
    """What the first question offers."""
    if described.way == "service":
        return f"{_SERVICE}{described.service}"
    return described.socket if described.way == "socket" else described.host


def _ask_tunnel(described: EndpointDraft) -> EndpointDraft:
    """A host may be reached through another one."""
    if described.way not in ("host", "ssh"):
        return described
    if not agree("Is it reached through an SSH tunnel?", default=described.way == "ssh"):
        return msgspec.structs.replace(described, way="host")
    through = ask("SSH host of the tunnel: user@bastion, or a host of ~/.ssh/config", described.ssh)
    return msgspec.structs.replace(described, way="ssh", ssh=through)


def _ask_rest(described: EndpointDraft) -> EndpointDraft:
    """What a URL has given already is offered as it is; what a service leaves open may be left out."""
    service = described.way == "service"
    asking = ask_optional if service else ask
    found = {
        "service_port" if service else "port": asking("Port", described.service_port if service else described.port),
        "database": asking("Database", described.database),
        "user": asking("Account", described.user),
        "password": choose("The account's password is", _KEPT, described.password),
    }
    if found["password"] == "env":
        found["variable"] = ask("Name of the variable", described.variable)
    found["mode"] = choose("The connection is", _MODES, described.mode)
    if found["mode"] in ("verify-ca", "verify-full"):
        found["ca"] = ask("File with the certificate of the authority", described.ca)
    if found["mode"] != "disable":
        found |= _ask_certificate(described)
    return msgspec.structs.replace(described, **found)


def _ask_certificate(described: EndpointDraft) -> dict[str, str]:
    """The account's own certificate, with which it logs in."""
    if not agree("Does the account log in with a certificate?", default=bool(described.certificate)):
        return {"certificate": "", "key": "", "key_password": "none"}
    found = {
        "certificate": ask("File with the certificate of the account", described.certificate),
        "key": ask("File with its key", described.key),
        "key_password": choose("The key's password is", _KEY_KEPT, described.key_password),
    }
    if found["key_password"] == "env":
        found["key_variable"] = ask("Name of the variable", described.key_variable)
    return found


def _ask_secrets(draft: TaskDraft, end: End, typed: Handover, secret: str | None) -> Handover:
    spec = draft.to_spec()
    endpoint = spec.source if end == "source" else spec.destination
    if endpoint.password == "keyring":
        given = ask_hidden(f"Password of the {end}, to be kept in the keyring (Enter: it is there)")
        if given:
            own = Handover(source=given) if end == "source" else Handover(destination=given)
            credentials.keep_typed(spec, own)
    if endpoint.password == "prompt":
        given = secret or ask_hidden(f"Password of the {end}")
        typed = msgspec.structs.replace(typed, **{end: given})
    if endpoint.encryption.key_password in ("prompt", "keyring"):
        kept = endpoint.encryption.key_password == "keyring"
        given = ask_hidden(f"Password of the key of the {end}" + (" (Enter: it is in the keyring)" if kept else ""))
        if not kept:
            typed = msgspec.structs.replace(typed, **{f"{end}_key": given})
        elif given:
            own = Handover(source_key=given) if end == "source" else Handover(destination_key=given)
            credentials.keep_typed(spec, own)
    return typed


def test_end(draft: TaskDraft, end: End, typed: Handover) -> bool:
    """Tests the end, a line a step; whether it can be used."""
    spec = draft.to_spec()
    found: list[StepEnded] = []

    def hear(news: ConnectivityNews) -> None:
        if isinstance(news, StepEnded):
            found.append(news)
            if news.verdict != "skipped":
                say(f"  {news.verdict}: {TITLES[news.step]}" + (f": {news.message}" if news.message else ""))
                for line in lines_of(news.remedy) if news.verdict != "passed" else ():
                    say(f"    {line}")

    say(f"Testing the {end}, {draft.end(end).describe()}")
    try:
        secrets = credentials.collect(spec, _of_end(end, typed))
        source, destination = (spec.source, None) if end == "source" else (None, spec.destination)
        probes.connectivity(source, destination, secrets).run(hear)
    except SyncwizardError as error:
        say(f"  failed: {error}")
        for line in lines_of(error.remedy):
            say(f"    {line}")
        return False
    return bool(found) and all(step.verdict != "failed" for step in found)


def _of_end(end: End, typed: Handover) -> Handover:
    """What was not asked yet is not needed yet."""
    if end == "source":
        return msgspec.structs.replace(
            typed, destination=typed.destination or "", destination_key=typed.destination_key or ""
        )
    return typed


def set_up_end(draft: TaskDraft, end: End, typed: Handover) -> tuple[TaskDraft, Handover]:
    """Asks and tests until the end can be used, or is to be used as it is."""
    while True:
        draft, typed = ask_end(draft, end, typed)
        while True:
            if test_end(draft, end, typed):
                return draft, typed
            answer = choose(
                f"The {end} cannot be used yet",
                (("change", "change the answers"), ("again", "test it again"), ("on", "go on all the same")),
                "change",
            )
            if answer == "on" and agree("The precheck will ask for it. Go on?", default=True):
                return draft, typed
            if answer == "change":
                break

"""One end of a task as it is being typed; pure. Its messages use the words of the wizard; the
rules are those of `validation`."""

from collections.abc import Iterator
from typing import Any, Literal, Self

import msgspec

from syncwizard.task.specification import DEFAULT_PORT, Access, DatabaseType, Encryption, EncryptionMode, Endpoint
from syncwizard.task.validation import Problem, endpoint_problems

Way = Literal["host", "socket", "service", "ssh"]
Keeping = Literal["pgpass", "keyring", "env", "prompt"]
KeyKeeping = Literal["none", "keyring", "env", "prompt"]

# Where a rule of the task file speaks of a key that has another name, or another place, among the fields.
_FIELDS = {
    "access": "host",
    "access.ssh": "ssh",
    "access.local": "local",
    "encryption.ca": "ca",
    "encryption.certificate": "certificate",
    "encryption.key": "key",
    "encryption.key_password": "key_password",
}


class EndpointDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the fields of one end, wrong or not. `connection`: the saved one it was filled from.

    `way` decides which of `host`, `socket`, `service` and `ssh` count; what the others hold is kept all the same.
    `service_host` and `service_port` are what is given beside a service: a host of another way is not meant by it.
    """

    connection: str = ""
    type: DatabaseType = "postgresql"
    way: Way = "host"
    host: str = ""
    socket: str = "/var/run/postgresql"
    service: str = ""
    service_host: str = ""
    service_port: str = ""
    ssh: str = ""
    local: str = ""
    port: str = str(DEFAULT_PORT)
    database: str = ""
    user: str = ""
    password: Keeping = "pgpass"
    variable: str = ""
    mode: EncryptionMode = "disable"
    ca: str = ""
    certificate: str = ""
    key: str = ""
    key_password: KeyKeeping = "none"
    key_variable: str = ""

    def to_endpoint(self) -> Endpoint:
        """The end as a specification has it. What is no number becomes 0, which no rule lets pass."""
        return Endpoint(
            type=self.type,
            service=self._service,
            host=self._host(),
            port=_ports(self._port) if self._port or self._service is None else None,
            database=self.database or None,
            user=self.user or None,
            password=f"env:{self.variable}" if self.password == "env" else self.password,
            encryption=self._encryption(),
            access=Access(ssh=self.ssh, local=self.local or None) if self.way == "ssh" else None,
        )

    @classmethod
    def from_endpoint(cls, endpoint: Endpoint, connection: str = "") -> Self:
        """The fields that lead to this end."""
        hosts, ports = ",".join(endpoint.hosts), ",".join(map(str, endpoint.ports))
        way: Way = "host"
        if endpoint.access is not None:
            way = "ssh"
        elif endpoint.service is not None:
            way = "service"
        elif hosts.startswith(("/", "@")):
            way = "socket"
        encryption = endpoint.encryption
        return cls(
            connection=connection,
            type=endpoint.type,
            way=way,
            host=hosts if way in ("host", "ssh") else "",
            socket=hosts if way == "socket" else cls().socket,
            service=endpoint.service or "",
            service_host=hosts if way == "service" else "",
            service_port=ports if way == "service" else "",
            ssh=endpoint.access.ssh if endpoint.access else "",
            local=(endpoint.access.local if endpoint.access else None) or "",
            port=ports if way != "service" else str(DEFAULT_PORT),
            database=endpoint.database or "",
            user=endpoint.user or "",
            password=_keeping(endpoint.password),
            variable=_variable(endpoint.password),
            mode=encryption.mode,
            ca=encryption.ca or "",
            certificate=encryption.certificate or "",
            key=encryption.key or "",
            key_password=_key_keeping(encryption.key_password),
            key_variable=_variable(encryption.key_password or ""),
        )

    def describe(self) -> str:
        """`host:port/database` as far as it was typed, for display.

        >>> EndpointDraft().describe(), EndpointDraft(host="db1", database="kb").describe()
        ('?', 'db1:5432/kb')
        >>> EndpointDraft(host="db1", port="54a").describe()
        'db1:54a'
        """
        service = self.service_host or f"service {self.service or '?'}"
        where = {"service": service, "socket": self.socket}.get(self.way, self.host)
        if not where:
            return "?"
        port = f":{self._port}" if self._port else ""
        return where + port + (f"/{self.database}" if self.database else "")

    def fields(self) -> dict[str, Any]:
        """The end as a saved connection has it: what was given, and nothing else.

        >>> EndpointDraft(way="socket", database="kb").fields()
        {'host': '/var/run/postgresql', 'port': 5432, 'database': 'kb'}
        """
        given: dict[str, Any] = msgspec.to_builtins(self.to_endpoint())
        usual: dict[str, Any] = msgspec.to_builtins(Endpoint())
        return {key: value for key, value in given.items() if value != usual[key]}

    def problems(self, end: str) -> list[Problem]:
        """What is wrong, at most one thing a field, `path` being `source.host` and so on.

        >>> draft = EndpointDraft(host="db1", port="54a", password="env")
        >>> [(problem.path, problem.message) for problem in draft.problems("source")]
        ... # doctest: +NORMALIZE_WHITESPACE
        [('source.port', 'a port is a number from 1 to 65535'),
         ('source.database', 'the name of the database is missing'),
         ('source.variable', "the variable's name is missing")]
        """
        found: dict[str, Problem] = {}
        for problem in [*self._missing(end), *endpoint_problems(end, self.to_endpoint())]:
            place = self._field(problem.path.removeprefix(f"{end}."))
            found.setdefault(place, msgspec.structs.replace(problem, path=f"{end}.{place}"))
        order = type(self).__struct_fields__
        return sorted(found.values(), key=lambda problem: order.index(problem.path.rpartition(".")[2]))

    def _missing(self, end: str) -> Iterator[Problem]:
        """What a field wants that the task file would ask for in other words."""
        if self.way in ("host", "ssh") and not self.host:
            yield _problem(end, "host", "the host is missing", "a name or an address, or several with commas between")
        if self.way == "socket" and not self.socket.startswith(("/", "@")):
            yield _problem(end, "socket", "a socket is in a directory", "an absolute path such as /var/run/postgresql")
        if self.way == "service" and not self.service:
            yield _problem(end, "service", "the name of the service is missing", "a section of pg_service.conf")
        if self.way == "ssh" and not self.ssh:
            yield _problem(
                end, "ssh", "the SSH host of the tunnel is missing", "user@bastion, or a host of ~/.ssh/config"
            )
        if self._service is None and not self.database:
            yield _problem(end, "database", "the name of the database is missing", "one database a task")
        for kept, name, field in (
            (self.password, self.variable, "variable"),
            (self.key_password, self.key_variable, "key_variable"),
        ):
            if kept == "env" and not name.isidentifier():
                # What was typed is not repeated: it may be the password.
                message = "not a valid name of an environment variable" if name else "the variable's name is missing"
                yield _problem(end, field, message, "its name, for example DST_PW; never the password itself")

    def _field(self, key: str) -> str:
        if key == "host" and self.way == "socket":
            return "socket"
        if key in ("host", "port") and self.way == "service":
            return f"service_{key}"
        if key == "password" and self.password == "env":
            return "variable"
        if key == "encryption.key_password" and self.key_password == "env":
            return "key_variable"
        return _FIELDS.get(key, key)

    @property
    def _service(self) -> str | None:
        """What leads through a tunnel may be described by a service, too."""
        if self.way == "ssh":
            return self.service or None
        return self.service if self.way == "service" else None

    @property
    def _port(self) -> str:
        return self.service_port if self.way == "service" else self.port

    def _host(self) -> str | list[str] | None:
        if self.way == "socket":
            return self.socket
        if self.way == "service" and not self.service_host:
            return None
        typed = self.service_host if self.way == "service" else self.host
        hosts = [host.strip() for host in typed.split(",")]
        return hosts[0] if len(hosts) == 1 else hosts

    def _encryption(self) -> Encryption:
        if self.mode == "disable":
            return Encryption()
        forms = {"none": None, "env": f"env:{self.key_variable}"}
        return Encryption(
            mode=self.mode,
            ca=self.ca or None,
            certificate=self.certificate or None,
            key=self.key or None,
            key_password=forms.get(self.key_password, self.key_password),
        )


def whole_number(text: str) -> int:
    """The number in the text, 0 where there is none.

    >>> whole_number(" 720 "), whole_number("twelve"), whole_number("-1"), whole_number("")
    (720, 0, 0, 0)
    """
    stripped = text.strip()
    return int(stripped) if stripped.isascii() and stripped.isdigit() else 0


def _ports(text: str) -> int | list[int]:
    ports = [whole_number(part) for part in text.split(",")]
    return ports[0] if len(ports) == 1 else ports


def _keeping(form: str) -> Keeping:
    return "env" if form.startswith("env:") else msgspec.convert(form, Keeping)


def _key_keeping(form: str | None) -> KeyKeeping:
    if form is None or form == "pgpass":
        return "none"
    return "env" if form.startswith("env:") else msgspec.convert(form, KeyKeeping)


def _variable(form: str) -> str:
    return form.removeprefix("env:") if form.startswith("env:") else ""


def _problem(end: str, field: str, message: str, remedy: str) -> Problem:
    return Problem(path=f"{end}.{field}", message=message, remedy=remedy)

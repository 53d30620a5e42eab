"""A keyring in a file, for machines without a Secret Service; PYTHON_KEYRING_BACKEND chooses it."""

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend

# Names the file.
VARIABLE = "TEST_KEYRING_FILE"


class FileKeyring(KeyringBackend):
    """Entries by service and account."""

    priority = 1.0

    def get_password(self, service: str, username: str) -> str | None:
        return self._read().get(f"{service} {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self._path.write_text(json.dumps({**self._read(), f"{service} {username}": password}))

    def delete_password(self, service: str, username: str) -> None:
        entries = self._read()
        del entries[f"{service} {username}"]
        self._path.write_text(json.dumps(entries))

    def _read(self) -> dict[str, str]:
        entries: dict[str, str] = json.loads(self._path.read_text()) if self._path.exists() else {}
        return entries

    @property
    def _path(self) -> Path:
        return Path(os.environ[VARIABLE])

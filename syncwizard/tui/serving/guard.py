"""Who may look: what a request must carry before any of the screens is shown to it."""

import hmac
import ipaddress
import secrets
import socket
from urllib.parse import urlsplit

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address.

    >>> [is_loopback(each) for each in ("localhost", "127.0.0.2", "::1", "0.0.0.0", "db1.example.com")]
    [True, True, True, False, False]
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Guard:
    """Compares requests with one token, and with the names under which `host` may be asked for.

    A page of another site knows neither: the token is drawn anew for each start, and where that site lets a name of its
    own resolve to this machine (DNS rebinding), the name is not among ours.
    """

    def __init__(self, host: str) -> None:
        self.token = secrets.token_urlsafe(32)
        # A cookie holds for all ports of a machine: what another program is sent there opens nothing but by its name.
        self.cookie = f"syncwizard-{secrets.token_hex(4)}"
        self._kept = secrets.token_urlsafe(32)
        self._loopback = is_loopback(host)
        self._names = LOOPBACK_NAMES | {host}
        if not self._loopback:
            self._names |= {socket.gethostname().lower(), socket.getfqdn().lower()}

    @property
    def kept(self) -> str:
        """What the cookie holds; not the token, which stands in addresses."""
        return self._kept

    def is_token(self, given: str) -> bool:
        """Whether the address has the right token."""
        return hmac.compare_digest(given.encode(errors="replace"), self.token.encode())

    def is_kept(self, given: str) -> bool:
        """Whether the cookie is the one that was given out."""
        return hmac.compare_digest(given.encode(errors="replace"), self._kept.encode())

    def is_ours(self, host: str, origin: str | None) -> bool:
        """Whether the request was meant for this machine, by its header Host, and comes from no other site's page.

        Ports are not compared with ours: through a tunnel of SSH they differ.
        """
        name = urlsplit(f"//{host}").hostname or ""
        if name not in self._names and not (not self._loopback and _is_address(name)):
            return False
        return origin is None or urlsplit(origin).netloc == host


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True

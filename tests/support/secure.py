"""Servers that speak TLS: the wheel's are built without it, so that a distribution's serve, where there is one."""

import shutil

import pytest

from syncwizard.demo import installations
from tests.support.certificates import Authority
from tests.support.network import ADDRESS


def version_with_tls() -> int:
    """The newest version on this machine that speaks TLS; skips the test where there is none."""
    versions = installations.installed().keys() - installations.bundled().keys()
    if not versions:
        pytest.skip("no PostgreSQL with TLS on this machine")
    return max(versions)


def tls_settings(authority: Authority, name: str = "server", address: str = ADDRESS) -> dict[str, str]:
    """The settings of a server with a new certificate for the address, whose key the server's account can read."""
    certificate, key = authority.issue(name, address=address)
    account = installations.server_account()
    if account is not None:
        shutil.chown(key, account.uid, account.gid)
    return {"ssl": "on", "ssl_cert_file": str(certificate), "ssl_key_file": str(key)}

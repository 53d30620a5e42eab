"""The examples in docstrings are true."""

import doctest
import importlib
import pkgutil

import pytest

import syncwizard

# Importing these runs them.
PROGRAMS = ("syncwizard.__main__", "syncwizard.engine.child", "syncwizard.engine.process", "syncwizard.engine.probe")
MODULES = [
    module.name
    for module in pkgutil.walk_packages(syncwizard.__path__, "syncwizard.")
    if module.name not in PROGRAMS and not module.name.endswith(".__main__")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0

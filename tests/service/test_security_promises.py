"""docs/security.md names the tests that keep its promises and the settings that it needs: they are there."""

from __future__ import annotations

import ast
import re

import pytest

from service.settings import Settings
from tests.test_architecture import ROOT

TEXT = (ROOT / "docs" / "security.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)))
CLIENTS_OWN = {"API_KEY"}


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_the_test_that_keeps_a_promise_is_there(path: str, name: str) -> None:
    tree = ast.parse((ROOT / path).read_text())
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_promise_has_one() -> None:
    table = TEXT.partition("| promise | kept by |\n|---|---|\n")[2].partition("\n\n")[0]
    assert table
    for row in table.splitlines():
        assert "::test_" in row, row


def test_what_is_to_be_set_can_be_set() -> None:
    names = set(re.findall(r"SIMAHAND_([A-Z_]+[A-Z])", TEXT)) - CLIENTS_OWN
    assert names and {name.lower() for name in names} <= set(Settings.model_fields)

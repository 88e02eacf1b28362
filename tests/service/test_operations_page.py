"""docs/operations.md lists every setting with the default that it has."""

from __future__ import annotations

import re
from pathlib import Path

from service.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
OF_THE_MACHINE = {"SIMAHAND_DECODE_WORKERS"}
"""Defaults that differ from machine to machine."""


def listed() -> dict[str, str]:
    """Return the names in the page's tables, with what is said of their defaults."""
    text = PAGE.read_text(encoding="utf-8")
    tables = text[text.index("<!-- settings:") : text.index("<!-- end of settings -->")]
    rows = re.findall(r"^\| `(SIMAHAND_\w+)` \| ([^|]+) \|", tables, re.M)
    assert len(rows) == len(dict(rows)), "a setting is listed twice"
    return dict(rows)


def test_the_page_lists_every_setting_and_no_other() -> None:
    assert listed().keys() == {f"SIMAHAND_{name.upper()}" for name in Settings.model_fields}


def test_the_page_knows_the_defaults() -> None:
    for name, field in Settings.model_fields.items():
        variable = f"SIMAHAND_{name.upper()}"
        if variable not in OF_THE_MACHINE:
            assert listed()[variable] == f"`{field.default}`"


def test_variables_that_the_page_names_exist() -> None:
    known = {f"SIMAHAND_{name.upper()}" for name in Settings.model_fields}
    of_compose = {"SIMAHAND_PUBLISH"}
    assert set(re.findall(r"SIMAHAND_\w+", PAGE.read_text(encoding="utf-8"))) <= known | of_compose

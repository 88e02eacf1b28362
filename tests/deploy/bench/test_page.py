"""A page of several parts: each benchmark writes its own and leaves the rest alone."""

from __future__ import annotations

from pathlib import Path

from deploy.bench.page import write_part


def test_a_part_takes_its_own_place_and_no_other(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    write_part(page, "servers", "# Fast\n\n1")
    write_part(page, "training", "## Slow\n\n2 \\1")
    first = page.read_text(encoding="utf-8")
    write_part(page, "servers", "# Faster\n\n3\n")
    second = page.read_text(encoding="utf-8")
    assert second == first.replace("# Fast\n\n1", "# Faster\n\n3")
    write_part(page, "servers", "# Fast\n\n1")
    assert page.read_text(encoding="utf-8") == first


def test_what_stands_outside_the_parts_is_kept(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("By hand.\n", encoding="utf-8")
    write_part(page, "servers", "old")
    write_part(page, "servers", "new")
    text = page.read_text(encoding="utf-8")
    assert text.startswith("By hand.\n\n<!-- part: servers -->")
    assert "old" not in text

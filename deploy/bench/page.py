"""A page that several benchmarks write, each its own part of it."""

from __future__ import annotations

import re
from pathlib import Path


def write_part(path: Path, name: str, text: str) -> None:
    """Put a text in the place of the page's part of that name, or at its end; the rest stays as it is."""
    page = path.read_text(encoding="utf-8") if path.is_file() else ""
    begin, end = f"<!-- part: {name} -->", f"<!-- end: {name} -->"
    part = f"{begin}\n\n{text.strip()}\n\n{end}\n"
    old = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}\n?", re.DOTALL)
    changed, found = old.subn(lambda _: part, page)
    path.write_text(changed if found else f"{page.rstrip()}\n\n{part}".lstrip(), encoding="utf-8")

"""What the measuring commands share: how they were typed, and what they say while they measure."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence


def typed(module: str, argv: Sequence[str] | None) -> str:
    """Return the command line, of what `main` was given or of the process, for the page that it prints."""
    return shlex.join(["python", "-m", module, *(sys.argv[1:] if argv is None else argv)])


def progress(line: str) -> None:
    """Say a line beside the page, at once."""
    print(line, file=sys.stderr, flush=True)

"""Print the versions of this environment in the form of `constraints.txt`: `make lock`."""

from __future__ import annotations

import subprocess
import sys

HEADER = "# Every version that the project is tested with, for all extras; for pip's -c. Made by `make lock`."


def locked(freeze: str) -> str:
    """Return `pip freeze`'s text without local build tags, which other machines cannot resolve."""
    lines = (line.split("+")[0] for line in freeze.splitlines() if "==" in line)
    return "\n".join([HEADER, *lines])


def main() -> None:
    """Print the lock."""
    freeze = subprocess.run(
        [sys.executable, "-m", "pip", "freeze", "--exclude-editable"],
        capture_output=True,
        text=True,
        check=True,
    )
    print(locked(freeze.stdout))


if __name__ == "__main__":
    main()

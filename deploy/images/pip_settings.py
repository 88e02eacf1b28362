"""How pip finds packages on this machine, so that a build without this machine's files finds them, too."""

from __future__ import annotations

import configparser
import shlex
import subprocess
import sys
from pathlib import Path

REACHABLE = ("index-url", "trusted-host", "timeout")
"""Settings that mean the same inside; those that name folders do not."""
AUTHORITIES = "cert"


def write_pip_settings(path: Path) -> None:
    """Write this machine's index as a `pip.conf`."""
    settings = configparser.ConfigParser(interpolation=None)
    settings["global"] = {name: value for name, value in _pip_settings().items() if name in REACHABLE}
    with path.open("w", encoding="utf-8") as file:
        settings.write(file)


def bundle_of_authorities() -> Path | None:
    """Return the certificates that pip trusts here, where that is not its own choice."""
    named = _pip_settings().get(AUTHORITIES)
    return None if named is None else Path(named)


def _pip_settings() -> dict[str, str]:
    """Return what `pip config list` says; the environment goes before files."""
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True
    ).stdout
    found: dict[str, str] = {}
    for line in sorted(listing.splitlines(), key=lambda line: line.startswith(":env:")):
        name, _, value = line.partition("=")
        found[name.split(".")[-1]] = " ".join(shlex.split(value))
    return found

"""The page `docs/faults.md`, and the line that is printed after each fault."""

from __future__ import annotations

from collections.abc import Mapping

from deploy.bench.machine import Machine
from deploy.bench.report import preface, table
from deploy.faults.episode import HEADER, RECOVERY_S, Episode

_READING = f"""\
Real gateways before real Tritons, as processes; callers come at a fixed rate whatever happens, and each is
counted once. *Refused*: an HTTP status with a problem document. *No answer*: the connection was refused or
cut off, which a caller sees as an error. *Lost*: nothing within 30 s. *Hands again after*: from the end of
the cause (the process is ready again, the load is gone) to the last request that was not answered with a
hand. *Holds*: nothing was lost, only what was to be expected was refused, nobody waited longer than the
deadline and a second, hands came again within {RECOVERY_S:.0f} s, and what is listed below the table.
"""


def page(episodes: Mapping[str, Episode], *, command: str, machine: Machine) -> str:
    """Write the page."""
    blocks = ["# Faults", preface(command, machine), _READING]
    blocks.append(table(list(HEADER), [episode.row() for episode in episodes.values()]))
    blocks += ["## What each kept", "\n".join(f"- `{name}`: {_kept(it)}." for name, it in episodes.items())]
    return "\n\n".join(block.strip() for block in blocks) + "\n"


def spoken(episode: Episode) -> str:
    """Return what came of one fault in a line."""
    return f"  {'holds' if episode.holds else 'FAILS'}: {_kept(episode)}; {', '.join(episode.row()[1:6])}"


def _kept(episode: Episode) -> str:
    return "; ".join(f"{it.words}{'' if it.holds else ' (BROKEN)'}" for it in episode.findings())

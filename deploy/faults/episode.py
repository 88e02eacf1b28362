"""One fault as its callers saw it, and the laws that it must keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from deploy.faults.load import CUT_OFF, LOST, NOT_CONNECTED, OK, Answer, outcomes

DEADLINE_S = 2.0
"""Of a gateway with the default settings."""
RECOVERY_S = 5.0
MARGIN_S = 1.0
"""Over the deadline, for the way to and from a busy gateway."""


class Finding(NamedTuple):
    """Whether a law was kept, in words with its figures."""

    words: str
    holds: bool


@dataclass(frozen=True, kw_only=True)
class Episode:
    """What was done to the servers, and what their callers got meanwhile."""

    fault: str
    answers: Sequence[Answer]
    """Of well-behaved callers, before, during and after it."""
    over_s: float
    """When the cause was gone, on the clock of `time.perf_counter`."""
    allowed: frozenset[str] = frozenset()
    """Outcomes other than 200 that callers may see."""
    strikes: bool = False
    """Whether somebody must have seen one of them: otherwise the fault did not happen."""
    longest_s: float = DEADLINE_S + MARGIN_S
    """How long anybody may have waited."""
    found: Sequence[Finding] = ()
    """What this fault must keep besides the laws of all."""

    @property
    def recovery_s(self) -> float:
        """From the end of the cause to the last request that was asked and not answered with a hand."""
        failed = [it.asked_s for it in self.answers if it.outcome != OK]
        return max([0.0, *(asked_s - self.over_s for asked_s in failed)])

    @property
    def slowest_s(self) -> float:
        """The longest that anybody waited for whatever it was."""
        return max((answer.took_s for answer in self.answers), default=0.0)

    def findings(self) -> list[Finding]:
        """Judge by the laws of all faults, and by this one's own."""
        counts = outcomes(self.answers)
        others = sorted(set(counts) - self.allowed - {OK, LOST})
        after = sum(it.outcome == OK and it.asked_s > self.over_s for it in self.answers)
        laws = [
            Finding(f"{counts[LOST]} lost", counts[LOST] == 0),
            Finding(f"{', '.join(others) or 'nothing'} beside what was to be expected", not others),
            Finding(f"the slowest took {self.slowest_s:.2f} s", self.slowest_s <= self.longest_s),
            Finding(
                f"hands again after {self.recovery_s:.1f} s", self.recovery_s <= RECOVERY_S and after > 0
            ),
        ]
        if self.strikes:
            struck = sum(counts[outcome] for outcome in self.allowed)
            laws.append(Finding(f"{struck} met it", struck > 0))
        return [*laws, *self.found]

    @property
    def holds(self) -> bool:
        """Whether every law was kept."""
        return all(finding.holds for finding in self.findings())

    def row(self) -> list[str]:
        """Return the table's cells."""
        counts = outcomes(self.answers)
        refused = ", ".join(
            f"{name} x {counts[name]}" for name in sorted(counts) if name.isdigit() and name != OK
        )
        return [
            self.fault,
            f"{len(self.answers):,}",
            f"{counts[OK]:,}",
            refused or "none",
            f"{counts[CUT_OFF] + counts[NOT_CONNECTED]:,}",
            f"{counts[LOST]}",
            f"{self.slowest_s:.2f}",
            f"{self.recovery_s:.1f}",
            "holds" if self.holds else "FAILS",
        ]


HEADER = ("fault", "sent", "200", "refused", "no answer", "lost", "slowest, s", "hands again after, s", "")


def percentile_s(answers: Sequence[Answer], percent: float) -> float:
    """Return a percentile of the time that answers took; infinity where there is none."""
    return float(np.percentile([answer.took_s for answer in answers], percent)) if answers else float("inf")

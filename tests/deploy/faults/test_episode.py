"""What counts as a broken law, on answers made up for it."""

from __future__ import annotations

import dataclasses

import pytest

from deploy.faults.episode import RECOVERY_S, Episode, Finding
from deploy.faults.load import CUT_OFF, LOST, OK, Answer
from deploy.faults.report import spoken

GOOD = Episode(
    fault="a fault",
    answers=[
        *(Answer(asked_s=at_s, took_s=0.1, outcome=OK) for at_s in range(20)),
        Answer(asked_s=5.0, took_s=0.2, outcome="503"),
        Answer(asked_s=6.0, took_s=0.2, outcome=CUT_OFF),
    ],
    over_s=8.0,
    allowed=frozenset({"503", CUT_OFF}),
    strikes=True,
)
BROKEN = {
    "1 lost": {"answers": [*GOOD.answers, Answer(5.0, 0.1, LOST)]},
    "503 beside what was to be expected": {"allowed": frozenset({CUT_OFF})},
    "the slowest took 3.50 s": {"answers": [*GOOD.answers, Answer(5.0, 3.5, OK)]},
    "hands again after 5.5 s": {"answers": [*GOOD.answers, Answer(8.0 + RECOVERY_S + 0.5, 0.1, "503")]},
    "hands again after 0.0 s": {"answers": [it for it in GOOD.answers if it.asked_s < 8.0]},
    "0 met it": {"answers": [it for it in GOOD.answers if it.outcome == OK]},
    "its own law": {"found": [Finding("its own law", holds=False)]},
}


def test_a_good_one_holds_and_every_request_is_in_its_row() -> None:
    assert GOOD.holds
    assert GOOD.row() == ["a fault", "22", "20", "503 x 1", "1", "0", "0.20", "0.0", "holds"]
    assert spoken(GOOD).startswith("  holds: 0 lost")


@pytest.mark.parametrize("words", BROKEN)
def test_a_broken_law_is_found_and_no_other(words: str) -> None:
    broken = dataclasses.replace(GOOD, **BROKEN[words])  # type: ignore[arg-type]
    assert [finding.words for finding in broken.findings() if not finding.holds] == [words]
    assert broken.row()[-1] == "FAILS"
    assert f"{words} (BROKEN)" in spoken(broken)

"""Faults in short, on real servers with a small network; `make faults` tries all of them at length."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from deploy.faults.__main__ import main, stand_of
from deploy.faults.clock import jumping_clock
from deploy.faults.load import CUT_OFF, LOST, NOT_CONNECTED, OK
from deploy.faults.report import spoken
from deploy.faults.scenarios import SCENARIOS
from deploy.faults.stand import Stand
from tests.untrained import SMALL, export_served, untrained_served

SHORT = {"before_s": 1.0, "during_s": 2.5, "after_s": 2.0, "rate_per_s": 10.0}
IMPATIENT = {"SIMAHAND_BODY_TIMEOUT_S": "2", "SIMAHAND_SEND_TIMEOUT_S": "2"}


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    exported = tmp_path / "exported"
    export_served(untrained_served(SMALL), exported)
    folder = tmp_path / "stand"
    folder.mkdir()
    return stand_of(exported, folder, settings=IMPATIENT, **SHORT)


@pytest.mark.triton
@pytest.mark.slow
@pytest.mark.parametrize("name", ["triton-frozen", "slowloris", "sigterm"])
def test_it_holds_in_short(name: str, stand: Stand) -> None:
    episode = asyncio.run(SCENARIOS[name](stand))
    assert episode.holds, spoken(episode)
    outcomes = {answer.outcome for answer in episode.answers}
    assert OK in outcomes
    assert LOST not in outcomes
    if episode.strikes:
        assert outcomes & {"429", "503", "504", CUT_OFF, NOT_CONNECTED}, "the fault must be felt"


def test_a_clock_jumps_for_a_process_that_runs(tmp_path: Path) -> None:
    script = "import time\nfor _ in range(2): print(time.time(), time.monotonic(), flush=True); input()"

    async def jumped() -> list[list[float]]:
        async with jumping_clock(tmp_path) as clock:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", script, env={**os.environ, **clock.environment},
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            assert process.stdin is not None
            assert process.stdout is not None
            lines = [await process.stdout.readline()]
            clock.jump(-86_400)
            process.stdin.write(b"\n\n")
            lines.append(await process.stdout.readline())
            assert await process.wait() == 0
        return [list(map(float, line.split())) for line in lines]

    before, after = asyncio.run(jumped())
    assert before[0] == pytest.approx(time.time(), abs=60)
    assert after[0] - before[0] == pytest.approx(-86_400, abs=60)
    assert 0 <= after[1] - before[1] < 60


def test_a_repository_without_the_model_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--repository", str(tmp_path)]) == 1
    assert capsys.readouterr().err == (
        f"error: no svr_hand/1/model.pt in {tmp_path}: export the model first\n"
    )

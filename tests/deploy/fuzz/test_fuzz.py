"""The fuzzer: that it keeps what it should, and that a short run of it finds nothing."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.fuzz.__main__ import main, table
from deploy.fuzz.board import OUTCOMES, Board
from deploy.fuzz.campaign import Plan, Result, kept, run_campaign
from deploy.fuzz.mutation import join, mutate, split
from deploy.fuzz.seeds import seed_files
from deploy.fuzz.target import Target, with_box
from deploy.triton.install import CHECKOUT

MODEL = CHECKOUT / "model_repository" / "svr_hand"
REFUSED = {
    "animated.png": "unsupported-media-type",
    "animated.webp": "unsupported-media-type",
    "other.gif": "unreadable-image",
}
FILES = seed_files()


class Honest(random.Random):
    """Chance that makes everything good."""

    def random(self) -> float:
        """Return the least."""
        return 0.0


@pytest.mark.parametrize("name", FILES)
def test_what_is_taken_apart_is_the_file_again_when_joined(name: str) -> None:
    parts = split(FILES[name])
    assert b"".join(parts) == FILES[name]
    assert join(parts, rng=Honest()) == FILES[name], "checksums and lengths were right before"
    assert len(parts) > 1 or name == "other.gif"


@pytest.mark.parametrize("name", FILES)
def test_every_seed_takes_the_way_that_it_is_for(name: str) -> None:
    target = Target(MODEL, max_pixels=1 << 18)
    assert target.run(with_box(FILES[name])) == REFUSED.get(name, "ok")
    assert target.run(with_box(FILES[name], (500.0, 0.0, 9.0, 9.0))) == REFUSED.get(name, "bad-box")


@pytest.mark.filterwarnings("ignore")  # Pillow warns of broken metadata
def test_the_same_chance_gives_the_same_damage_which_is_damage() -> None:
    def bytewise(part: bytes, _: int) -> bytes:
        return part[::-1]

    def damaged(seed: int) -> bytes:
        others, rng = list(FILES.values()), random.Random(seed)
        file = with_box(others[seed % len(others)])
        return mutate(file, others=others, bytewise=bytewise, max_bytes=5000, rng=rng)

    made = [damaged(seed) for seed in range(200)]
    assert made == [damaged(seed) for seed in range(200)]
    assert len(set(made)) > 180
    target = Target(MODEL, max_pixels=1 << 18)
    assert {target.run(data) for data in made} >= {"ok", "unreadable-image", "bad-box"}


def planned(folder: Path, **changes: float) -> Plan:
    plan: dict[str, float] = {
        "seconds": 1, "inputs": 1000, "processes": 1, "seed": 0, "max_pixels": 1 << 18, "timeout_s": 30,
        "slow_s": 10, "growth_mib": 64, "rss_mib": 2048,
    }  # fmt: skip
    return Plan(folder=folder, model=MODEL, **(plan | changes))  # type: ignore[arg-type]


def names(result: Result) -> set[str]:
    return {path.stem.split("-")[0] for path in result.findings}


def test_what_takes_too_long_or_too_much_is_kept(tmp_path: Path) -> None:
    plan = planned(tmp_path, slow_s=0, growth_mib=-1, seconds=0, inputs=1)
    assert names(run_campaign(plan, on_progress=lambda _: None)) == {"slow", "memory"}
    for finding in kept(tmp_path):
        assert main(["again", str(finding), "--model", str(MODEL)]) == 0


class EnoughError(Exception):
    """Ends a campaign that has shown what it was asked to, however fast the machine is."""


def test_a_short_run_finds_nothing_but_the_two_workers_that_we_hit(tmp_path: Path) -> None:
    """They are replaced, and what they had in hand is kept."""
    hit: list[int] = []
    seen: list[Result] = []
    boards = [tmp_path / f"worker-{number}" / "board" for number in range(2)]

    def hit_once(result: Result) -> None:
        seen[:] = [result]
        if not hit and result.inputs > 2500 and all(sum(Board(board).counts().values()) for board in boards):
            hit.extend(result.pids)
            os.kill(hit[0], signal.SIGSEGV)
            os.kill(hit[1], signal.SIGSTOP)
        if result.restarts >= 2 and result.inputs > 5000:
            raise EnoughError

    plan = planned(tmp_path, processes=2, seconds=60, inputs=5000, timeout_s=3)
    with contextlib.suppress(EnoughError):
        run_campaign(plan, on_progress=hit_once)
    (result,) = seen
    assert [path.stem for path in result.findings] == ["crash-SIGSEGV-0-0", "timeout-1-0"], table(result)
    assert all(path.read_bytes() for path in result.findings)
    assert result.restarts == 2
    assert not set(hit) & set(result.pids)
    assert all(result.counts[outcome] for outcome in OUTCOMES if outcome != "unexpected")


def test_a_process_that_holds_too_much_is_ended(tmp_path: Path) -> None:
    words = {"folder": tmp_path, "seconds": 0, "inputs": 0, "processes": 1, "rss-mib": 1}
    command = [
        sys.executable,
        "-m",
        "deploy.fuzz",
        "run",
        *(f"--{name}={word}" for name, word in words.items()),
    ]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "MiB, over 1" in done.stdout

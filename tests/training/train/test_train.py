"""Runs: what they leave behind, and that an interruption changes nothing."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from training.__main__ import main
from training.checkpoint import Checkpoint, load_checkpoint
from training.config import load_recipe
from training.train.agreement import require_same_recipe
from training.train.logbook import Logbook
from training.train.stop import StopRequest
from training.train.trainer import Trainer

ROOT = Path(__file__).parents[3]


def train(*arguments: str | Path, data: Path, out: Path) -> int:
    return main(["train", "smoke", "--data", str(data), "--out", str(out), *map(str, arguments)])


def losses(out: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return [
        {name: value for name, value in line.items() if name.startswith(("step", "stage", "loss/"))}
        for line in lines
        if "loss/total" in line
    ]


def assert_same_state(a: Checkpoint, b: Checkpoint) -> None:
    assert (a.stage, a.step, a.average_updates, a.images_seen) == (
        b.stage,
        b.step,
        b.average_updates,
        b.images_seen,
    )
    assert a.averaged_weights is not None
    assert b.averaged_weights is not None
    for name, value in a.weights.items():
        torch.testing.assert_close(b.weights[name], value, rtol=0, atol=0)
        torch.testing.assert_close(b.averaged_weights[name], a.averaged_weights[name], rtol=0, atol=0)


@pytest.fixture(scope="module")
def whole_run(drawn_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "whole"
    assert train(data=drawn_data, out=out) == 0
    return out


def test_a_run_leaves_its_state_its_stages_its_best_and_its_log(whole_run: Path) -> None:
    names = {path.name for path in whole_run.iterdir()}
    assert {"last.pt", "best.pt", "shape.pt", "full.pt", "log.jsonl"} <= names
    assert any(name.startswith("events.out.tfevents") for name in names)
    last = load_checkpoint(whole_run / "last.pt")
    assert (last.stage, last.step, last.images_seen) == ("full", 4, 32)
    assert last.trained_s > 0.0
    assert load_checkpoint(whole_run / "best.pt").optimiser is None
    lines = [json.loads(line) for line in (whole_run / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "val/pa_jpe_mm" in line] == [4, 8]
    assert all(0.0 <= line["loader_wait_share"] <= 1.0 for line in lines if "images_per_s" in line)


@pytest.mark.parametrize("interruptions", [(4,), (2, 3)])
def test_an_interrupted_run_ends_as_the_whole_one(
    drawn_data: Path, whole_run: Path, tmp_path: Path, interruptions: tuple[int, ...]
) -> None:
    # Between two stages, and twice inside one.
    out = tmp_path / "run"
    assert train("--steps", str(interruptions[0]), data=drawn_data, out=out) == 0
    for steps in interruptions[1:]:
        assert train("--resume", "--steps", str(steps), data=drawn_data, out=out) == 0
    assert train("--resume", data=drawn_data, out=out) == 0
    assert_same_state(load_checkpoint(out / "last.pt"), load_checkpoint(whole_run / "last.pt"))
    # The means that are logged begin anew with a process; those that were whole are the same.
    assert losses(out)[-1] == losses(whole_run)[-1]


def test_a_run_goes_on_from_a_checkpoint_that_was_kept_elsewhere(
    drawn_data: Path, whole_run: Path, tmp_path: Path
) -> None:
    first, later = tmp_path / "first", tmp_path / "later"
    assert train("--steps", "3", data=drawn_data, out=first) == 0
    kept = tmp_path / "kept.pt"
    (first / "last.pt").rename(kept)
    assert train("--resume", kept, data=drawn_data, out=later) == 0
    assert_same_state(load_checkpoint(later / "last.pt"), load_checkpoint(whole_run / "last.pt"))


def test_a_stage_begins_from_the_averaged_weights_of_a_checkpoint(
    drawn_data: Path, whole_run: Path, tmp_path: Path
) -> None:
    config = load_recipe("smoke")
    config = dataclasses.replace(config, data=dataclasses.replace(config.data, root=str(drawn_data)))
    earlier = load_checkpoint(whole_run / "shape.pt")
    with Logbook(tmp_path) as logbook:
        trainer = Trainer(config, out=tmp_path, logbook=logbook)
        trainer.start_from(earlier, stage="full")
    begun = trainer.checkpoint()
    assert (begun.stage, begun.step, begun.images_seen) == ("full", 0, earlier.images_seen)
    for name, value in earlier.best_weights.items():
        assert torch.equal(begun.weights[name], value)
        assert torch.equal(begun.best_weights[name], value)


def test_a_signal_stops_between_two_updates(drawn_data: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "long.toml"
    text = (ROOT / "training/recipes/smoke.toml").read_text(encoding="utf-8")
    recipe.write_text(text.replace("steps = 4", "steps = 100000").replace("workers = 0", "workers = 1"))
    out = tmp_path / "run"
    command = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "training",
        "train",
        str(recipe),
        "--data",
        str(drawn_data),
    ]
    process = subprocess.Popen(
        [*command, "--out", str(out)], cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        deadline_s = time.monotonic() + 120
        while not (out / "log.jsonl").is_file() or not (out / "log.jsonl").read_text():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline_s
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGTERM)  # as a terminal does: the workers get it too
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, said
    assert "stopped: received SIGTERM" in said
    stopped = load_checkpoint(out / "last.pt")
    assert stopped.stage == "shape"
    assert stopped.step >= 2
    assert stopped.images_seen == 4 * stopped.step


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--resume", "a.pt", "--init", "b.pt"], "give one of them"),
        (["--stage", "full"], "--stage needs --init"),
        (["--resume", "nothing.pt"], "no checkpoint at nothing.pt"),
        (["--hours", "0"], "--hours must be positive, got 0"),
        (["--device", "cuda:99"], "there is no cuda:99"),
        (["--device", "abacus"], "--device must be cpu, cuda or cuda:N, got 'abacus'"),
        (["--steps", "0"], "--steps must be at least 1, got 0"),
    ],
)
def test_arguments_that_make_no_run_are_refused(
    drawn_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    complaint: str,
) -> None:
    assert train(*arguments, data=drawn_data, out=tmp_path / "run") == 2
    assert complaint in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_run_is_not_written_over(
    drawn_data: Path, whole_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(data=drawn_data, out=whole_run) == 2
    assert "holds a run already" in capsys.readouterr().err


def test_an_unknown_stage_is_named(
    drawn_data: Path, whole_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    init = ("--init", whole_run / "last.pt", "--stage", "finale")
    assert train(*init, data=drawn_data, out=tmp_path / "run") == 2
    assert "no stage 'finale'; it has ['shape', 'full']" in capsys.readouterr().err


def train_wider(*words: str, data: Path, folder: Path) -> int:
    """Train a wider network than that of the other runs, into `run` of a folder."""
    recipe = folder / "wider.toml"
    recipe.write_text("base = 'smoke'\n[network]\ntrunk_channels = 16\n", encoding="utf-8")
    return main(["train", str(recipe), "--data", str(data), "--out", str(folder / "run"), *words])


def test_a_checkpoint_of_another_network_is_refused(
    drawn_data: Path, whole_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train_wider("--init", str(whole_run / "last.pt"), data=drawn_data, folder=tmp_path) == 2
    assert "the checkpoint has trunk_channels 8, the recipe's network 16" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("recipe", "complaint"),
    [
        ("[network]\ntrunk_channels = 16\nattention_heads = 4", "network.trunk_channels is 8, not 16; "),
        ("[adaptation]\nshape = 'lifted'", "adaptation.shape is 'none', not 'lifted'"),
        ("targets = 'every'", "targets is 'one', not 'every'"),
    ],
)
def test_a_run_of_another_recipe_does_not_go_on(
    recipe: str,
    complaint: str,
    whole_run: Path,
    tmp_path: Path,
) -> None:
    path = tmp_path / "other.toml"
    path.write_text(f"base = 'smoke'\n{recipe}\n", encoding="utf-8")
    found = load_checkpoint(whole_run / "last.pt").config
    with pytest.raises(ValueError, match=f"is of another recipe: its {re.escape(complaint)}"):
        require_same_recipe(load_recipe(str(path)), found)
    longer = dataclasses.replace(found, log_every=7, stages=found.stages[:1])
    require_same_recipe(longer, found)


def test_a_refused_checkpoint_leaves_no_folder(
    drawn_data: Path, whole_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train_wider("--resume", str(whole_run / "last.pt"), data=drawn_data, folder=tmp_path) == 2
    assert capsys.readouterr().err == (
        "error: the checkpoint is of another recipe: its network.trunk_channels is 8, not 16\n"
    )
    assert not (tmp_path / "run").exists()


def test_a_folder_that_cannot_be_made_is_one_line(
    drawn_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert train("--steps", "2", data=drawn_data, out=tmp_path / "file" / "run") == 2
    assert "error: [Errno 20] Not a directory" in capsys.readouterr().err


def test_a_best_checkpoint_starts_a_run_but_does_not_go_on(
    drawn_data: Path, whole_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train("--resume", whole_run / "best.pt", data=drawn_data, out=tmp_path / "run") == 2
    assert "start from it with --init" in capsys.readouterr().err


def test_time_is_a_reason_to_stop() -> None:
    stop = StopRequest(hours=1e-9)
    time.sleep(0.001)
    assert stop.reason == "reached --hours"
    assert StopRequest(hours=1.0).reason is None


def test_signals_are_handed_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with StopRequest() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.reason == "received SIGTERM"
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_second_ctrl_c_interrupts() -> None:
    with StopRequest(), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

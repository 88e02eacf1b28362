"""Studies: every arm runs once, goes on where it was cut, and is measured as `evaluate` measures."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from training.__main__ import main
from training.checkpoint import load_checkpoint
from training.config import as_dict, load_recipe
from training.study.plan import Run, load_study

ROOT = Path(__file__).parents[3]

RECIPE = """
base = "smoke"
validate_every = 1000
checkpoint_every = 1000
[data]
min_visible_vertices = 0.0
[[stages]]
name = "full"
scope = "full"
steps = {steps}
batch_size = 2
[stages.losses]
vertices_canonical = 1.0
joints_uv = 1.0
rotation = 1.0
"""
STUDY = """
seeds = [0]
[arms.start]
recipe = "{recipe}"
[arms.teacher]
recipe = "{recipe}"
init = "start"
change.network.views = 2
[arms.student]
recipe = "{recipe}"
init = "start"
teacher = "teacher"
change.adaptation.shape = "lifted"
change.adaptation.orientation = "fused"
"""


def write_study(folder: Path, text: str = STUDY, *, steps: int = 1) -> Path:
    """Write a study and the recipe that all its arms change."""
    recipe, study = folder / "recipe.toml", folder / "study.toml"
    recipe.write_text(RECIPE.format(steps=steps), encoding="utf-8")
    study.write_text(text.format(recipe=recipe), encoding="utf-8")
    return study


def words(study: Path, *more: str | Path, out: Path) -> list[str]:
    return ["study", str(study), "--out", str(out), *map(str, more)]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def out(study: Path, drawn_data: Path) -> Path:
    """Carry out the study; return the folder of its runs."""
    out = study.parent / "out"
    assert main(words(study, "--data", drawn_data, "--jobs", "2", out=out)) == 0
    return out


def results(out: Path, arm: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((out / arm / "seed0.json").read_text(encoding="utf-8"))
    return read


def test_every_arm_has_its_own_budget(out: Path) -> None:
    # A step is 2 pictures, or 2 groups of 2 views.
    spent = {arm: results(out, arm)["pictures"] for arm in ("start", "teacher", "student")}
    assert spent == {"start": 2, "teacher": 4, "student": 4}
    assert all(results(out, arm)["steps"] == 1 for arm in spent)
    assert results(out, "student")["trained_s"] > 0.0


def test_the_student_learns_from_the_teacher_of_its_seed(out: Path) -> None:
    taught = load_checkpoint(out / "student" / "seed0" / "last.pt").data["teacher"]
    assert taught["images_seen"] == 2 + 4


def test_scores_are_those_of_evaluate(out: Path, drawn_data: Path, tmp_path: Path) -> None:
    for arm in ("teacher", "student"):
        last, report = out / arm / "seed0" / "last.pt", tmp_path / f"{arm}.json"
        assert main(["evaluate", str(last), "--data", str(drawn_data), "--json", str(report)]) == 0
        evaluated = json.loads(report.read_text(encoding="utf-8"))["scores"]
        for part, scores in results(out, arm)["scores"].items():
            # Threads sum in another order, and a joint at the brink of a threshold moves an area by 0.024.
            assert scores == pytest.approx(evaluated[part], rel=5e-3, abs=0.1)


def test_what_has_ended_is_not_run_again(study: Path, out: Path, drawn_data: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    assert main(words(study, "--data", drawn_data, out=out)) == 0
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()} == before


def test_the_table_has_every_arm(study: Path, out: Path, tmp_path: Path) -> None:
    assert main(words(study, "--table", tmp_path / "table.md", out=out)) == 0
    page = (tmp_path / "table.md").read_text(encoding="utf-8")
    wanted = results(out, "student")["scores"]["all"]["pa_jpe_mm"]
    (row,) = [
        line for line in page.splitlines() if line.startswith("| student |") and f"{wanted:.2f}" in line
    ][:1]
    assert row.split(" | ")[4] == f"{wanted:.2f}"


def begun(study: Path, *more: str | Path, out: Path) -> subprocess.Popen[str]:
    """Begin a study in a process of its own."""
    command = [sys.executable, "-m", "training", *words(study, *more, out=out)]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True)


@pytest.mark.slow
def test_a_study_that_is_cut_goes_on_where_it_was(drawn_data: Path, tmp_path: Path) -> None:
    steps = 40
    study = write_study(tmp_path, "seeds = [3]\n[arms.only]\nrecipe = '{recipe}'\n", steps=steps)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    log = cut / "only" / "seed3" / "log.jsonl"
    first = begun(study, "--data", drawn_data, out=cut)
    beside = begun(study, "--data", drawn_data, out=whole)
    try:
        deadline_s = time.monotonic() + 120
        while not log.is_file() or not log.read_text():
            assert first.poll() is None, first.communicate()
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        os.kill(first.pid, signal.SIGTERM)
        _, said = first.communicate(timeout=60)
        assert first.returncode == 0, said
        assert "stopped: received SIGTERM; the same command goes on" in said
        assert not (cut / "only" / "seed3.json").exists()
        assert 2 <= load_checkpoint(cut / "only" / "seed3" / "last.pt").step < steps
        assert main(words(study, "--data", drawn_data, out=cut)) == 0
        _, said = beside.communicate(timeout=120)
        assert beside.returncode == 0, said
    finally:
        first.kill()
        beside.kill()
    weights = [load_checkpoint(folder / "only" / "seed3" / "last.pt") for folder in (cut, whole)]
    assert [checkpoint.step for checkpoint in weights] == [steps, steps]
    assert [checkpoint.config.seed for checkpoint in weights] == [3, 3]
    for name, value in weights[1].best_weights.items():
        assert weights[0].best_weights[name].equal(value), name


def test_a_run_that_fails_is_named_and_the_others_are_carried_out(
    drawn_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "seeds = [0]\n[arms.bad]\nrecipe = '{recipe}'\nchange.network.trunk_channels = 7\n"
    study = write_study(tmp_path, text + "[arms.good]\nrecipe = '{recipe}'\n")
    assert main(words(study, "--data", drawn_data, out=tmp_path / "out")) == 2
    said = capsys.readouterr().err
    assert "1 of 2 runs failed: bad seed 0: trunk_channels must be even and positive, got 7" in said
    assert (tmp_path / "out" / "good" / "seed0.json").is_file()


def test_results_of_another_recipe_are_not_taken_for_these(
    out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    longer = write_study(tmp_path, steps=2)
    assert main(words(longer, "--table", tmp_path / "table.md", out=out)) == 2
    assert "has the results of another recipe" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ([], "nothing to do: give --data to train, --table to write the tables, or both"),
        (["--data", "data", "--jobs", "0"], "--jobs must be at least 1, got 0"),
        (["--data", "data", "--seeds", "-1"], "--seeds must not be negative, got -1"),
        (["--data", "data", "--arms", "nobody"], "no arm 'nobody'; the study has ['start',"),
        (["--table", "table.md"], "no run has ended in"),
    ],
)
def test_arguments_that_make_no_study_are_refused(
    more: list[str], complaint: str, study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(study, *more, out=tmp_path / "out")) == 2
    assert complaint in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("arms.a.recipe = 'nothing'", "arm 'a': no recipe 'nothing'; there are"),
        ("arms.a.recipe = 'smoke'\narms.a.change.network.width = 3", r"arm 'a': .*unknown key \['width'\]"),
        ("arms.a.recipe = 'smoke'\narms.a.start = 'b'", r"arms.a: unknown key \['start'\]"),
        ("arms.a.recipe = 'smoke'\narms.a.init = 'b'", r"arm 'a': init 'b' is no arm; there are \['a'\]"),
        ("arms.a.recipe = 'sima_compact'", "arm 'a': teacher '', but its recipe learns from a teacher"),
        ("arms.a.recipe = 'smoke'\narms.a.teacher = 'a'", "teacher 'a', but its recipe learns from none"),
        (
            "[arms]\na = {recipe = 'sima_compact', teacher = 'b'}\nb = {recipe = 'mvr_compact', init = 'a'}",
            "arms wait for each other: . -> . -> .",
        ),
        (
            "arms.a = {recipe = 'smoke', paper = {row = 'Table 1', all = {mpjpe = 3.0}}}",
            r"arm 'a': unknown scores \['mpjpe'\]",
        ),
        ("arms.a = {recipe = 'smoke', only_seed = -1}", "arm 'a': only_seed must not be negative, got -1"),
        (
            "arms.a.recipe = 'smoke'\narms.b = {recipe = 'smoke', init = 'a', only_seed = 0}",
            r"arm 'b': only_seed, but its sources \['a'\] have several",
        ),
        ("arms = {}", "a study needs an arm and a seed"),
        ("seeds = [0]", "missing 1 required keyword-only argument: 'arms'"),
        ("arms = 3", "arms: a table is wanted, got 3"),
    ],
)
def test_a_faulty_study_is_named(text: str, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "faulty.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=complaint):
        load_study(str(path))


def test_a_study_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="no study 'nothing'; there are claim"):
        load_study("nothing")


def test_a_seed_is_the_only_difference_between_runs_of_an_arm(study: Path, tmp_path: Path) -> None:
    arm = load_study(str(study)).arms["teacher"]
    one, other = (as_dict(Run(arm, seed, tmp_path).config) for seed in (1, 2))
    assert (one.pop("seed"), other.pop("seed")) == (1, 2)
    assert one == other
    assert one.keys() == as_dict(load_recipe("smoke")).keys() - {"seed"}


def test_an_arm_that_is_trained_once_is_the_start_of_every_seed(drawn_data: Path, tmp_path: Path) -> None:
    start = "seeds = [1, 2]\narms.start.recipe = '{recipe}'\narms.start.only_seed = 7\n"
    study = write_study(tmp_path, start + "arms.all.recipe = '{recipe}'\narms.all.init = 'start'\n")
    assert main(words(study, "--data", drawn_data, out=tmp_path)) == 0
    runs = ["all/seed1", "all/seed2", "start/seed7"]
    assert sorted(str(path.parent.relative_to(tmp_path)) for path in tmp_path.rglob("last.pt")) == runs
    began, *others = (load_checkpoint(tmp_path / run / "last.pt") for run in reversed(runs))
    assert [run.images_seen - began.images_seen for run in others] == [2, 2]

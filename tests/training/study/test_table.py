"""The tables of a study, against numpy."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from training.study.plan import SCORES, Run, load_study
from training.study.results import Results, plain, read_results, write_results
from training.study.table import as_page, mean_and_error

STUDY = """
[arms.base]
recipe = "smoke"
[arms.better]
recipe = "smoke"
change.network.orientation_fusion = "cat"
against = "base"
paper = {row = "Table 9 (i)", all = {jpe_mm = 13.37}, occluded = {vpe_mm = 18.29}}
"""


@pytest.fixture
def runs(tmp_path: Path) -> list[Run]:
    """Return three runs of each of two arms, with drawn scores."""
    path, rng = tmp_path / "study.toml", np.random.default_rng(0)
    path.write_text(STUDY, encoding="utf-8")
    study = load_study(str(path))
    runs = [Run(arm, seed, tmp_path) for seed in study.seeds for arm in study.arms.values()]
    for run in runs:
        run.folder.mkdir(parents=True)
        scores = {
            part: dict(zip(SCORES, rng.uniform(5, 50, len(SCORES)), strict=True))
            for part in ("all", "occluded")
        }
        write_results(
            Results(
                arm=run.arm.name, seed=run.seed, recipe=plain(run.config), scope="full", steps=8, pictures=96,
                trained_s=float(rng.uniform(1, 9)), parameters=1_500_000, multiply_accumulates=120_000_000,
                data={}, scores=scores,
            ),
            run,
        )  # fmt: skip
    return runs


def values(
    runs: list[Run], arm: str, part: str, score: str
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    read = [json.loads(run.results.read_text()) for run in runs if run.arm.name == arm]
    return np.array([results["scores"][part][score] for results in read])


def figure(drawn: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> str:
    return f"{drawn.mean():.2f} ± {drawn.std(ddof=1) / np.sqrt(len(drawn)):.2f}"


def test_means_and_standard_errors_are_numpy_s() -> None:
    drawn = np.random.default_rng(1).normal(size=7)
    assert mean_and_error(drawn.tolist()) == pytest.approx((drawn.mean(), drawn.std(ddof=1) / np.sqrt(7)))


def test_one_seed_has_no_error() -> None:
    mean, error = mean_and_error([3.0])
    assert mean == 3.0
    assert np.isnan(error)


def test_a_row_has_every_score_beside_the_paper_s(runs: list[Run]) -> None:
    section = as_page(runs).split("### All test views")[1].split("###")[0]
    rows = [line for line in section.splitlines() if line.startswith("| better |")]
    cells = [cell for row in rows for cell in row.strip("| ").split(" | ")]
    for score in SCORES:
        cell = figure(values(runs, "better", "all", score))
        assert (f"{cell} (13.37)" if score == "jpe_mm" else cell) in cells
    assert "Table 9 (i)" in rows[0]


def test_a_part_that_no_run_was_measured_on_has_no_table(runs: list[Run]) -> None:
    page = as_page(runs)
    assert "### Occluded" in page
    assert "(18.29)" in page
    assert "### Not occluded" not in page


def test_differences_are_taken_seed_by_seed(runs: list[Run]) -> None:
    apart = values(runs, "better", "occluded", "vpe_mm") - values(runs, "base", "occluded", "vpe_mm")
    section = as_page(runs).split("### Differences")[1].split("### What")[0]
    (row,) = [line for line in section.splitlines() if line.startswith("| better | base | occluded | 3 |")]
    assert figure(apart) in row


def test_runs_that_have_not_ended_are_left_out(runs: list[Run]) -> None:
    runs[1].results.unlink()
    (row, *_) = [line for line in as_page(runs).splitlines() if line.startswith("| better |")]
    assert row.startswith("| better | Table 9 (i) | 2 |")


def test_damaged_results_are_named(runs: list[Run]) -> None:
    runs[0].results.write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=r"seed0\.json holds no results of this version"):
        as_page(runs)


def test_results_from_before_a_key_was_there_are_of_its_default(runs: list[Run]) -> None:
    written = json.loads(runs[0].results.read_text(encoding="utf-8"))
    del written["recipe"]["group_sizes"]
    runs[0].results.write_text(json.dumps(written), encoding="utf-8")
    assert read_results(runs[0]) is not None
    written["recipe"]["no_such_key"] = 1
    runs[0].results.write_text(json.dumps(written), encoding="utf-8")
    with pytest.raises(ValueError, match="has the results of another recipe"):
        read_results(runs[0])

"""The tables of a study: means and standard errors over seeds, beside what the paper has."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence

from training.study.plan import Arm, Run
from training.study.results import Results, read_results

PARTS = {
    "all": "All test views",
    "occluded": "Occluded (less than 40 % of the silhouette visible)",
    "non_occluded": "Not occluded",
}
LENGTHS = {"jpe_mm": "JPE", "pa_jpe_mm": "PA-JPE", "vpe_mm": "VPE", "pa_vpe_mm": "PA-VPE"}
AREAS = {
    "jauc": "JAUC",
    "pa_jauc": "PA-JAUC",
    "vauc": "VAUC",
    "pa_vauc": "PA-VAUC",
    "f_5mm": "F@5",
    "f_15mm": "F@15",
    "pa_f_5mm": "PA-F@5",
    "pa_f_15mm": "PA-F@15",
}

Ended = dict[int, Results]
"""Results by seed."""


def as_page(runs: Sequence[Run]) -> str:
    """Return the tables of all runs that have ended, as Markdown.

    Raises:
        ValueError: None has ended, or results are damaged or of another recipe than the study's.
    """
    arms, ended = _gathered(runs)
    if not ended:
        raise ValueError(f"no run has ended in {runs[0].out}")
    compared = [arm for arm in arms if arm.name in ended and arm.config.stages[-1].scope == "full"]
    blocks = [
        "Mean ± standard error over seeds; lengths in millimetres, AUC and F in percent; PA: after\n"
        "Procrustes alignment. In brackets what the paper has, on DexYCB: other data, larger networks,\n"
        "a longer training."
    ]
    for part, title in PARTS.items():
        chosen = [arm for arm in compared if _of_part(ended[arm.name], part)]
        if chosen:
            blocks += [f"### {title}", _scores(chosen, ended, part, LENGTHS)]
            blocks += [_scores(chosen, ended, part, AREAS)]
    if differences := _differences(compared, ended):
        blocks += [
            "### Differences, seed by seed",
            "Below zero: better than what it is against.",
            differences,
        ]
    blocks += ["### What was spent", _budgets([arm for arm in arms if arm.name in ended], ended)]
    return "\n\n".join(blocks) + "\n"


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and its standard error, which is not a number for a single value."""
    error = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return statistics.fmean(values), error


def _gathered(runs: Iterable[Run]) -> tuple[list[Arm], dict[str, Ended]]:
    arms: dict[str, Arm] = {}
    ended: dict[str, Ended] = {}
    for run in runs:
        arms[run.arm.name] = run.arm
        results = read_results(run)
        if results is not None:
            ended.setdefault(run.arm.name, {})[run.seed] = results
    return list(arms.values()), ended


def _of_part(ended: Ended, part: str) -> list[dict[str, float]]:
    return [results.scores[part] for results in ended.values() if part in results.scores]


def _scores(arms: Sequence[Arm], ended: Mapping[str, Ended], part: str, columns: Mapping[str, str]) -> str:
    rows = []
    for arm in arms:
        rows_of_seeds = _of_part(ended[arm.name], part)
        paper = arm.described.paper
        published = paper.of(part)
        cells = []
        for score in columns:
            cell = _figure([row[score] for row in rows_of_seeds])
            cells.append(f"{cell} ({published[score]:.2f})" if score in published else cell)
        rows.append([arm.name, paper.row if published else "", str(len(rows_of_seeds)), *cells])
    return _table(["arm", "paper", "seeds", *columns.values()], rows)


def _differences(arms: Sequence[Arm], ended: Mapping[str, Ended]) -> str:
    rows = []
    for arm in arms:
        other = arm.described.against
        seeds = sorted(set(ended[arm.name]) & set(ended.get(other, {})))
        for part in PARTS if seeds else ():
            pairs = [(ended[arm.name][seed].scores, ended[other][seed].scores) for seed in seeds]
            pairs = [(own, base) for own, base in pairs if part in own and part in base]
            if pairs:
                cells = [_figure([own[part][s] - base[part][s] for own, base in pairs]) for s in LENGTHS]
                rows.append([arm.name, other, part.replace("_", "-"), str(len(pairs)), *cells])
    return _table(["arm", "against", "views", "seeds", *LENGTHS.values()], rows) if rows else ""


def _budgets(arms: Sequence[Arm], ended: Mapping[str, Ended]) -> str:
    rows = []
    for arm in arms:
        of_seeds = list(ended[arm.name].values())
        first = of_seeds[0]
        rates = [results.pictures / results.trained_s for results in of_seeds]
        sources = arm.described.init, arm.described.teacher
        rows.append(
            [
                arm.name, *sources, f"{first.steps:,}", f"{first.pictures:,}", _figure(rates),
                f"{statistics.fmean(results.trained_s for results in of_seeds) / 60:.1f}",
                f"{first.parameters / 1e6:.2f}", f"{first.multiply_accumulates / 1e6:.0f}",
            ]
        )  # fmt: skip
    header = ["arm", "starts from", "teacher", "steps", "pictures", "pictures/s", "minutes"]
    return _table([*header, "parameters, M", "MMAC"], rows)


def _figure(values: Sequence[float]) -> str:
    mean, error = mean_and_error(values)
    return f"{mean:.2f}" if math.isnan(error) else f"{mean:.2f} ± {error:.2f}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)

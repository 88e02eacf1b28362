"""The rates of training as a part of `docs/benchmarks.md`."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from deploy.bench.machine import Machine

Rates = Mapping[tuple[str, str], Sequence[float]]
"""By process and case, the images a second of each round."""

_NOTE = """\
The recipe is `{recipe}`, a batch {batch} pictures, {threads} threads, {pictures:,} rendered pictures in the
page cache. The rounds of all cases are interleaved; a rate is the median over {rounds} rounds, a ratio the
median of the ratios within a round. *First version*: a file a picture, read and made float one by one in
the loop, contiguous float32 maps, Adam as it comes, no averaged weights. All loaders cut and disturb as the
recipe says.
"""

LOADERS = {
    "shards": ("ours", "loader"),
    "WebDataset": ("first version", "tars"),
    "a file a picture, `Dataset` and `DataLoader`": ("first version", "files"),
}


def render(
    rates: Rates, *, command: str, machine: Machine, recipe: str, batch: int, threads: int, pictures: int
) -> str:
    """Write the part."""
    rounds = len(next(iter(rates.values())))
    note = _NOTE.format(recipe=recipe, batch=batch, threads=threads, pictures=pictures, rounds=rounds)
    preface = (
        f"Written by `{command}` on {machine.day.isoformat()}; {machine.cpu}, {machine.core_count} cores, "
        f"load average {machine.load_average:.1f} before the start, torch {machine.versions['torch']}."
    )
    blocks = ["## Training", preface, note, _loaders(rates), _steps(rates)]
    return "\n\n".join(block.strip() for block in blocks) + "\n"


def _loaders(rates: Rates) -> str:
    rows = []
    for name, (process, case) in LOADERS.items():
        cells = [
            f"{statistics.median(rates[process, f'{case} {workers}']):.0f}"
            f" ({_ratio(rates, (process, f'{case} {workers}'), ('ours', f'loader {workers}')):.2f})"
            for workers in (1, 2)
        ]
        rows.append([name, *cells])
    return _table(["loader, images/s (over the shards)", "1 process", "2 processes"], rows)


def _steps(rates: Rates) -> str:
    rows = []
    for case in ("step", "loop"):
        own, plain = (statistics.median(rates[process, case]) for process in ("ours", "first version"))
        ratio = _ratio(rates, ("ours", case), ("first version", case))
        rows.append([f"training, {case}", f"{own:.1f}", f"{plain:.1f}", f"{ratio:.2f}"])
    rows.append(["evaluation", f"{statistics.median(rates['ours', 'evaluation']):.1f}", "", ""])
    return _table(["images/s", "ours", "first version", "ratio"], rows)


def _ratio(rates: Rates, one: tuple[str, str], other: tuple[str, str]) -> float:
    return statistics.median(a / b for a, b in zip(rates[one], rates[other], strict=True))


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)

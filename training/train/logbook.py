"""Where a run tells how it goes: a progress bar, TensorBoard, and one line of JSON now and then."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Never, Self, TextIO

import numpy as np
from numpy.typing import NDArray
from torch.utils.tensorboard.writer import SummaryWriter
from tqdm import tqdm

from training.engine.stage import Step

LOG_LINES = "log.jsonl"
QUIET_INTERVAL_S = 30.0
"""How often the bar is redrawn where nobody watches it, i.e. in a file."""


class _Files(NamedTuple):
    """What a log is kept in."""

    events: SummaryWriter
    lines: TextIO


class Logbook:
    """The log of a run; steps are counted over all stages."""

    def __init__(self, folder: Path) -> None:
        """Write to `folder`, after what is there; it is made when there is something to write."""
        self._folder = folder
        self._files: _Files | None = None
        self._since = _Interval()
        self._bar: tqdm[Never] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end_stage()
        if self._files is not None:
            self._files.events.close()
            self._files.lines.close()

    def begin_stage(self, name: str, *, steps: int, done: int) -> None:
        """Start the progress bar of a stage."""
        interval_s = 0.5 if sys.stderr.isatty() else QUIET_INTERVAL_S
        self._bar = tqdm(
            desc=name, total=steps, initial=done, unit="batch", mininterval=interval_s, dynamic_ncols=True
        )
        self._since = _Interval()

    def end_stage(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def note_step(self, step: Step, *, images: int, waited_s: float) -> None:
        """Take in one update and how long it had waited for its batch."""
        self._since.add(step, images=images, waited_s=waited_s)
        if self._bar is not None:
            self._bar.update()

    def write_losses(self, number: int, *, stage: str) -> None:
        """Write the means since the last time, at step `number` of the run."""
        values = self._since.means()
        self._since = _Interval()
        if self._bar is not None:
            self._bar.set_postfix_str(
                f"{values['images_per_s']:.0f} images/s, wait {values['loader_wait_share']:.1%}, "
                f"loss {values['loss/total']:.4f}"
            )
        self.write_scalars(values, number, stage=stage)

    def write_scalars(self, values: dict[str, float], number: int, *, stage: str) -> None:
        """Write named values at step `number` of the run."""
        for name, value in values.items():
            self._opened().events.add_scalar(name, value, number)
        rounded = {name: float(f"{value:.6g}") for name, value in values.items()}
        lines = self._opened().lines
        lines.write(json.dumps({"step": number, "stage": stage, **rounded}) + "\n")
        lines.flush()

    def write_picture(self, name: str, picture: NDArray[np.uint8], number: int) -> None:
        """Write a picture (H, W, 3) at step `number` of the run."""
        self._opened().events.add_image(name, picture, number, dataformats="HWC")

    def say(self, text: str) -> None:
        """Print a line above the progress bar."""
        tqdm.write(text, file=sys.stderr)

    def _opened(self) -> _Files:
        if self._files is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            lines = (self._folder / LOG_LINES).open("a", encoding="utf-8")
            self._files = _Files(SummaryWriter(str(self._folder)), lines)
        return self._files


class SilentLogbook(Logbook):
    """The log of a process that does not lead its team: nothing is kept or shown."""

    def __init__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def begin_stage(self, name: str, *, steps: int, done: int) -> None:
        """Show no bar."""

    def end_stage(self) -> None:
        """There is no bar to take away."""

    def note_step(self, step: Step, *, images: int, waited_s: float) -> None:
        """Forget the update."""

    def say(self, text: str) -> None:
        """Say nothing."""


class _Interval:
    """What happened since the last line of the log."""

    def __init__(self) -> None:
        self._start_s = time.monotonic()
        self._steps: list[Step] = []
        self._images = 0
        self._waited_s = 0.0

    def add(self, step: Step, *, images: int, waited_s: float) -> None:
        self._steps.append(step)
        self._images += images
        self._waited_s += waited_s

    def means(self) -> dict[str, float]:
        elapsed_s = max(time.monotonic() - self._start_s, 1e-9)
        names = self._steps[0].losses
        losses = {
            f"loss/{name}": float(np.mean([step.losses[name] for step in self._steps])) for name in names
        }
        return {
            **losses,
            "gradient_norm": float(np.mean([step.gradient_norm for step in self._steps])),
            "learning_rate": self._steps[-1].learning_rate,
            "images_per_s": self._images / elapsed_s,
            "loader_wait_share": self._waited_s / elapsed_s,
        }

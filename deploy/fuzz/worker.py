"""One process that tries inputs until it is ended, or ends itself by a crash: that is what it is for.

libFuzzer (atheris) keeps an input that reaches new Python code of the gateway's or of Pillow's, and starts
from it again; damage that knows the formats comes from `deploy.fuzz.mutation`.
"""

from __future__ import annotations

import argparse
import faulthandler
import hashlib
import random
import resource
import sys
import time
import traceback
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["service", "PIL"]):
    from deploy.fuzz.target import Target

from deploy.fuzz.board import LARGEST_INPUT_BYTES, Board
from deploy.fuzz.mutation import mutate
from deploy.fuzz.seeds import seed_files

KIBIBYTES_PER_MEBIBYTE = 1024


class Worker:
    """Tries one input after the other and keeps those that did what none may do."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        """Open the board and the folder of findings."""
        self._target = Target(arguments.model, max_pixels=arguments.max_pixels)
        self._board = Board(arguments.folder / "board")
        self._findings: Path = arguments.findings
        self._limit_cpu_s: float = arguments.slow_s
        self._growth_mib: int = arguments.growth_mib
        self._others = list(seed_files().values())

    def try_input(self, data: bytes) -> None:
        """Run one input and judge it."""
        self._board.take(data)
        # libFuzzer's own memory grows with its corpus; what one input needs is the target's.
        peak_before_mib = _peak_mib()
        started_s = time.process_time()
        try:
            outcome = self._target.run(data)
        except Exception as error:
            outcome = "unexpected"
            self._keep(data, _place(error), traceback.format_exc())
        self._board.count(outcome)
        cpu_s = time.process_time() - started_s
        if cpu_s > self._limit_cpu_s:
            self._keep(data, "slow", f"{cpu_s:.2f} s of CPU time, over {self._limit_cpu_s:g}")
        grown_mib = _peak_mib() - peak_before_mib
        if grown_mib > self._growth_mib:
            self._keep(data, "memory", f"it took {grown_mib} MiB, over {self._growth_mib}")

    def mutate(self, data: bytes, max_bytes: int, seed: int) -> bytes:
        """Return another input; the form that atheris asks for."""
        return mutate(
            data,
            others=self._others,
            bytewise=atheris.Mutate,
            max_bytes=max_bytes,
            rng=random.Random(seed),  # noqa: S311 - chance, not a secret
        )

    def _keep(self, data: bytes, kind: str, report: str) -> None:
        """Keep the first input of a kind, with what it did."""
        path = self._findings / f"{kind}.bin"
        if not path.exists():
            path.write_bytes(data)
            path.with_suffix(".txt").write_text(report, encoding="utf-8")


def _peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // KIBIBYTES_PER_MEBIBYTE


def _place(error: Exception) -> str:
    """Return a name for where an error arose: two inputs of one name have one cause."""
    frames = traceback.extract_tb(error.__traceback__)
    where = ":".join(f"{frame.filename}:{frame.lineno}" for frame in frames[-3:])
    return f"{type(error).__name__}-{hashlib.sha256(where.encode()).hexdigest()[:8]}"


def main() -> None:
    """Fuzz until the process is ended."""
    parser = argparse.ArgumentParser(prog="python -m deploy.fuzz.worker", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="of this worker: its board and corpus")
    parser.add_argument("--findings", type=Path, required=True)
    parser.add_argument("--seeds", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--max-pixels", type=int, required=True)
    parser.add_argument("--slow-s", type=float, required=True)
    parser.add_argument("--growth-mib", type=int, required=True)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # Pillow warns of broken metadata
    worker = Worker(arguments)
    corpus = arguments.folder / "corpus"
    corpus.mkdir(exist_ok=True)
    options = {
        "seed": arguments.seed,
        "max_len": LARGEST_INPUT_BYTES,
        "len_control": 0,
        "rss_limit_mb": 0,  # the campaign watches memory and time from outside
        "timeout": 3600,
        "artifact_prefix": f"{arguments.folder}/",
        "verbosity": 0,
    }
    # A crash ends the process by its own signal, with Python's stack in the log.
    options |= {f"handle_{name}": 0 for name in ("segv", "bus", "abrt", "ill", "fpe")}
    faulthandler.enable()
    words = [f"-{name}={value}" for name, value in options.items()]
    atheris.Setup(
        [sys.argv[0], *words, str(corpus), str(arguments.seeds)],
        worker.try_input,
        custom_mutator=worker.mutate,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()

"""The exported network in a process of its own, ordered to run in a loop."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.triton.server import KEEP_FREED_MEMORY

_MODULE = "deploy.bench.contenders.bare_torchscript"


class BareNetwork:
    """Speaks the line protocol of `contenders/bare_torchscript.py`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def images_per_second(self, *, batch: int, seconds: float) -> float:
        """Run one batch in a loop and return what it reached.

        Raises:
            RuntimeError: the process ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"batch": batch, "seconds": seconds}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{_MODULE} ended with {self._process.wait()}")
        return float(json.loads(line))


@contextmanager
def bare_network(model: Path) -> Iterator[BareNetwork]:
    """Run the network of a `model.pt` until the body ends, with the memory settings that Triton gets here."""
    command = [sys.executable, "-m", _MODULE, str(model)]
    environment = {**os.environ, **KEEP_FREED_MEMORY}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield BareNetwork(process)
        finally:
            process.terminate()

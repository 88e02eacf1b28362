"""Memory that is freed and asked for again, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

FAULTS = """
import resource
import numpy as np
from training.engine.allocator import keep_freed_memory

{prepare}
for _ in range(3):
    np.ones(5 * 2**20)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    np.ones(5 * 2**20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(prepare: str) -> int:
    """Return the page faults of five times 40 MB, freed in between."""
    program = [sys.executable, "-c", FAULTS.format(prepare=prepare)]
    return int(subprocess.run(program, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator is what is asked")
def test_freed_memory_is_not_faulted_in_again() -> None:
    # Where the kernel gives huge pages there are 20 faults for 40 MB, else 10,240.
    assert faults("") >= 100
    assert faults("keep_freed_memory()") < 20

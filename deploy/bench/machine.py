"""Where and with what a benchmark ran."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path

from deploy.triton.install import WHEEL_VERSION

PACKAGES = (
    "fastapi",
    "uvicorn",
    "litserve",
    "torch",
    "tritonclient",
    "numpy",
    "orjson",
    "simplejpeg",
    "pillow",
)


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What a reader must know to compare the figures with their own."""

    cpu: str
    core_count: int
    kernel: str
    python: str
    load_average: float
    day: date
    versions: dict[str, str]


def this_machine() -> Machine:
    """Describe the machine now; `load_average` is that of the minute before the benchmark."""
    cpu_lines = [
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")
    ]
    return Machine(
        cpu=cpu_lines[0].partition(":")[2].strip() if cpu_lines else platform.processor(),
        core_count=os.cpu_count() or 1,
        kernel=platform.release(),
        python=platform.python_version(),
        load_average=os.getloadavg()[0],
        day=datetime.now(UTC).date(),
        versions={name: version(name) for name in PACKAGES} | {"nvidia-pytriton wheel": WHEEL_VERSION},
    )

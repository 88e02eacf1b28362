"""A clock that jumps, for one process: a small library that is preloaded into it."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("clock.c")


@dataclass(frozen=True)
class JumpingClock:
    """The clock of every process that is started with `environment`."""

    library: Path
    offset: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables that give a process this clock."""
        return {"LD_PRELOAD": str(self.library), "CLOCK_JUMP_FILE": str(self.offset)}

    def jump(self, seconds: int) -> None:
        """Set how far its time of day is off, for processes that run, too."""
        with self.offset.open("r+b") as file:  # in place: they have the file mapped
            file.write(struct.pack("@l", seconds))


@asynccontextmanager
async def jumping_clock(folder: Path) -> AsyncGenerator[JumpingClock, None]:
    """Compile the library.

    Raises:
        FileNotFoundError: There is no C compiler.
        RuntimeError: It could not compile.
    """
    clock = JumpingClock(folder / "clock.so", folder / "clock.offset")
    clock.offset.write_bytes(struct.pack("@l", 0))
    compiler = await asyncio.create_subprocess_exec(
        "cc", "-O2", "-shared", "-fPIC", "-o", str(clock.library), str(SOURCE), stderr=asyncio.subprocess.PIPE
    )
    _, errors = await compiler.communicate()
    if compiler.returncode:
        raise RuntimeError(f"cannot compile {SOURCE.name}: {errors.decode()}")
    yield clock

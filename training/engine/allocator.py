"""What the C library does with the memory that a training step frees."""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
"""Names of glibc's `mallopt` for what `malloc.h` calls so."""


def keep_freed_memory() -> None:
    """Let this process keep the memory it frees, instead of asking the kernel for it anew each step.

    A step allocates the same hundreds of large maps as the one before. By default glibc maps each from the
    kernel and gives it back, and every first touch of a page is a fault: about 90,000 faults a step of 48
    images, nearly a fifth of its time. The process stays as large as its largest step. Elsewhere than under
    Linux nothing happens.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):
            libc.mallopt(_M_MMAP_MAX, 0)
            libc.mallopt(_M_TRIM_THRESHOLD, -1)

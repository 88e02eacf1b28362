"""An array as the bytes that a live stream carries."""

from __future__ import annotations

from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

LITTLE_ENDIAN: Final[dict[Literal["float32", "float16"], np.dtype[Any]]] = {
    "float32": np.dtype("<f4"),
    "float16": np.dtype("<f2"),
}


def packed(array: NDArray[np.float32], precision: Literal["float32", "float16"]) -> bytes:
    """Return the numbers of `array`, row by row, little-endian."""
    return np.asarray(array, LITTLE_ENDIAN[precision]).tobytes()

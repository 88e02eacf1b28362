"""Equal but for rounding, said once for every test of poses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


def assert_near(found: Tensor, wanted: Tensor | NDArray[np.float64], atol: float = 1e-12) -> None:
    """Fail, and show where, if an entry differs by more than `atol`."""
    np.testing.assert_allclose(found.numpy(), np.asarray(wanted), rtol=0, atol=atol)

"""Where half precision does not reach: a millimetre of a hand is less than bf16 resolves."""

from __future__ import annotations

import torch
from torch import Tensor


def full_precision(like: Tensor) -> torch.autocast:
    """Return a context in which no operation on the device of `like` is cast down."""
    return torch.autocast(like.device.type, enabled=False)

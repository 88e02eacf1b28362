"""What dropout draws from: one stream where a process is alone, and in a team one for each update."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def random_state(device: torch.device) -> Tensor:
    """Return the state of the generator that dropout draws from on a device."""
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()


def set_random_state(state: Tensor, device: torch.device) -> None:
    """Go on drawing from a state; a run that goes on on another kind of device draws anew."""
    if state.shape != random_state(device).shape:
        return
    if device.type == "cuda":
        torch.cuda.set_rng_state(state, device)
    else:
        torch.set_rng_state(state)


def seed_from(*numbers: int) -> None:
    """Begin a stream that follows from these numbers alone, none of them negative."""
    torch.manual_seed(int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]))

"""An exponential moving average of a network's weights: what is evaluated and exported.

At a constant learning rate the average stands about where a decayed rate would settle, so a run can be
stopped at any step and still give a good network.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

FIRST_UPDATES = 10
"""The decay starts at 1 / FIRST_UPDATES and rises to its value: the random start is soon forgotten."""


class AveragedWeights:
    """The average of a module's state: parameters and running statistics; integers are copied."""

    def __init__(self, module: nn.Module, *, decay: float) -> None:
        """Start the average at the module's weights.

        Raises:
            ValueError: `decay` is not in [0, 1).
        """
        if not 0.0 <= decay < 1.0:
            raise ValueError(f"decay must be in [0, 1), got {decay}")
        self.decay = decay
        self.updates = 0
        self.weights = {name: value.detach().clone() for name, value in module.state_dict().items()}

    def update(self, module: nn.Module) -> None:
        """Move the average by one step towards the module's weights."""
        decay = min(self.decay, (1 + self.updates) / (FIRST_UPDATES + self.updates))
        state = module.state_dict()
        floating = [name for name, value in self.weights.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.weights[n] for n in floating], [state[n] for n in floating], 1.0 - decay)
        for name, value in self.weights.items():
            if not value.is_floating_point():
                value.copy_(state[name])
        self.updates += 1

    def restore(self, weights: dict[str, Tensor], *, updates: int) -> None:
        """Go on from a saved average.

        Raises:
            ValueError: The saved weights are not those of this module.
        """
        if weights.keys() != self.weights.keys():
            raise ValueError(f"averaged weights differ: {sorted(weights.keys() ^ self.weights.keys())[:5]}")
        for name, value in weights.items():
            self.weights[name].copy_(value)
        self.updates = updates

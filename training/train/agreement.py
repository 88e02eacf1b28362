"""Whether a checkpoint may be gone on from, started from, or learnt from by a recipe."""

from __future__ import annotations

from training.config import NetworkConfig, RunConfig, as_dict
from training.toml_tables import differing

RESUMED_AS_THEY_ARE = ("network.", "adaptation.", "targets", "group_sizes", "data.kind")
"""Keys, or beginnings of them, that make a run another one; rates, lengths and records it may change."""


def require_same_recipe(own: RunConfig, other: RunConfig) -> None:
    """Check that a checkpoint's run is one that this recipe goes on with.

    Raises:
        ValueError: It is of another recipe; names the keys.
    """
    keys = [
        f"{key} is {found!r}, not {wanted!r}"
        for key, (wanted, found) in differing(as_dict(own), as_dict(other)).items()
        if key.startswith(RESUMED_AS_THEY_ARE)
    ]
    if keys:
        raise ValueError(f"the checkpoint is of another recipe: its {'; '.join(keys)}")


def require_same_widths(own: NetworkConfig, other: NetworkConfig, *, whose: str) -> None:
    """Check that two networks have features of one size.

    Raises:
        ValueError: They have not.
    """
    for name in ("trunk_channels", "latent_channels", "decoder_channels"):
        wanted, found = getattr(own, name), getattr(other, name)
        if found != wanted:
            raise ValueError(f"the {whose} has {name} {found}, the recipe's network {wanted}")

"""Whether a checkpoint may be gone on from, started from, or learnt from by a recipe."""

from __future__ import annotations

from training.config import NetworkConfig, RunConfig, as_dict
from training.toml_tables import differing

RESUMED_AS_THEY_ARE = ("network", "adaptation", "targets", "group_sizes")
"""What a run that goes on cannot change without being another run; its rates, lengths and records it may."""


def require_same_recipe(own: RunConfig, other: RunConfig) -> None:
    """Check that a checkpoint's run is one that this recipe goes on with.

    Raises:
        ValueError: It is of another recipe; names the keys.
    """
    mine, found = as_dict(own), as_dict(other)
    keys = differing(*({key: run[key] for key in RESUMED_AS_THEY_ARE} for run in (mine, found)))
    if own.data.kind != other.data.kind:
        keys.append(f"data.kind is {other.data.kind!r}, not {own.data.kind!r}")
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

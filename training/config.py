"""A run as data: frozen dataclasses, and a strict reader of the TOML recipes that fill them.

A recipe names what differs from its `base`; a key that no dataclass has is an error that names it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from training.toml_tables import built, overlaid, read_toml, require_at_least

RECIPES = Path(__file__).parent / "recipes"
STUDIES = RECIPES / "studies"
"""Not recipes, but what compares them."""

DataKind = Literal["synthetic", "dexycb", "hanco"]


@dataclass(frozen=True, kw_only=True)
class FusionConfig:
    """How MVR-Hand's views meet; the defaults are the paper's, the rest its Table 5 (spec sections 3, 11)."""

    images: Literal["cat", "none"] = "cat"
    """Image-level features, eq. 1."""
    joints: Literal["pool", "cat", "none", "drop"] = "pool"
    """Joint-level features, eq. 2; `drop` leaves out the target's as well."""
    vertices: Literal["score", "literal", "mha", "cat", "pool"] = "score"
    """Vertex-level features, eq. 3: as its text says, to the letter, or with projections and heads."""
    join: Literal["sum", "attn"] = "sum"
    """How the fused joint feature meets the orientation feature."""


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Widths and parts of SVR-Hand and MVR-Hand; the defaults are the paper's SVR-Hand (spec section 2)."""

    views: int = 1
    """Pictures of one moment that the network looks at: with 1 it is SVR-Hand, with more MVR-Hand."""
    fusion: FusionConfig = field(default_factory=FusionConfig)
    """What MVR-Hand does with its views; SVR-Hand has none to fuse."""

    trunk_channels: int = 128
    """Channels of the image-level feature; every width of the encoders follows from it."""
    latent_channels: int = 256
    """Channels of the latent map that the joints are pooled from."""
    decoder_channels: tuple[int, ...] = (256, 128, 64, 32)
    """Output channels of the four spiral blocks, coarse to fine."""
    attention_heads: int = 8
    attention_head_channels: int = 512
    mesh_convolution: Literal["spiral", "separable"] = "spiral"
    """Of the decoder; `separable` is MobRecon's."""
    frame: Literal["canonical", "camera"] = "canonical"
    """In which the mesh is decoded; `camera` has no orientation branch, as MobRecon."""
    mapping: Literal["pointwise", "none"] = "pointwise"
    """What SVR-Hand's features pass before the orientation; H2ONet has none."""
    rotation_layers: Literal["halving", "h2onet"] = "halving"
    """How the rotation regressor narrows."""
    orientation_fusion: Literal["attn", "cat", "sum"] = "attn"
    """How SVR-Hand's joint and orientation features meet (Table 5 vii to ix)."""

    def __post_init__(self) -> None:
        """Refuse a network without a width; `build` says what else the widths must be."""
        require_at_least(self, 1, "views", "latent_channels", "attention_heads", "attention_head_channels")
        if any(width < 1 for width in self.decoder_channels):
            raise ValueError(f"decoder_channels are at least 1, got {list(self.decoder_channels)}")


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Which hands, where they lie and how they are disturbed; defaults: the paper's (spec section 1)."""

    kind: DataKind = "synthetic"
    """Rendered hands, or a copy of a published data set, whose labels are MANO's."""
    root: str = "data/rendered"
    """Folder with `train`, `val` and `test`, each as `training render` writes it; or of the published set."""
    mano: str = ""
    """Folder with `MANO_RIGHT.pkl` and `MANO_LEFT.pkl`, for the published sets."""
    cache: str = ""
    """Folder for DexYCB's index; without one, every label is opened at each start."""
    hanco_variants: tuple[
        Literal["rgb", "rgb_merged", "rgb_homo", "rgb_color_auto", "rgb_color_sample"], ...
    ] = (
        "rgb",
        "rgb_merged",
    )
    """Pictures of HanCo that are trained on; the paper's two."""
    min_visible_vertices: float = 0.12
    """Training views that show a smaller share of the vertices are dropped."""
    scale_sigma: float = 0.25
    """s = 1 + sigma * clip(N(0, 1), -1, 1) on the source box."""
    rotation_sigma_deg: float = 30.0
    """Turn of the box, sigma * clip(N(0, 1), -2, 2)."""
    rotation_probability: float = 0.6
    shift: float = 0.0
    """Largest displacement of the box, in units of its side."""
    gain: float = 0.2
    """Colour gain of each channel, U(1 - gain, 1 + gain)."""
    gamma: float = 0.0
    """The levels are raised to exp(U(-gamma, gamma))."""
    sharpness: float = 0.0
    """Blur (below zero) or unsharp mask (above), U(-sharpness, sharpness)."""
    noise_level: float = 0.0
    """Standard deviation of added noise in levels of 255, max(0, U(-level, level)): half have none."""
    cutout_probability: float = 0.0
    """Share of crops with a patch of one colour laid over them."""
    mirror_border_probability: float = 0.0
    """Share of crops that are mirrored instead of black outside the picture."""
    views: int = 1
    """Pictures of one moment that a batch keeps together where a single view is looked at, by the network and
    by its teacher; so it sees the very batches of a network of as many views."""
    pool_shards: int = 24
    """Shards that are shuffled together; twice as many are in memory."""
    workers: int = 1
    resident: bool = False
    """Hold the decoded training set in the device's memory and cut the crops there, so that processors do not
    hold up a GPU; for rendered sets."""

    def __post_init__(self) -> None:
        """Refuse what no batch can be made of."""
        require_at_least(self, 1, "views", "pool_shards")
        require_at_least(self, 0, "workers")


@dataclass(frozen=True, kw_only=True)
class StageConfig:
    """One stage of training: what is trained, on which terms, for how long."""

    name: str
    scope: Literal["shape", "full"]
    """`shape` trains the canonical hand alone, `full` the orientation on top of it."""
    steps: int
    batch_size: int = 64
    """Pictures; groups of views where several are looked at, by the network or by its teacher."""
    batch_parts: int = 1
    """Passes that one update's batch is seen in, for batches beyond the memory; gradients are averaged."""
    learning_rate: float = 1e-3
    schedule: Literal["milestone", "cosine", "constant"] = "milestone"
    orientation_rate: float = 1.0
    """Factor on the learning rate of the orientation branch."""
    warmup_steps: int = 200
    milestone: float = 0.79
    """Share of the steps after which `milestone` divides the rate by ten (H2ONet: epoch 30 of 38)."""
    clip_norm: float = 0.1
    """Largest norm of the gradient of a branch, shape or orientation; 0 leaves it as it is."""
    losses: dict[str, float] = field(default_factory=dict)
    """Weight of each named term; a term that is not listed is not computed."""

    def __post_init__(self) -> None:
        """Refuse a stage that could not take a single step."""
        try:
            require_at_least(self, 1, "steps", "batch_size", "batch_parts")
        except ValueError as error:
            raise ValueError(f"stage {self.name!r}: {error}") from error


@dataclass(frozen=True, kw_only=True)
class AdaptationConfig:
    """What a single-view student learns from a multi-view teacher; by default nothing (spec section 4)."""

    shape: Literal["none", "lifted", "decoded"] = "none"
    """Vertex features that L_SE compares, the lifted ones (the paper) or the last decoder block's."""
    orientation: Literal["none", "joint", "orientation", "fused"] = "none"
    """Features that L_OE compares: f_j, f_o, or what the rotation is regressed from (the paper's)."""
    shape_weight: float = 0.1
    """beta."""
    orientation_weight: float = 0.1
    """gamma."""
    distance: Literal["mse", "l1", "l2norm"] = "mse"
    """Of two features: mean square, mean absolute, or mean length of a token's difference."""

    @property
    def is_on(self) -> bool:
        """Whether anything is learnt from a teacher."""
        return (self.shape, self.orientation) != ("none", "none")


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """A whole run; `training/recipes/<name>.toml` fills it."""

    network: NetworkConfig = field(default_factory=NetworkConfig)
    data: DataConfig = field(default_factory=DataConfig)
    adaptation: AdaptationConfig = field(default_factory=AdaptationConfig)
    stages: tuple[StageConfig, ...] = ()
    targets: Literal["one", "every"] = "one"
    """Views of a group whose orientation an update of MVR-Hand asks for: one drawn at random, or each."""
    group_sizes: tuple[int, ...] = ()
    """Parts of so many views that a batch's groups are divided into, each group by the next of the sizes, so
    that MVR-Hand learns from fewer views as well. By default groups stay whole."""
    optimiser: Literal["adam", "adamw"] = "adam"
    weight_decay: float = 0.0
    ema_decay: float = 0.999
    """Decay of the averaged weights that are evaluated and exported; 0 turns averaging off."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Of the forward pass; `auto` is bf16 where the device has instructions for it."""
    seed: int = 0
    log_every: int = 50
    checkpoint_every: int = 500
    validate_every: int = 2000
    validation_views: int = 1024
    """Views of the validation set, evenly spread, that the averaged weights are measured on."""

    def __post_init__(self) -> None:
        """Refuse records that are never kept, and parts of groups that network or lesson cannot look at."""
        require_at_least(self, 1, "log_every", "checkpoint_every", "validate_every", "validation_views")
        require_at_least(self, 0, "seed")
        for size in self.group_sizes:
            if not 1 <= size <= self.network.views:
                raise ValueError(f"group_sizes: parts have 1 to {self.network.views} views, got {size}")
        if self.group_sizes and self.targets != "every":
            raise ValueError('group_sizes wants targets = "every": a part may lack any one view')


def load_recipe(name_or_path: str, *, change: Mapping[str, Any] | None = None) -> RunConfig:
    """Read a recipe by its name in `training/recipes`, or by a path to a `.toml` file.

    Args:
        name_or_path: Which one.
        change: Keys that take another value than the recipe's, nested as in its file.

    Raises:
        ValueError: The recipe does not exist, or names an unknown key or a value of the wrong type.
    """
    values = _merged(name_or_path, seen=())
    return built(RunConfig, overlaid(values, change or {}), where=name_or_path)


def with_data(
    config: RunConfig,
    *,
    kind: DataKind | None = None,
    root: Path | None = None,
    mano: Path | None = None,
    resident: bool = False,
) -> RunConfig:
    """Return a run on another data set, in another folder, or with MANO's files, where they are given.

    With `resident`, the training set is held on the device whatever the recipe says.
    """
    data = config.data
    data = dataclasses.replace(data, resident=data.resident or resident)
    data = data if kind is None else dataclasses.replace(data, kind=kind)
    data = data if root is None else dataclasses.replace(data, root=str(root))
    data = data if mano is None else dataclasses.replace(data, mano=str(mano))
    return dataclasses.replace(config, data=data)


def recipe_names() -> tuple[str, ...]:
    """Return the names of all recipes in `training/recipes`."""
    return tuple(
        sorted(
            path.relative_to(RECIPES).with_suffix("").as_posix()
            for path in RECIPES.rglob("*.toml")
            if STUDIES not in path.parents
        )
    )


def as_dict(config: RunConfig) -> dict[str, Any]:
    """Return the run as plain data, for a checkpoint or a card."""
    return dataclasses.asdict(config)


def from_dict(values: dict[str, Any]) -> RunConfig:
    """Rebuild a run from `as_dict`.

    Raises:
        ValueError: An unknown key or a value of the wrong type.
    """
    return built(RunConfig, values, where="run")


def _merged(name_or_path: str, *, seen: tuple[str, ...]) -> dict[str, Any]:
    if name_or_path in seen:
        raise ValueError(f"recipe {name_or_path} is its own base: {' -> '.join(seen)}")
    path = Path(name_or_path) if name_or_path.endswith(".toml") else RECIPES / f"{name_or_path}.toml"
    if not path.is_file():
        raise ValueError(f"no recipe {name_or_path!r}; there are {', '.join(recipe_names())}")
    values = read_toml(path)
    base = values.pop("base", None)
    if base is None:
        return values
    if not isinstance(base, str):
        raise ValueError(f"{name_or_path}.base: the name of a recipe is wanted, got {base!r}")
    return overlaid(_merged(base, seen=(*seen, name_or_path)), values)

"""Tables 5 and 6: every row is a recipe that differs in what the row is about, and takes a step."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from tests.training.fed import fed
from training.config import (
    RECIPES,
    FusionConfig,
    NetworkConfig,
    RunConfig,
    as_dict,
    load_recipe,
    recipe_names,
)
from training.engine.adaptation import ORIENTATION_TERM, SHAPE_TERM
from training.engine.lesson import lesson_for
from training.engine.stage import Stage, Step
from training.hand.topology import HandTopology
from training.networks.build import build, build_any, build_multi_view
from training.networks.hands import MultiViewHand, SingleViewHand
from training.tensors import ViewsBatch
from training.toml_tables import differing, read_toml

VIEWS = 2
TABLE_5 = (
    *(f"ablations/table5_{row}" for row in ("i", "ii", "ii_strict", "iii", "iv", "v", "vii", "viii")),
    "ablations/equation3_literal",
    "ablations/equation3_mha",
    "mvr_paper",
    "svr_paper",
)
TABLE_6 = {
    "ablations/table6_i": {"shape": "decoded", "orientation": "none"},
    "ablations/table6_ii": {"orientation": "none"},
    "ablations/table6_iii": {"orientation": "joint"},
    "ablations/table6_iv": {"orientation": "orientation"},
}


def narrowed(recipe: str, config: RunConfig) -> RunConfig:
    """Return a recipe's reading of the network and the teacher at the widths of a small one."""
    row = load_recipe(recipe)
    small = {"trunk_channels", "latent_channels", "decoder_channels"}
    small |= {"attention_heads", "attention_head_channels"}
    widths = {name: getattr(config.network, name) for name in small}
    views = VIEWS if row.network.views > 1 else 1
    network = dataclasses.replace(row.network, views=views, **widths)
    return dataclasses.replace(config, network=network, adaptation=row.adaptation, targets=row.targets)


def step_of(
    network: SingleViewHand | MultiViewHand,
    row: RunConfig,
    groups: ViewsBatch,
    topology: HandTopology,
    *,
    teacher: MultiViewHand | None = None,
) -> Step:
    return Stage(lesson_for(network, row, teacher=teacher), row, row.stages[1], topology).step(groups)


def taught_by(fusion: FusionConfig, config: NetworkConfig, topology: HandTopology) -> MultiViewHand:
    torch.manual_seed(7)
    network = dataclasses.replace(config, views=VIEWS, fusion=fusion)
    return fed(build_multi_view(network, topology), views=VIEWS)


@pytest.mark.parametrize("recipe", TABLE_5)
def test_every_row_of_table_5_takes_a_step(
    recipe: str, groups: ViewsBatch, config: RunConfig, topology: HandTopology
) -> None:
    row = narrowed(recipe, config)
    torch.manual_seed(0)
    network = build_any(row.network, topology)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    step = step_of(network, row, groups, topology)
    assert math.isfinite(step.losses["total"])
    assert step.losses.keys() == {*row.stages[1].losses, "total"}
    moved = {
        name.split(".")[0] for name, value in network.state_dict().items() if not value.equal(before[name])
    }
    assert moved == {"shape", "orientation"}


@pytest.mark.parametrize("teacher", ["ablations/table5_iv", "ablations/table5_v", "mvr_paper"])
def test_every_teacher_of_table_5_teaches(
    teacher: str, groups: ViewsBatch, config: RunConfig, topology: HandTopology
) -> None:
    """Rows (x) to (xii): the recipe of the student is one, its teacher another."""
    row = narrowed("sima_paper", config)
    fusion = load_recipe(teacher).network.fusion
    step = step_of(
        build(row.network, topology),
        row,
        groups,
        topology,
        teacher=taught_by(fusion, config.network, topology),
    )
    assert {SHAPE_TERM, ORIENTATION_TERM} <= step.losses.keys()
    assert all(math.isfinite(loss) for loss in step.losses.values())


@pytest.mark.parametrize(("recipe", "changed"), TABLE_6.items())
def test_a_row_of_table_6_changes_what_is_compared_and_nothing_else(
    recipe: str, changed: dict[str, str]
) -> None:
    base, row = load_recipe("sima_paper"), load_recipe(recipe)
    assert row == dataclasses.replace(base, adaptation=dataclasses.replace(base.adaptation, **changed))  # type: ignore[arg-type]


@pytest.mark.parametrize("recipe", ["sima_paper", *TABLE_6])
def test_every_row_of_table_6_takes_a_step(
    recipe: str, groups: ViewsBatch, config: RunConfig, topology: HandTopology
) -> None:
    row = narrowed(recipe, config)
    teacher = taught_by(FusionConfig(), config.network, topology)
    step = step_of(build(row.network, topology), row, groups, topology, teacher=teacher)
    assert (SHAPE_TERM in step.losses, ORIENTATION_TERM in step.losses) == (
        row.adaptation.shape != "none",
        row.adaptation.orientation != "none",
    )


@pytest.mark.parametrize("recipe", [name for name in recipe_names() if name.startswith("ablations/")])
def test_every_ablation_is_one_key_away_from_its_base(recipe: str) -> None:
    base = load_recipe(read_toml(RECIPES / f"{recipe}.toml")["base"])
    assert len(differing(as_dict(base), as_dict(load_recipe(recipe)))) == 1


def test_every_ablation_is_tested() -> None:
    ablations = {name for name in recipe_names() if name.startswith("ablations/")}
    assert ablations == {name for name in (*TABLE_5, *TABLE_6) if name.startswith("ablations/")}

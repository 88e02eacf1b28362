"""Recipes: strict, inherited, and all of them usable."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from training.config import RunConfig, as_dict, from_dict, load_recipe, recipe_names
from training.hand.template import load_template
from training.losses.criterion import ROTATED_TERMS, Criterion
from training.networks.build import build_any


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_can_be_run(name: str) -> None:
    config = load_recipe(name)
    topology = load_template().topology
    with torch.device("meta"):
        build_any(config.network, topology)
    assert config.stages
    for stage in config.stages:
        Criterion(stage.losses, topology)
        assert stage.scope == "full" or not set(stage.losses) & set(ROTATED_TERMS)


@pytest.mark.parametrize("name", recipe_names())
def test_a_run_survives_as_plain_data(name: str) -> None:
    config = load_recipe(name)
    assert from_dict(as_dict(config)) == config


def test_the_paper_recipe_is_the_papers() -> None:
    config = load_recipe("svr_paper")
    assert config.network == RunConfig().network
    assert [stage.scope for stage in config.stages] == ["shape", "full"]
    assert (config.data.scale_sigma, config.data.rotation_sigma_deg, config.data.gain) == (0.25, 30.0, 0.2)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("learning_rate = 1e-3", r"unknown key \['learning_rate'\]"),
        ("[data]\nrotation = 3.0", r"data: unknown key \['rotation'\]"),
        ("[network]\ntrunk_channels = 1.5", "network.trunk_channels: .* got 1.5"),
        ("[network]\ntrunk_channels = true", "network.trunk_channels: .* got True"),
        ("[network]\norientation_fusion = 'max'", "orientation_fusion: one of .* got 'max'"),
        ("[network]\ndecoder_channels = 7", "decoder_channels: a list is wanted, got 7"),
        ("data = 4", "data: a table is wanted, got 4"),
        ("[[stages]]\nname = 'a'\nscope = 'shape'", r"stages\[0\].*steps"),
        (
            "[[stages]]\nname = 'a'\nscope = 'shape'\nsteps = 9\nbatch_parts = 0",
            r"stages\[0\]: stage 'a': batch_parts is at least 1, got 0",
        ),
        ("[network]\nattention_heads = 0", "network: attention_heads is at least 1, got 0"),
        ("[network]\ndecoder_channels = [8, -1]", r"decoder_channels are at least 1, got \[8, -1\]"),
        ("[data]\nviews = 0", "data: views is at least 1, got 0"),
        ("[data]\nworkers = -1", "data: workers is at least 0, got -1"),
        ("[data]\nscale_sigma = nan", "data.scale_sigma: a finite number is wanted, got nan"),
        ("weight_decay = inf", "weight_decay: a finite number is wanted, got inf"),
        ("log_every = 0", "log_every is at least 1, got 0"),
        ("seed = -1", "seed is at least 0, got -1"),
        ("base = 3", "base: the name of a recipe is wanted, got 3"),
        ("base = 'nothing'", "no recipe 'nothing'; there are"),
        ("seed = [", "is no TOML"),
    ],
)
def test_a_faulty_recipe_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "faulty.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=complaint):
        load_recipe(str(path))


def test_a_recipe_differs_from_its_base_in_what_it_names(tmp_path: Path) -> None:
    path = tmp_path / "cat.toml"
    path.write_text("base = 'svr_paper'\n[network]\norientation_fusion = 'cat'\n", encoding="utf-8")
    changed, base = as_dict(load_recipe(str(path))), as_dict(load_recipe("svr_paper"))
    assert changed.pop("network") == {**base.pop("network"), "orientation_fusion": "cat"}
    assert changed == base


def test_a_recipe_is_not_its_own_base(tmp_path: Path) -> None:
    path = tmp_path / "snake.toml"
    path.write_text(f"base = '{path}'", encoding="utf-8")
    with pytest.raises(ValueError, match="is its own base"):
        load_recipe(str(path))

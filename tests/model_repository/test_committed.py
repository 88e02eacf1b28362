"""The committed repository is what the exporter would write today; its models are the verified ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from deploy.triton.install import CHECKOUT
from training import contract
from training.export.card import sha256
from training.export.config_pbtxt import model_config, to_text
from training.export.contract_json import contract_text
from training.export.graph import Served, ServedHand, ServedViews, baked_devices, load
from training.hand.template import TEMPLATE_SHA256, load_template

REPOSITORY = CHECKOUT / "model_repository"
MODELS = sorted(path.parent for path in REPOSITORY.glob("*/contract.json"))
LARGEST_MODEL_BYTES = 48_000_000
VERSIONS = sorted(REPOSITORY.glob("*/*/model.pt"))

MEND = "run `python -m training export` again"

each_model = pytest.mark.parametrize("folder", MODELS, ids=lambda path: path.name)
each_version = pytest.mark.parametrize(
    "module", VERSIONS, ids=lambda path: f"{path.parent.parent.name}/{path.parent.name}"
)


def read(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "contract.json").read_text(encoding="utf-8"))
    return document


def form_of(folder: Path) -> Served:
    """Return a module that takes what the model in `folder` takes."""
    views = read(folder)["views"]
    return ServedHand(nn.Identity()) if views == 1 else ServedViews(nn.Identity(), views=views)


def test_the_model_of_one_view_is_there() -> None:
    assert "svr_hand" in [folder.name for folder in MODELS]
    assert {module.parent.parent for module in VERSIONS} == set(MODELS), "Triton wants a version of each"


@each_model
def test_the_name_says_how_many_views(folder: Path) -> None:
    assert form_of(folder).model == folder.name


@each_model
def test_configuration_is_current(folder: Path) -> None:
    vertex_count = load_template().topology.vertex_count
    config = model_config(model=folder.name, vertex_count=vertex_count, views=read(folder)["views"])
    assert (folder / "config.pbtxt").read_text(encoding="utf-8") == to_text(config), MEND


@each_model
def test_contract_is_current(folder: Path) -> None:
    topology, views = load_template().topology, read(folder)["views"]
    wanted = contract_text(model=folder.name, topology=topology, views=views)
    assert (folder / "contract.json").read_text(encoding="utf-8") == wanted, MEND


@each_version
def test_card_is_of_the_module_beside_it(module: Path) -> None:
    card = json.loads(module.with_name("card.json").read_text(encoding="utf-8"))
    assert (card["model"], str(card["version"])) == (module.parent.parent.name, module.parent.name)
    assert card["sha256"]["model.pt"] == sha256(module)
    assert card["sha256"]["hand_template"] == TEMPLATE_SHA256
    assert card["verification"]["largest_difference"].keys() == {
        spec.name for spec in contract.outputs(load_template().topology.vertex_count)
    }


@each_version
def test_module_keeps_the_contract(module: Path) -> None:
    assert module.stat().st_size <= LARGEST_MODEL_BYTES
    loaded = load(module)
    assert list(baked_devices(loaded)) == []
    with torch.inference_mode():
        outputs = loaded(*form_of(module.parent.parent).samples(3, seed=0))
    specs = contract.outputs(load_template().topology.vertex_count)
    assert [tuple(output.shape) for output in outputs] == [(3, *spec.shape) for spec in specs]
    assert all(torch.isfinite(output).all() for output in outputs)

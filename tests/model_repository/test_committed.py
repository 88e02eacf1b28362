"""The committed repository is what the exporter would write today; its models are the verified ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from deploy.triton.install import CHECKOUT
from training import contract
from training.export.card import sha256
from training.export.config_pbtxt import model_config, to_text
from training.export.contract_json import contract_text
from training.export.graph import baked_devices, load, sample_images
from training.hand.template import TEMPLATE_SHA256, load_template

REPOSITORY = CHECKOUT / "model_repository"
MODEL = "svr_hand"
LARGEST_MODEL_BYTES = 48_000_000
VERSIONS = sorted(REPOSITORY.glob(f"{MODEL}/*/model.pt"))

MEND = "run `python -m training export` again"


def test_configuration_is_current() -> None:
    vertex_count = load_template().topology.vertex_count
    wanted = to_text(model_config(model=MODEL, vertex_count=vertex_count))
    assert (REPOSITORY / MODEL / "config.pbtxt").read_text(encoding="utf-8") == wanted, MEND


def test_contract_is_current() -> None:
    wanted = contract_text(model=MODEL, topology=load_template().topology)
    assert (REPOSITORY / MODEL / "contract.json").read_text(encoding="utf-8") == wanted, MEND


@pytest.mark.parametrize("module", VERSIONS, ids=lambda path: path.parent.name)
def test_card_is_of_the_module_beside_it(module: Path) -> None:
    card = json.loads(module.with_name("card.json").read_text(encoding="utf-8"))
    assert (card["model"], str(card["version"])) == (MODEL, module.parent.name)
    assert card["sha256"]["model.pt"] == sha256(module)
    assert card["sha256"]["hand_template"] == TEMPLATE_SHA256
    assert card["verification"]["largest_difference"].keys() == {
        spec.name for spec in contract.outputs(load_template().topology.vertex_count)
    }


@pytest.mark.parametrize("module", VERSIONS, ids=lambda path: path.parent.name)
def test_module_keeps_the_contract(module: Path) -> None:
    assert module.stat().st_size <= LARGEST_MODEL_BYTES
    loaded = load(module)
    assert list(baked_devices(loaded)) == []
    with torch.inference_mode():
        outputs = loaded(sample_images(3, seed=0))
    specs = contract.outputs(load_template().topology.vertex_count)
    assert [tuple(output.shape) for output in outputs] == [(3, *spec.shape) for spec in specs]
    assert all(torch.isfinite(output).all() for output in outputs)

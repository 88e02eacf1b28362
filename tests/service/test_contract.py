"""The contract is read once, at start, and a repository that breaks it is refused there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.contract import ModelContract, load_contract
from tests.service.conftest import MODEL

Document = dict[str, Any]


@pytest.fixture
def document(repository: Path) -> Document:
    loaded: Document = json.loads((repository / MODEL / "contract.json").read_text())
    return loaded


def load(document: Document, folder: Path) -> ModelContract:
    (folder / MODEL).mkdir()
    (folder / MODEL / "contract.json").write_text(json.dumps(document))
    return load_contract(folder, MODEL)


def test_is_that_of_the_exported_model(contract: ModelContract) -> None:
    assert (contract.model, contract.image_size_px, contract.crop_scale) == (MODEL, 128, 1.5)
    assert (contract.vertex_count, len(contract.joint_names), len(contract.bones)) == (778, 21, 20)
    assert contract.face_array.shape == (1538, 3)


def test_may_grow_at_its_end(document: Document, tmp_path: Path) -> None:
    confidence = {"name": "confidence__4", "dtype": "FP32", "shape": [1], "unit": "none", "frame": "none"}
    document["outputs"].append(confidence | {"meaning": "how sure the network is"})
    document["a_key_of_tomorrow"] = 1
    assert load(document, tmp_path).outputs[-1].name == "confidence__4"


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda d: d.pop("faces"), "faces"),
        (lambda d: d.update(image_size_px=0), "image_size_px"),
        (lambda d: d.update(image_size_px=96), "inputs of 1 views"),
        (lambda d: d["outputs"].pop(2), "rotation__2"),
        (lambda d: d["outputs"][1].update(shape=[20, 3]), "joints__1"),
        (lambda d: d["faces"].append([0, 1, 778]), "beyond the 778"),
        (lambda d: d["bones"].append([0, 21]), "beyond the 21"),
        (lambda d: d.update(model="another"), "'another'"),
    ],
)
def test_is_refused_where_it_does_not_agree_with_itself(
    spoil: Callable[[Document], object], complaint: str, document: Document, tmp_path: Path
) -> None:
    spoil(document)
    with pytest.raises(ValueError, match=complaint):
        load(document, tmp_path)


def test_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no contract at .*contract\.json"):
        load_contract(tmp_path, MODEL)

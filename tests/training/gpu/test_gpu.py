"""What only a GPU can show: the same batches, the same losses and the same hands there."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from deploy.bench.gpu import exported_of, launched, replayed, served_of
from training.__main__ import main
from training.checkpoint import load_checkpoint
from training.config import DataConfig
from training.data.augment import draw_augmentation
from training.data.looks import looks_of
from training.data.order import Course
from training.data.resident import ResidentHands, resident_batches
from training.data.synthetic_reader import SyntheticHands

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")

CUDA, CPU = torch.device("cuda"), torch.device("cpu")
RECIPE = """base = "svr_small"
targets = "one"
precision = "fp32"
[data]
views = 1
workers = 0
resident = RESIDENT
min_visible_vertices = 0.0
[[stages]]
name = "full"
scope = "full"
steps = 3
batch_size = 8
losses = { vertices_canonical = 50.0, joints_uv = 4.0, rotation = 1.0 }
"""


@pytest.fixture(autouse=True)
def _exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


def trained(folder: Path, data: Path, *, device: str, resident: bool) -> Path:
    recipe = folder / f"{device}-{resident}.toml"
    recipe.write_text(RECIPE.replace("RESIDENT", str(resident).lower()), encoding="utf-8")
    out = folder / f"{device}-{resident}"
    assert main(["train", str(recipe), "--data", str(data), "--out", str(out), "--device", device]) == 0
    return out / "last.pt"


def test_a_resident_set_gives_the_same_crops(drawn_data: Path) -> None:
    hands = SyntheticHands(drawn_data / "train")
    rng = np.random.default_rng(3)
    quiet = DataConfig(shift=0.1, gamma=0.3, sharpness=0.8, cutout_probability=0.4)
    looks = looks_of([draw_augmentation(quiet, rng) for _ in range(len(hands))])
    everything = np.arange(len(hands))
    there, here = (
        ResidentHands(hands, device=device, readers=0).batch(
            everything, looks, torch.Generator(device).manual_seed(0)
        )
        for device in (CUDA, CPU)
    )
    assert there.images.device.type == "cuda"
    assert float(255.0 * (there.images.cpu() - here.images).abs().max()) <= 1.01
    for one, other in zip(there.truth, here.truth, strict=True):
        assert_close(one.cpu(), other, rtol=0, atol=1e-5)


def test_a_resident_stream_repeats_itself(drawn_data: Path) -> None:
    hands = SyntheticHands(drawn_data / "train")
    resident = ResidentHands(hands, device=CUDA, readers=0)
    config = DataConfig(noise_level=8.0)
    one, other = (
        list(itertools.islice(resident_batches(resident, hands.index.shard, config, Course(7, seed=5)), 3))
        for _ in range(2)
    )
    for a, b in zip(one, other, strict=True):
        assert_close(a.images, b.images, rtol=0, atol=0)


def test_training_there_is_training_here(drawn_data: Path, tmp_path: Path) -> None:
    there, here = (
        load_checkpoint(trained(tmp_path, drawn_data, device=device, resident=False)).best_weights
        for device in ("cuda", "cpu")
    )
    moved = total = 0.0
    for name, weight in here.items():
        if weight.is_floating_point():
            moved += float((there[name] - weight).square().sum())
            total += float(weight.square().sum())
    assert moved < 1e-4 * total


def test_hands_are_the_same_in_every_way(drawn_data: Path, tmp_path: Path) -> None:
    served = served_of(trained(tmp_path, drawn_data, device="cuda", resident=True))
    crops = served.samples(3, seed=1)
    with torch.inference_mode():
        here = tuple(served(*crops))
        exported = exported_of(served)
        served = served.cuda()
        pinned = tuple(part.pin_memory() for part in crops)
        places = [tuple(torch.zeros_like(part).pin_memory() for part in here) for _ in range(2)]
        ways: list[tuple[Tensor, ...]] = [
            launched(exported, pinned, places[0])(),
            replayed(served, pinned, places[1])(),
        ]
    for way in ways:
        for there, part in zip(way, here, strict=True):
            assert_close(there.cpu(), part, rtol=0, atol=1e-4)

"""The benchmark of training: the same pictures in every layout, and a page that has every case."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch

from deploy.bench.machine import this_machine
from deploy.bench.training.__main__ import CASES, main
from deploy.bench.training.first_version import file_loader
from deploy.bench.training.pictures import Layouts, decoded, lay_out, packed, unpacked
from deploy.bench.training.report import render
from deploy.bench.training.web_dataset import tar_loader
from tests.training.drawn_hands import SAMPLES_A_SHARD, VIEWS, write_drawn_hands
from training.config import DataConfig
from training.data.loader import plain_batches
from training.data.synthetic_reader import SyntheticHands

SHARDS = 2
STILL = DataConfig(scale_sigma=0.0, rotation_probability=0.0, gain=0.0)
"""Disturbs nothing."""


@pytest.fixture
def layouts(tmp_path: Path) -> Layouts:
    train = write_drawn_hands(tmp_path / "data" / "train", shards=SHARDS + 1)
    return lay_out(train, tmp_path / "layouts", shards=SHARDS)


def test_labels_survive_as_one_row(layouts: Layouts) -> None:
    sample = SyntheticHands(layouts.root / "train")[3]
    again = unpacked(sample.image, packed(sample))
    for name in ("joints_px", "vertices_canonical_m", "joints_canonical_m", "rotation", "visibility"):
        np.testing.assert_allclose(getattr(again, name), getattr(sample, name), rtol=1e-6)


def test_every_layout_holds_the_same_pictures(layouts: Layouts) -> None:
    hands = SyntheticHands(layouts.root / "train")
    assert layouts.pictures == len(hands) == SHARDS * SAMPLES_A_SHARD * VIEWS
    members: dict[str, bytes] = {}
    for path in layouts.tars:
        with tarfile.open(path) as tar:
            members |= {entry.name: tar.extractfile(entry).read() for entry in tar.getmembers()}  # type: ignore[union-attr]
    files = {path.name: path.read_bytes() for path in layouts.files.iterdir()}
    assert members == files
    assert len(files) == 2 * len(hands)
    for number in range(len(hands)):
        np.testing.assert_array_equal(decoded(files[f"{number:08d}.jpg"]), hands[number].image)


def test_every_loader_gives_the_same_crops(layouts: Layouts) -> None:
    hands = SyntheticHands(layouts.root / "train")
    (ours,) = plain_batches(hands, batch_size=len(hands))
    known = {tuple(image.flatten().tolist()) for image in (ours.images * 255.0).round().to(torch.uint8)}
    files = next(iter(file_loader(layouts.files, STILL, batch_size=4, workers=0)))
    tars, truth = next(iter(tar_loader(layouts.tars, STILL, batch_size=4, workers=1)))
    assert truth.joints_uv.shape == (4, 21, 2)
    for images in ((files[0] * 255.0).round().to(torch.uint8), tars.permute(0, 3, 1, 2)):
        assert {tuple(image.flatten().tolist()) for image in images} <= known


def test_the_part_has_every_case() -> None:
    rates = {(process, case): [10.0, 20.0, 40.0] for process, case, _ in CASES}
    rates["first version", "step"] = [5.0, 5.0, 5.0]
    page = render(
        rates, command="bench", machine=this_machine(), recipe="smoke", batch=4, threads=1, pictures=9
    )
    assert "| training, step | 20.0 | 5.0 | 4.00 |" in page
    assert "| WebDataset | 20 (1.00) | 20 (1.00) |" in page
    assert "| evaluation | 20.0 |" in page


def test_a_folder_without_pictures_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(tmp_path)]) == 1
    assert "holds no rendered data set" in capsys.readouterr().err

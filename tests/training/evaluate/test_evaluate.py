"""What `evaluate` says of a network, and of photos."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from training.__main__ import main
from training.checkpoint import Checkpoint, save_checkpoint
from training.config import load_recipe
from training.data.crop import SquareBox
from training.evaluate.photos import measure_photos, mirrored, read_photo_hands
from training.hand.template import load_template
from training.networks.build import build


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an untrained checkpoint; its averaged weights differ from its last ones."""
    config = load_recipe("smoke")
    torch.manual_seed(0)
    weights = build(config.network, load_template().topology).state_dict()
    averaged = {name: value.clone() for name, value in weights.items()}
    for name, value in weights.items():
        if value.is_floating_point():
            weights[name] = torch.full_like(value, torch.nan)
    path = tmp_path_factory.mktemp("checkpoint") / "last.pt"
    save_checkpoint(
        Checkpoint(config=config, stage="full", step=9, weights=weights, averaged_weights=averaged), path
    )
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Write a photo of a right hand and its mirror image, called a left hand."""
    rng = np.random.default_rng(0)
    image = cv2.GaussianBlur(rng.integers(0, 256, (150, 200, 3), dtype=np.uint8), (0, 0), 2.0)
    landmarks = rng.uniform(60, 120, (21, 2))
    right = {
        "file": "right.png",
        "box": [40.0, 30.0, 100.0],
        "hand": "right",
        "landmarks": landmarks.tolist(),
    }
    flipped = np.column_stack([200 - landmarks[:, 0], landmarks[:, 1]])
    left = {"file": "left.png", "box": [60.0, 30.0, 100.0], "hand": "left", "landmarks": flipped.tolist()}
    cv2.imwrite(str(tmp_path / "right.png"), image)
    cv2.imwrite(str(tmp_path / "left.png"), image[:, ::-1])
    (tmp_path / "reference.json").write_text(json.dumps([right, left]), encoding="utf-8")
    return tmp_path


def picture_shape(path: Path) -> tuple[int, ...]:
    picture = cv2.imread(str(path))
    assert picture is not None
    return tuple(map(int, picture.shape))


def evaluate(*arguments: str | Path) -> int:
    return main(["evaluate", *map(str, arguments)])


def test_it_prints_and_writes_the_scores_of_the_averaged_weights(
    checkpoint: Path, drawn_data: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores, overlay = tmp_path / "scores.json", tmp_path / "overlay.png"
    arguments = ("--data", drawn_data, "--photos", photos, "--json", scores, "--overlay", overlay)
    assert evaluate(checkpoint, *arguments) == 0
    printed = capsys.readouterr().out
    assert "| all | 12 |" in printed
    assert "photos: 2 hands, landmarks PCK@0.1" in printed
    report: dict[str, Any] = json.loads(scores.read_text())
    assert report["checkpoint"] == {
        "stage": "full", "step": 9, "images_seen": 0, "trained_h": 0.0, "averaged": True,
    }  # fmt: skip
    assert report["data"]["split"] == "test"
    assert {"all", "occluded", "non_occluded", "landmarks"} == set(report["scores"])
    parts = [report["scores"][name]["images"] for name in ("occluded", "non_occluded")]
    assert sum(parts) == report["scores"]["all"]["images"] == 12
    # The last weights are not numbers: these can only be the averaged ones.
    assert 0.0 < report["scores"]["all"]["pa_jpe_mm"] < report["scores"]["all"]["jpe_mm"]
    assert report["photos"]["mean_error"] > 0.0
    assert picture_shape(overlay) == (224, 9 * 224, 3)


def test_alignment_may_be_kept_from_mirroring(checkpoint: Path, drawn_data: Path, tmp_path: Path) -> None:
    reports = []
    for number, words in enumerate(([], ["--proper"])):
        out = tmp_path / f"{number}.json"
        assert evaluate(checkpoint, "--data", drawn_data, "--json", out, *words) == 0
        reports.append(json.loads(out.read_text()))
    free, proper = reports
    assert (free["alignment"], proper["alignment"]) == ("O(3)", "SO(3)")
    assert free["scores"]["all"]["jpe_mm"] == proper["scores"]["all"]["jpe_mm"]
    assert free["scores"]["all"]["pa_vpe_mm"] < proper["scores"]["all"]["pa_vpe_mm"]


def test_a_device_that_is_not_there_is_named(
    checkpoint: Path, drawn_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(checkpoint, "--data", drawn_data, "--device", "cuda:99") == 2
    assert "error: there is no cuda:99" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--json", "--overlay"])
def test_a_place_that_is_not_there_is_told_before_anything_is_measured(
    option: str, checkpoint: Path, drawn_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "nowhere" / "a.png"
    assert evaluate(checkpoint, "--data", drawn_data, option, out) == 2
    printed = capsys.readouterr()
    assert printed.err == f"error: there is no folder {out.parent} to write a.png to\n"
    assert not printed.out


def test_scores_that_cannot_be_written_leave_the_old_ones(
    checkpoint: Path, drawn_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "scores.json"
    out.write_text("old", encoding="utf-8")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    assert evaluate(checkpoint, "--data", drawn_data, "--json", out) == 2
    assert out.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [out]


def test_the_data_are_drawn_where_there_are_no_photos(
    checkpoint: Path, drawn_data: Path, tmp_path: Path
) -> None:
    overlay = tmp_path / "overlay.png"
    assert evaluate(checkpoint, "--data", drawn_data, "--split", "val", "--overlay", overlay) == 0
    assert picture_shape(overlay) == (4 * 224, 9 * 224, 3)


def test_a_left_hand_is_seen_as_the_right_hand_in_the_mirror(checkpoint: Path, photos: Path) -> None:
    right, left = read_photo_hands(photos)
    assert np.array_equal(left.crop, right.crop)
    assert left.landmarks_uv == pytest.approx(right.landmarks_uv)


def test_mirrored_twice_is_the_same() -> None:
    image = np.random.default_rng(0).integers(0, 255, (20, 31, 3), dtype=np.uint8)
    box, points = SquareBox(-3.0, 4.0, 12.5), np.array([[1.0, 2.0], [30.5, 7.0]])
    again = mirrored(*mirrored(image, box, points))
    assert np.array_equal(again[0], image)
    assert again[1] == box
    assert np.array_equal(again[2], points)


def test_a_network_that_says_the_reference_agrees_with_it(photos: Path) -> None:
    config = load_recipe("smoke")
    network = build(config.network, load_template().topology)
    report = measure_photos(network, photos)
    reference = np.stack([hand.landmarks_uv for hand in report.hands])
    off = 1.5 * np.linalg.norm(report.predicted.joints_uv - reference, axis=-1)
    assert report.scores.mean_error == pytest.approx(off.mean())
    assert report.scores.hands == 2


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"file": "gone.png"}, "gone.png is not a readable picture"),
        ({"landmarks": [[1.0, 2.0]]}, "21 landmarks are wanted"),
        ({"box": [0.0, 0.0, 0.0]}, "box must be finite and have an area"),
    ],
)
def test_a_faulty_reference_is_named(photos: Path, change: dict[str, Any], complaint: str) -> None:
    path = photos / "reference.json"
    first, second = json.loads(path.read_text())
    path.write_text(json.dumps([{**first, **change}, second]))
    with pytest.raises(ValueError, match=complaint):
        read_photo_hands(photos)


@pytest.mark.parametrize("text", ["", "[]", '[{"file": "right.png"}]'])
def test_a_folder_without_a_usable_reference_is_refused(photos: Path, text: str) -> None:
    (photos / "reference.json").write_text(text)
    with pytest.raises(ValueError, match=r"reference\.json"):
        read_photo_hands(photos)


def test_nothing_to_measure_is_refused(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(checkpoint) == 2
    assert "give --data, --photos or --efficiency" in capsys.readouterr().err


def test_an_overlay_without_a_picture_format_is_refused(
    checkpoint: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(checkpoint, "--photos", photos, "--overlay", photos / "overlay.hand") == 2
    assert "no picture can be written" in capsys.readouterr().err


def test_weights_of_another_network_are_refused(
    tmp_path: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = load_recipe("smoke")
    wider = dataclasses.replace(config, network=dataclasses.replace(config.network, latent_channels=24))
    weights = build(wider.network, load_template().topology).state_dict()
    path = tmp_path / "a.pt"
    save_checkpoint(
        Checkpoint(config=config, stage="full", step=1, weights=weights, averaged_weights=None), path
    )
    assert evaluate(path, "--photos", photos) == 2
    assert "another network's" in capsys.readouterr().err


def test_efficiency_is_that_of_the_checkpoint_s_network(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("training.networks.summary.MEASURED_S", 0.05)
    out = tmp_path / "scores.json"
    assert main(["evaluate", str(checkpoint), "--efficiency", "--json", str(out)]) == 0
    efficiency = json.loads(out.read_text())["efficiency"]
    network = build(load_recipe("smoke").network, load_template().topology)
    assert efficiency["parameters"] == sum(parameter.numel() for parameter in network.parameters())
    assert efficiency["hands_per_second"] > 0
    assert "hands a second, one by one" in capsys.readouterr().out

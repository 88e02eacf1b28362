"""The reader gives what the renderer wrote."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.training.drawn_hands import SAMPLES_A_SHARD, SIZE_PX, VIEWS
from training.data.crop import hand_box
from training.data.synthetic_reader import SyntheticHands
from training.synthetic.shards import read_shard, shard_path


def test_it_holds_every_view(drawn_data: Path) -> None:
    hands = SyntheticHands(drawn_data / "train")
    assert len(hands) == hands.description["views_found"] == 6 * SAMPLES_A_SHARD * VIEWS
    assert {hands[i].image.shape for i in range(len(hands))} == {(SIZE_PX, SIZE_PX, 3)}


def test_views_that_show_too_little_are_left_out(drawn_data: Path) -> None:
    hands = SyntheticHands(drawn_data / "train", min_visible_vertices=0.12)
    assert len(hands) == 6 * SAMPLES_A_SHARD
    assert set(hands.index.view.tolist()) == {0}
    with pytest.raises(ValueError, match="no view that shows 101% of the vertices"):
        SyntheticHands(drawn_data / "train", min_visible_vertices=1.01)


def test_a_view_is_the_one_that_was_written(drawn_data: Path) -> None:
    hands = SyntheticHands(drawn_data / "val")
    written = read_shard(shard_path(drawn_data / "val", 1))
    number = int(np.flatnonzero((hands.index.shard == 1) & (hands.index.sample == 2)).max())
    sample, view = hands[number], int(hands.index.view[number])
    assert np.array_equal(sample.vertices_canonical_m, written["vertices_canonical_m"][2])
    assert np.array_equal(sample.rotation, written["rotation"][2, view])
    assert sample.visibility == written["visibility"][2, view]
    camera_m = written["joints_canonical_m"][2] @ written["R"][2, view].T + written["t_m"][2, view]
    pixels = camera_m @ written["K"][2, view].T
    assert sample.joints_px == pytest.approx(pixels[:, :2] / pixels[:, 2:], abs=1e-3)


def test_the_joints_lie_on_their_dots(drawn_data: Path) -> None:
    hands = SyntheticHands(drawn_data / "test")
    for number in range(len(hands)):
        sample = hands[number]
        column, row = np.floor(sample.joints_px[0]).astype(int)
        # The wrist's dot is drawn first, in (255, 0, 255); another may lie over it, all have full red.
        assert sample.image[row, column, 0] > 200


def test_pictures_have_room_round_the_hand(drawn_data: Path) -> None:
    sample = SyntheticHands(drawn_data / "train")[0]
    assert hand_box(sample.joints_px.astype(np.float64)).side_px == pytest.approx(0.75 * SIZE_PX, rel=1e-3)


def test_few_shards_stay_in_memory(drawn_data: Path) -> None:
    hands = SyntheticHands(drawn_data / "train", open_shards=2)
    for number in np.random.default_rng(0).permutation(len(hands)):
        hands[int(number)]
        assert len(hands.shards_in_memory) <= 2


def test_a_set_of_another_template_is_refused(drawn_data: Path, tmp_path: Path) -> None:
    shutil.copytree(drawn_data / "val", tmp_path / "val")
    path = tmp_path / "val" / "dataset.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "template_sha256": "0123"}))
    with pytest.raises(ValueError, match="rendered from template 0123"):
        SyntheticHands(tmp_path / "val")


def test_a_folder_without_a_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no dataset\.json"):
        SyntheticHands(tmp_path)


def spoiled(path: Path, name: str) -> None:
    """Put a NaN into an array of a shard, or zeros into its pictures, or leave out some or all of it."""
    with np.load(path) as file:
        arrays = dict(file)
    if name == "jpeg":
        arrays["jpeg"][:] = 0
    elif name == "visibility":
        del arrays[name]
    elif name == "t_m":
        arrays[name] = arrays[name][:, :1]
    else:
        arrays[name].flat[5] = np.nan
    np.savez(path, allow_pickle=False, **arrays)


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:9000]), "is damaged"),
    "NaN in a label": (
        lambda path: spoiled(path, "joints_canonical_m"),
        "joints_canonical_m: holds",
    ),
    "NaN in a camera": (lambda path: spoiled(path, "K"), "K: holds a number that is not finite"),
    "a view too few": (
        lambda path: spoiled(path, "t_m"),
        re.escape("t_m: has shape (3, 1, 3), not (3, 2, 3)"),
    ),
    "no picture": (lambda path: spoiled(path, "jpeg"), "picture 0: is no whole JPEG"),
    "a missing field": (lambda path: spoiled(path, "visibility"), "visibility: is missing"),
}


@pytest.mark.parametrize(("damage", "complaint"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_shard_is_named(
    damage: Callable[[Path], object], complaint: str, drawn_data: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(drawn_data / "val", tmp_path / "val"))
    path = shard_path(folder, 0)
    damage(path)
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: {complaint}"):
        SyntheticHands(folder)[0]

"""The index kept in a file is the one that the labels would give, or it is not used."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from training.data.dexycb import index
from training.data.dexycb.index import DexYcbIndex, cache_path, load_index


def assert_same(first: DexYcbIndex, second: DexYcbIndex) -> None:
    assert (first.sequences, first.cameras) == (second.sequences, second.cameras)
    for name in ("splits", "sides", "betas", "outside"):
        assert np.array_equal(getattr(first, name), getattr(second, name)), name
    for name in ("shard", "sample", "view"):
        assert np.array_equal(getattr(first.views, name), getattr(second.views, name)), name


def no_label(path: Path) -> None:
    raise AssertionError(f"{path} is opened")


def test_the_cached_index_is_the_fresh_one(
    dexycb: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = load_index(dexycb, progress=False)
    assert_same(load_index(dexycb, cache=tmp_path / "cache", progress=False), fresh)
    assert list((tmp_path / "cache").iterdir()) == [cache_path(dexycb, tmp_path / "cache")]
    monkeypatch.setattr(index, "read_hand_labels", no_label)
    assert_same(load_index(dexycb, cache=tmp_path / "cache", progress=False), fresh)


def test_views_are_ordered_by_sequence_frame_and_camera(dexycb: Path) -> None:
    found = load_index(dexycb, progress=False)
    views = found.views
    places = list(zip(views.shard.tolist(), views.sample.tolist(), views.view.tolist(), strict=True))
    assert places == sorted(places)
    assert list(found.sequences) == sorted(found.sequences)
    assert list(found.cameras) == sorted(found.cameras)


def test_several_processes_find_the_same(one_sequence: Path) -> None:
    assert_same(
        load_index(one_sequence, jobs=2, progress=False), load_index(one_sequence, jobs=1, progress=False)
    )


@pytest.mark.parametrize("change", ["label", "new label", "meta", "betas", "file"])
def test_a_change_makes_the_index_anew(one_sequence: Path, tmp_path: Path, change: str) -> None:
    cache = tmp_path / "cache"
    before = load_index(one_sequence, cache=cache, progress=False)
    sequence = one_sequence / before.sequences[0]
    label = sequence / before.cameras[1] / "labels_000001.npz"
    if change == "label":
        with np.load(label) as arrays:
            np.savez(label, **{**arrays, "pose_m": np.zeros((1, 51), np.float32)})
    elif change == "new label":
        for serial in before.cameras:
            (sequence / serial / "labels_000002.npz").write_bytes(label.read_bytes())
        meta = sequence / "meta.yml"
        meta.write_text(meta.read_text().replace("num_frames: 2", "num_frames: 3"))
    elif change == "meta":
        meta = sequence / "meta.yml"
        meta.write_text(meta.read_text().replace("num_frames: 2", "num_frames: 1"))
    elif change == "betas":
        betas = one_sequence / "calibration/mano_20200709-subject-01_right/mano.yml"
        betas.write_text(str({"betas": [0.5] * 10}))
    else:
        path = cache_path(one_sequence, cache)
        path.write_bytes(path.read_bytes()[:200])
    after = load_index(one_sequence, cache=cache, progress=False)
    assert_same(after, load_index(one_sequence, progress=False))
    counts = {"label": 2, "new label": 5, "meta": 1, "betas": 3, "file": 3}
    assert (len(before.views), len(after.views)) == (3, counts[change])
    assert (after.betas[0] == 0.5).all() == (change == "betas")


def test_copies_share_a_cache_folder(dexycb: Path, one_sequence: Path, tmp_path: Path) -> None:
    for root in (dexycb, one_sequence):
        load_index(root, cache=tmp_path / "cache", progress=False)
    assert len(load_index(dexycb, cache=tmp_path / "cache", progress=False).sequences) == 15
    assert len(list((tmp_path / "cache").iterdir())) == 2


def moved(root: Path, by_px: float) -> Path:
    """Move the joints of a training view in the picture; return its label."""
    path = root / "20200709-subject-01/20200709_140000/839512060362/labels_000001.npz"
    with np.load(path) as arrays:
        np.savez(path, **{**arrays, "joint_2d": arrays["joint_2d"] + np.float32(by_px)})
    return path


@pytest.mark.parametrize("by_px", [-3000.0, 3000.0])
def test_a_hand_outside_its_picture_is_not_trained_on(
    one_sequence: Path, tmp_path: Path, by_px: float
) -> None:
    moved(one_sequence, by_px)
    for _ in range(2):  # made, and read again
        found = load_index(one_sequence, cache=tmp_path / "cache", progress=False)
        assert (len(found.views), found.outside.sum(), len(found.of_split("train"))) == (3, 1, 2)
        assert (1, 1) not in zip(found.of_split("train").sample, found.of_split("train").view, strict=True)
    tested = dataclasses.replace(found, splits=np.array(["test"]))
    assert len(tested.of_split("test")) == 3


def test_joints_in_one_point_are_damage(one_sequence: Path) -> None:
    path = moved(one_sequence, 0.0)
    with np.load(path) as arrays:
        np.savez(path, **{**arrays, "joint_2d": np.full((1, 21, 2), 7.0, np.float32)})
    with pytest.raises(ValueError, match=rf"^{re.escape(str(path))}: joint_2d: points span no box"):
        load_index(one_sequence, progress=False)

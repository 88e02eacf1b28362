"""Rendering: the same bytes whatever the number of jobs, and labels that agree with one another."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import simplejpeg

from tests.training.synthetic.conftest import PAINTED, TinyDataset, in_pixels, tiny_card
from training.hand.template import TEMPLATE_SHA256
from training.synthetic.cameras import project
from training.synthetic.compose import compose
from training.synthetic.dataset import RenderJob, describe, missing_shards, render_dataset
from training.synthetic.render import bake
from training.synthetic.shards import Mode, shard_path
from training.synthetic.textures import build_bank
from training.synthetic.visibility import hand_silhouette


def test_two_jobs_write_the_bytes_of_one(tiny: TinyDataset, tmp_path: Path) -> None:
    list(render_dataset(RenderJob(card=tiny.card, folder=tmp_path, painted=PAINTED), jobs=2))

    for shard in range(tiny.card.shards):
        assert shard_path(tmp_path, shard).read_bytes() == shard_path(tiny.folder, shard).read_bytes()


def test_resuming_renders_what_is_missing_and_nothing_else(tmp_path: Path) -> None:
    job = RenderJob(card=tiny_card(), folder=tmp_path, painted=PAINTED)
    list(render_dataset(job, jobs=1))
    first, last = (shard_path(tmp_path, shard) for shard in (0, 1))
    before, first_time = last.read_bytes(), first.stat().st_mtime_ns
    last.unlink()

    assert missing_shards(job) == [1]
    assert list(render_dataset(job, jobs=1)) == [2]
    assert last.read_bytes() == before
    assert first.stat().st_mtime_ns == first_time


def test_another_data_set_in_the_folder_is_refused(tiny: TinyDataset) -> None:
    other = RenderJob(card=tiny_card(seed=4), folder=tiny.folder, painted=PAINTED)
    with pytest.raises(ValueError, match="seed differ"):
        list(render_dataset(other, jobs=1))


def test_another_seed_gives_other_hands(tiny: TinyDataset, tmp_path: Path) -> None:
    list(render_dataset(RenderJob(card=tiny_card(seed=4, samples=1), folder=tmp_path, painted=2), jobs=1))
    with np.load(shard_path(tmp_path, 0)) as arrays:
        assert not np.allclose(arrays["joints_canonical_m"][0], tiny.arrays["joints_canonical_m"][0])


def test_every_array_has_the_shape_and_type_of_the_format(tiny: TinyDataset) -> None:
    samples, views = 32, 2
    expected = {
        "jpeg_offsets": ("int64", (samples * views + 1,)),
        "K": ("float32", (samples, views, 3, 3)),
        "R": ("float32", (samples, views, 3, 3)),
        "t_m": ("float32", (samples, views, 3)),
        "rotation": ("float32", (samples, views, 3, 3)),
        "vertices_canonical_m": ("float32", (samples, 778, 3)),
        "joints_canonical_m": ("float32", (samples, 21, 3)),
        "vertex_visible": ("bool", (samples, views, 778)),
        "joint_visible": ("bool", (samples, views, 21)),
        "visibility": ("float32", (samples, views)),
        "mode": ("uint8", (samples,)),
        "sample_index": ("int64", (samples,)),
    }
    found = {name: (str(array.dtype), array.shape) for name, array in tiny.arrays.items() if name != "jpeg"}
    assert found == expected
    assert tiny.arrays["jpeg"].dtype == np.uint8
    assert tiny.arrays["sample_index"].tolist() == list(range(32))
    assert set(tiny.arrays["mode"].tolist()) <= {mode.value for mode in Mode}
    assert tiny.card.template_sha256 == TEMPLATE_SHA256


def test_pictures_decode_to_the_size_of_the_card(tiny: TinyDataset) -> None:
    offsets = tiny.arrays["jpeg_offsets"]
    assert offsets[0] == 0
    assert offsets[-1] == tiny.arrays["jpeg"].size
    for start, end in pairwise(offsets):
        picture = simplejpeg.decode_jpeg(tiny.arrays["jpeg"][start:end].tobytes())
        assert picture.shape == (48, 48, 3)
        assert picture.std() > 2


def test_labels_agree_with_one_another(tiny: TinyDataset) -> None:
    arrays = tiny.arrays
    rotations = arrays["rotation"].astype(np.float64)
    np.testing.assert_allclose(
        rotations @ rotations.swapaxes(-1, -2), np.broadcast_to(np.eye(3), rotations.shape), atol=1e-6
    )
    assert np.linalg.det(rotations).min() > 0.999
    np.testing.assert_allclose(arrays["joints_canonical_m"][:, 0], 0, atol=1e-9)
    assert arrays["visibility"].min() >= 0
    assert arrays["visibility"].max() <= 1
    hidden = arrays["visibility"] == 0
    assert not arrays["vertex_visible"][hidden].any()


def test_rotated_canonical_joints_project_into_the_crop_as_tightly_as_asked(tiny: TinyDataset) -> None:
    for sample in range(32):
        for view in range(2):
            K, R, t_m = (tiny.arrays[name][sample, view] for name in ("K", "rotation", "t_m"))  # noqa: N806
            camera_m = tiny.arrays["joints_canonical_m"][sample] @ R.T + t_m
            pixels = project(tiny.arrays["joints_canonical_m"][sample], K, R, t_m)
            rays = camera_m / camera_m[:, 2:]
            np.testing.assert_allclose(pixels, (rays @ K.T)[:, :2], atol=1e-3)
            assert 0.15 < np.linalg.norm(camera_m[0]) < 1.5
            side_px = (pixels.max(axis=0) - pixels.min(axis=0)).max()
            assert 48 / 1.5 / 1.081 < side_px < 48 / 1.5 / 0.919
            assert pixels.min() > 0
            assert pixels.max() < 48


def test_joints_lie_within_the_silhouette_of_the_hand_alone() -> None:
    bank = build_bank(seed=0, painted=2)
    inside = []
    for seed in range(6):
        sample = compose(np.random.default_rng(seed), views=2, size_px=64, crop_scale=1.5, textures=len(bank))
        baked = bake(sample.scene, bank)
        for camera in sample.cameras:
            alone = hand_silhouette(baked, camera)
            scale = alone.shape[0] / camera.size_px
            column, row = (in_pixels(sample.posed.joints_m, camera) * scale).astype(int).T
            near = [alone[row + y, column + x] for y in (-2, 0, 2) for x in (-2, 0, 2)]
            # The wrist joint lies at the rim of the labelled mesh.
            inside.append(np.any(near, axis=0)[1:])
    assert np.mean(inside) > 0.995


def test_the_hand_is_the_only_thing_that_is_labelled(tiny: TinyDataset) -> None:
    seen = tiny.arrays["vertex_visible"].mean(axis=-1)
    assert 0.2 < seen.mean() < 0.5, "a hand shows a third of its vertices to a camera"
    assert seen.max() < 0.75


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"samples": 0}, "samples"),
        ({"views": 0}, "views"),
        ({"size_px": -1}, "size"),
        ({"crop_scale": 0.5}, "crop-scale"),
    ],
)
def test_what_cannot_be_rendered_is_refused(wrong: dict[str, float], message: str) -> None:
    asked = {"seed": 0, "samples": 1, "views": 1, "size_px": 32, "crop_scale": 1.5, "photos": None, **wrong}
    with pytest.raises(ValueError, match=message):
        describe(**asked)  # type: ignore[arg-type]


def test_a_photo_folder_without_photos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no photo"):
        describe(seed=0, samples=1, views=1, size_px=32, crop_scale=1.5, photos=tmp_path)


def test_no_job_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="job"):
        list(render_dataset(RenderJob(card=tiny_card(), folder=tmp_path), jobs=0))

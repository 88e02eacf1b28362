"""From a seed to shards on disk: one process for each job, the same bytes however many there are."""

from __future__ import annotations

import functools
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import simplejpeg

from training.hand.template import TEMPLATE_SHA256, load_template
from training.synthetic.compose import compose
from training.synthetic.meshes import vertex_normals
from training.synthetic.render import bake, render_view
from training.synthetic.scene import Camera
from training.synthetic.sensor import photograph
from training.synthetic.shards import DatasetCard, RenderedSample, shard_path, write_card, write_shard
from training.synthetic.textures import PHOTO_SUFFIXES, TextureBank, build_bank
from training.synthetic.visibility import joint_neighbours, visible_joints, visible_share, visible_vertices

JPEG_QUALITY = 93
_PAINTED_SEED = 5
"""Of the procedural textures; the same for every data set."""
_THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True, kw_only=True)
class RenderJob:
    """What to render, and where to."""

    card: DatasetCard
    folder: Path
    photos: Path | None = None
    painted: int = 160
    """Procedural pictures in the texture bank."""


def describe(
    *, seed: int, samples: int, views: int, size_px: int, crop_scale: float, photos: Path | None
) -> DatasetCard:
    """Return the card of a data set to be rendered.

    Raises:
        ValueError: A count or size that is not positive, a photo folder without photos.
    """
    counts = {"samples": samples, "views": views, "size": size_px}
    if wrong := {name: value for name, value in counts.items() if value < 1}:
        raise ValueError(f"at least 1 is wanted, got {wrong}")
    if crop_scale < 1:
        raise ValueError(f"crop-scale is the picture's side over the hand's, at least 1; got {crop_scale}")
    return DatasetCard(
        seed=seed,
        samples=samples,
        views=views,
        size_px=size_px,
        crop_scale=crop_scale,
        photos=_photo_count(photos),
        template_sha256=TEMPLATE_SHA256,
    )


def render_dataset(job: RenderJob, *, jobs: int) -> Iterator[int]:
    """Render all shards that are not there yet; yield the number of pictures of each as it is done.

    Raises:
        ValueError: The folder holds another data set, or `jobs` is less than 1.
    """
    if jobs < 1:
        raise ValueError(f"at least one job is wanted, got {jobs}")
    write_card(job.folder, job.card)
    missing = missing_shards(job)
    if jobs == 1:
        yield from (render_shard(job, shard) for shard in missing)
        return
    # Forked children would share the parent's compiled code and its thread pools, half of them locked.
    context = multiprocessing.get_context("spawn")
    with _single_threaded(), ProcessPoolExecutor(min(jobs, max(len(missing), 1)), mp_context=context) as pool:
        try:
            for done in as_completed([pool.submit(render_shard, job, shard) for shard in missing]):
                yield done.result()
        finally:
            # After an error, or when the caller has seen enough, hours of work may still be waiting.
            pool.shutdown(cancel_futures=True)


def missing_shards(job: RenderJob) -> list[int]:
    """Return the shards that are not on disk yet."""
    return [shard for shard in range(job.card.shards) if not shard_path(job.folder, shard).exists()]


def render_shard(job: RenderJob, shard: int) -> int:
    """Render one shard and write it; return its number of pictures."""
    bank = _bank(job.painted, job.photos)
    samples = [render_sample(index, card=job.card, bank=bank) for index in job.card.shard_samples(shard)]
    write_shard(shard_path(job.folder, shard), samples)
    return len(samples) * job.card.views


def render_sample(index: int, *, card: DatasetCard, bank: TextureBank) -> RenderedSample:
    """Render all views of one sample with their labels; all chance comes from (`card.seed`, `index`)."""
    rng = np.random.default_rng([card.seed, index])
    sample = compose(
        rng, views=card.views, size_px=card.size_px, crop_scale=card.crop_scale, textures=len(bank)
    )
    template = load_template()
    normals = vertex_normals(sample.posed.rendered_vertices_m, template.control_faces)[
        template.label_vertices
    ]
    baked = bake(sample.scene, bank)
    jpegs, seen, shares = [], [], []
    for camera in sample.cameras:
        view = render_view(baked, camera)
        jpegs.append(_jpeg(photograph(view, rng=rng)))
        seen.append(visible_vertices(baked, camera, view, sample.posed.vertices_m, normals))
        shares.append(visible_share(baked, camera, view))
    return RenderedSample(
        index=index,
        mode=sample.mode,
        jpegs=tuple(jpegs),
        K=_stacked(sample.cameras, "K"),
        R=_stacked(sample.cameras, "R"),
        t_m=_stacked(sample.cameras, "t_m"),
        vertices_canonical_m=sample.posed.vertices_m,
        joints_canonical_m=sample.posed.joints_m,
        vertex_visible=np.stack(seen),
        joint_visible=np.stack([visible_joints(vertices, _neighbours()) for vertices in seen]),
        visibility=np.array(shares),
    )


def _stacked(cameras: tuple[Camera, ...], name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.stack([getattr(camera, name) for camera in cameras])


def _jpeg(image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    pixels = np.ascontiguousarray(image)
    encoded: bytes = simplejpeg.encode_jpeg(pixels, quality=JPEG_QUALITY, colorsubsampling="444")
    return encoded


@functools.cache
def _neighbours() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    template = load_template()
    rest = (template.rendered_matrix @ template.control_vertices_m)[template.label_vertices]
    return joint_neighbours(rest, template.joints_m)


@functools.cache
def _bank(painted: int, photos: Path | None) -> TextureBank:
    return build_bank(seed=_PAINTED_SEED, painted=painted, photos=photos)


def _photo_count(photos: Path | None) -> int:
    if photos is None:
        return 0
    count = sum(path.suffix.lower() in PHOTO_SUFFIXES for path in photos.rglob("*"))
    if count == 0:
        raise ValueError(f"no photo in {photos}")
    return count


@contextmanager
def _single_threaded() -> Iterator[None]:
    """Let processes that start now use one thread each, as there is one for each core."""
    before = {name: os.environ.get(name) for name in _THREAD_LIMITS}
    os.environ.update(dict.fromkeys(_THREAD_LIMITS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value

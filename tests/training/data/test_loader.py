"""The n-th batch is the n-th batch: whatever the workers, wherever one begins."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
import torch

from training.config import DataConfig
from training.data.dexycb.reader import DexYcbHands
from training.data.loader import plain_batches, training_batches
from training.data.order import WHOLE, Course, Share
from training.data.synthetic_reader import SyntheticHands
from training.synthetic.fabricate.stand_in import StandInHand
from training.tensors import HandBatch

DISTURBED = DataConfig(
    min_visible_vertices=0.0, shift=0.05, gamma=0.3, noise_level=8.0, cutout_probability=0.3, pool_shards=2
)


def batches(
    folder: Path,
    count: int,
    *,
    workers: int = 0,
    first: int = 0,
    seed: int = 5,
    size: int = 7,
    share: Share = WHOLE,
) -> list[HandBatch]:
    config = DataConfig(**{**vars(DISTURBED), "workers": workers})
    course = Course(size, seed=seed, first_batch=first, share=share)
    stream = training_batches(SyntheticHands(folder / "train"), config, course)
    return list(itertools.islice(stream, count))


def equal(a: list[HandBatch], b: list[HandBatch]) -> bool:
    return len(a) == len(b) and all(
        torch.equal(x, y)
        for one, other in zip(a, b, strict=True)
        for x, y in zip((one.images, *one.truth), (other.images, *other.truth), strict=True)
    )


@pytest.mark.parametrize("workers", [1, 2])
def test_the_number_of_workers_changes_nothing(drawn_data: Path, workers: int) -> None:
    assert equal(batches(drawn_data, 8, workers=workers), batches(drawn_data, 8))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stream_can_begin_anywhere(drawn_data: Path, workers: int) -> None:
    assert equal(batches(drawn_data, 5, first=4, workers=workers), batches(drawn_data, 9)[4:])


def test_another_seed_gives_other_batches(drawn_data: Path) -> None:
    assert not equal(batches(drawn_data, 1), batches(drawn_data, 1, seed=6))


def test_an_epoch_visits_every_hand_and_the_next_disturbs_it_anew(drawn_data: Path) -> None:
    epochs = batches(drawn_data, 8, size=9)  # 36 views: four batches an epoch

    def visibilities(part: list[HandBatch]) -> list[float]:
        return sorted(torch.cat([batch.truth.visibility for batch in part]).tolist())

    hands = SyntheticHands(drawn_data / "train")
    everything = sorted(torch.tensor([hands[i].visibility for i in range(len(hands))]).tolist())
    assert visibilities(epochs[:4]) == visibilities(epochs[4:]) == everything
    assert not equal(epochs[:4], epochs[4:])


def test_images_are_ready_for_the_network(drawn_data: Path) -> None:
    (batch,) = batches(drawn_data, 1)
    assert batch.images.shape == (7, 3, 128, 128)
    assert batch.images.dtype == torch.float32
    assert 0.0 <= float(batch.images.min()) < float(batch.images.max()) <= 1.0
    assert batch.images.is_contiguous(memory_format=torch.channels_last)
    assert {part.dtype for part in batch.truth} == {torch.float32}


@pytest.mark.parametrize("workers", [0, 1])
def test_plain_batches_show_each_view_once_in_order(drawn_data: Path, workers: int) -> None:
    hands = SyntheticHands(drawn_data / "val")
    parts = list(plain_batches(hands, batch_size=5, workers=workers))
    assert [len(part.images) for part in parts] == [5, 5, 2]
    (whole,) = plain_batches(hands, batch_size=12)
    assert torch.equal(torch.cat([part.images for part in parts]), whole.images)


def test_chosen_views_are_those_of_the_whole(drawn_data: Path) -> None:
    hands = SyntheticHands(drawn_data / "val")
    (chosen,) = plain_batches(hands, batch_size=9, views=[7, 2])
    (whole,) = plain_batches(hands, batch_size=12)
    assert torch.equal(chosen.images, whole.images[[7, 2]])
    assert torch.equal(chosen.truth.joints_uv, whole.truth.joints_uv[[7, 2]])


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_damage_is_told_in_one_line_wherever_it_is_met(
    one_sequence: Path, stand_ins: dict[str, StandInHand], workers: int
) -> None:
    picture = one_sequence / "20200709-subject-01/20200709_140000/839512060362/color_000001.jpg"
    picture.write_bytes(picture.read_bytes()[:3000])
    hands = DexYcbHands(one_sequence, split="train", hands=stand_ins)
    stream = training_batches(hands, DataConfig(workers=workers), Course(batch_size=3, seed=0))
    with pytest.raises(ValueError, match=rf"^{re.escape(str(picture))}: is no whole JPEG: [^\n]*$"):
        next(stream)


def test_the_shares_make_up_the_batch(drawn_data: Path) -> None:
    (whole,) = batches(drawn_data, 1, size=6)
    (even,), (odd,) = (batches(drawn_data, 1, size=6, share=Share(number, of=2)) for number in (0, 1))
    assert torch.equal(even.images, whole.images[0::2])
    assert torch.equal(odd.images, whole.images[1::2])
    assert torch.equal(odd.truth.rotation, whole.truth.rotation[1::2])


def test_a_batch_that_cannot_be_shared_evenly_is_refused(drawn_data: Path) -> None:
    with pytest.raises(ValueError, match="a batch of 7 cannot be shared by 2 processes"):
        batches(drawn_data, 1, share=Share(0, of=2))


def test_too_few_views_for_a_batch_are_refused(drawn_data: Path) -> None:
    with pytest.raises(ValueError, match="36 samples do not fill one batch of 37"):
        batches(drawn_data, 1, size=37)

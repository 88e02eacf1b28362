"""A set on the device gives the crops that a processor cuts, and draws them as often."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from tests.training.drawn_hands import VIEWS
from training.config import DataConfig
from training.data.augment import Augmentation, crop_hand, draw_augmentation
from training.data.groups import HandGroups
from training.data.looks import draw_looks, looks_of
from training.data.order import Course, Share
from training.data.resident import ResidentHands, resident_batches, resident_groups
from training.data.synthetic_reader import SyntheticHands
from training.tensors import HandBatch

CPU = torch.device("cpu")
DISTURBED = DataConfig(
    min_visible_vertices=0.0, shift=0.1, gamma=0.3, sharpness=0.8, noise_level=8.0, cutout_probability=0.4,
    mirror_border_probability=0.5, pool_shards=2, workers=0,
)  # fmt: skip


@pytest.fixture(scope="module")
def hands(drawn_data: Path) -> SyntheticHands:
    return SyntheticHands(drawn_data / "train")


@pytest.fixture(scope="module")
def resident(hands: SyntheticHands) -> ResidentHands:
    return ResidentHands(hands, device=CPU, readers=0)


def cut(resident: ResidentHands, looks: list[Augmentation]) -> HandBatch:
    generator = torch.Generator().manual_seed(0)
    return resident.batch(np.arange(len(looks)), looks_of(looks), generator)


def test_crops_and_labels_are_those_of_a_processor(hands: SyntheticHands, resident: ResidentHands) -> None:
    quiet = DataConfig(**{**vars(DISTURBED), "noise_level": 0.0})
    rng = np.random.default_rng(3)
    looks = [Augmentation(), *(draw_augmentation(quiet, rng) for _ in range(len(hands) - 1))]
    assert {it.mirror_border for it in looks} == {it.cutout is None for it in looks} == {True, False}
    batch = cut(resident, looks)
    for number, look in enumerate(looks):
        row = crop_hand(hands[number], look)
        off = np.abs(255.0 * batch.images[number].permute(1, 2, 0).numpy() - row.image)
        # A processor rounds places to 1/32 px and levels after every step.
        assert off.mean() < 1.0
        assert (off > 12.0).mean() < 0.003
        for part, label in zip(batch.truth, row[1:], strict=True):
            assert_close(part[number], torch.as_tensor(label).float(), rtol=0, atol=2e-6)


def test_noise_has_its_level(resident: ResidentHands) -> None:
    looks = [Augmentation(noise_level=level) for level in (0.0, 4.0, 8.0)]
    clean, noisy = (255.0 * cut(resident, part).images for part in ([Augmentation() for _ in looks], looks))
    inside = (clean > 40.0) & (clean < 215.0)
    spread = [float((n - c)[i].std()) for n, c, i in zip(noisy, clean, inside, strict=True)]
    assert spread == pytest.approx([0.0, 4.0, 8.0], rel=0.05)


def test_looks_are_drawn_as_often_as_single_ones() -> None:
    count = 20_000
    config = DataConfig(**{**vars(DISTURBED), "rotation_sigma_deg": 40.0, "scale_sigma": 0.2})
    rng = np.random.default_rng(0)
    together = draw_looks(config, count, rng)
    apart = looks_of([draw_augmentation(config, rng) for _ in range(count)])
    for name, one, other in zip(together._fields, together, apart, strict=True):
        spread = float(other.double().std())
        for moment in (1, 2):
            assert_close(
                (one.double() ** moment).mean(0), (other.double() ** moment).mean(0),
                rtol=0.06, atol=0.03 * spread**moment, msg=name,
            )  # fmt: skip


def batches(resident: ResidentHands, hands: SyntheticHands, course: Course, count: int) -> list[HandBatch]:
    stream = resident_batches(resident, hands.index.shard, DISTURBED, course)
    return list(itertools.islice(stream, count))


def test_a_stream_can_begin_anywhere(hands: SyntheticHands, resident: ResidentHands) -> None:
    whole = batches(resident, hands, Course(7, seed=5), 6)
    rest = batches(resident, hands, Course(7, seed=5, first_batch=2), 4)
    for one, other in zip(whole[2:], rest, strict=True):
        assert_close((one.images, *one.truth), (other.images, *other.truth), rtol=0, atol=0)


def test_shares_make_up_the_batch(hands: SyntheticHands, resident: ResidentHands) -> None:
    (whole,) = batches(resident, hands, Course(6, seed=5), 1)
    halves = [batches(resident, hands, Course(6, seed=5, share=Share(n, 2)), 1)[0] for n in range(2)]
    joined = torch.cat([half.truth.joints_canonical_m for half in halves])
    assert_close(joined[[0, 3, 1, 4, 2, 5]], whole.truth.joints_canonical_m, rtol=0, atol=0)
    assert not torch.equal(halves[0].images[0], halves[1].images[0])


def test_what_a_group_lacks_is_black(drawn_data: Path) -> None:
    hands = SyntheticHands(drawn_data / "train", min_visible_vertices=0.5)
    groups = HandGroups(hands)
    resident = ResidentHands(hands, device=CPU, readers=2)
    stream = resident_groups(resident, groups, DISTURBED, Course(4, seed=3), views=VIEWS)
    for batch in itertools.islice(stream, 3):
        assert batch.valid[:, 0].all()
        assert not batch.valid[:, 1].any()
        assert float(batch.images[:, 1].abs().max()) == 0.0
        assert float(batch.images[:, 0].amax(dim=(1, 2, 3)).min()) > 0.0


def test_groups_show_one_hand_from_several_sides(hands: SyntheticHands, resident: ResidentHands) -> None:
    stream = resident_groups(resident, HandGroups(hands), DISTURBED, Course(4, seed=3), views=VIEWS)
    firsts = []
    for batch in itertools.islice(stream, 4):
        assert batch.valid.all()
        canonical = batch.truth.vertices_canonical_m
        assert_close(canonical[:, 1:], canonical[:, :1].expand_as(canonical[:, 1:]), rtol=0, atol=0)
        assert not torch.allclose(batch.truth.rotation[:, 0], batch.truth.rotation[:, 1])
        firsts.append(batch.truth.visibility[:, 0])
    assert len({float(it) for it in torch.cat(firsts)}) > 1


def test_pictures_of_two_sizes_are_refused(hands: SyntheticHands) -> None:
    class TwoSizes(SyntheticHands):
        def __getitem__(self, number: int):  # type: ignore[no-untyped-def]  # noqa: ANN204
            sample = super().__getitem__(number)
            return sample if number else type(sample)(**{**vars(sample), "image": sample.image[:-1]})

    with pytest.raises(ValueError, match=r"pictures of one size, got \(95, 96, 3\) and \(96, 96, 3\)"):
        ResidentHands(TwoSizes(hands.paths[0].parent), device=CPU, readers=0)

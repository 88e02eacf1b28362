"""The crop: the same pixels as training's, wherever the picture comes from and however it is turned."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from service import crop
from service.contract import ModelContract
from service.crop import Box, ImageArray, Raster, Square
from service.preparation import PreparedCrop, prepare_crop
from tests.service.pictures import encoded, picture, with_orientation
from training.data.crop import SquareBox
from training.data.crop import crop as training_crop

SIZE_PX = 128
MAX_PIXELS = 25_000_000
LEAST_LOSS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 98, "subsampling": 0},
    "PNG": {},
    "WEBP": {"lossless": True, "method": 0},
}


def prepare(data: bytes, box: Box | None, contract: ModelContract) -> PreparedCrop:
    return prepare_crop(data, box, contract=contract, max_pixels=MAX_PIXELS)


def shown(upload: bytes) -> Image.Image:
    """Return the picture as Pillow, the judge, shows it."""
    with Image.open(io.BytesIO(upload)) as image:
        return ImageOps.exif_transpose(image).convert("RGB")


def levels_apart(a: ImageArray, b: ImageArray) -> int:
    return int(np.abs(a.astype(int) - b.astype(int)).max())


@settings(max_examples=40)
@given(left=st.floats(-150, 350), top=st.floats(-150, 250), side=st.floats(20, 900), seed=st.integers(0, 3))
def test_is_the_crop_that_training_cuts(left: float, top: float, side: float, seed: int) -> None:
    pixels = picture(400, 300, seed=seed, period_px=25)
    ours = crop.cut(Raster(pixels, 1, 0, 0), Square(left, top, side), size_px=SIZE_PX)
    assert levels_apart(ours, training_crop(pixels, SquareBox(left, top, side))) <= 1


@settings(max_examples=40)
@given(
    left=st.integers(-40, 300), top=st.integers(-40, 200), side=st.integers(64, 320), seed=st.integers(0, 3)
)
def test_of_whole_pixels_is_the_crop_that_training_cuts(left: int, top: int, side: int, seed: int) -> None:
    pixels = picture(400, 300, seed=seed, period_px=25)
    ours = crop.cut(Raster(pixels, 1, 0, 0), Square(left, top, side), size_px=SIZE_PX)
    assert levels_apart(ours, training_crop(pixels, SquareBox(left, top, side))) <= 1


@pytest.mark.parametrize("box", [Box(100, 90, 96, 64), Box(-40, 10, 100, 160), Box(220, 180, 40, 160)])
def test_of_a_box_is_the_crop_of_the_picture_cut_first(box: Box, contract: ModelContract) -> None:
    pixels = picture(300, 280)
    square = crop.square_around(box, scale=contract.crop_scale)
    x, y, side = int(square.x_px), int(square.y_px), int(square.side_px)
    assert (x, y, side) == (square.x_px, square.y_px, square.side_px)
    cut_first = Image.fromarray(pixels).crop((x, y, x + side, y + side))  # black outside
    by_box, alone = prepare(encoded(pixels), box, contract), prepare(encoded(cut_first), None, contract)
    # At the edge of the smaller picture its neighbours are black rather than what was cut away.
    assert levels_apart(by_box.image[1:-1, 1:-1], alone.image[1:-1, 1:-1]) <= 1


def test_of_the_whole_picture_is_the_smallest_square_about_it() -> None:
    assert crop.square_of_picture(300, 200) == Square(0, -50, 300)


def test_shows_black_outside_the_picture(contract: ModelContract) -> None:
    image = prepare(encoded(np.full((100, 200, 3), 200, np.uint8)), None, contract).image
    assert image[:30].max() == 0
    assert image[-30:].max() == 0
    assert image[34:-34, 1:-1].min() == 200


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_of_a_turned_upload_is_that_of_the_upright_one(
    kind: str, orientation: int, contract: ModelContract
) -> None:
    upload = with_orientation(picture(230, 170), orientation, kind, **LEAST_LOSS[kind])
    upright = shown(upload)
    box = Box(upright.width * 0.3, upright.height * 0.2, upright.width * 0.35, upright.height * 0.5)
    for tight in (None, box):
        turned, straight = prepare(upload, tight, contract), prepare(encoded(upright), tight, contract)
        assert turned.square == straight.square
        assert levels_apart(turned.image, straight.image) <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_of_a_turned_jpeg_that_its_decoder_shrank_is_that_of_the_upright_one(
    orientation: int, contract: ModelContract
) -> None:
    upload = with_orientation(picture(905, 703, period_px=200), orientation, **LEAST_LOSS["JPEG"])
    upright = np.asarray(shown(upload))
    box = Box(140, 180, 320, 200)
    turned = prepare(upload, box, contract)
    straight = crop.cut(Raster(upright, 1, 0, 0), turned.square, size_px=SIZE_PX)
    assert levels_apart(turned.image, straight) <= 4


@pytest.mark.parametrize("side_px", [511, 512, 1030, 2049])
def test_of_a_large_jpeg_that_its_decoder_shrank_is_that_of_the_pixels(
    side_px: int, contract: ModelContract
) -> None:
    pixels = picture(side_px, side_px, period_px=side_px / 4)
    shrunk = prepare(encoded(pixels, "JPEG", **LEAST_LOSS["JPEG"]), None, contract)
    whole = crop.cut(Raster(pixels, 1, 0, 0), shrunk.square, size_px=SIZE_PX)
    # A block over the edge is part black here, part repeated there.
    assert levels_apart(shrunk.image[2:-2, 2:-2], whole[2:-2, 2:-2]) <= 4


def test_averages_what_it_cannot_show(contract: ModelContract) -> None:
    """Stripes of one pixel become grey rather than a pattern."""
    stripes = np.zeros((600, 600, 3), np.uint8)
    stripes[:, ::2] = 255
    image = prepare(encoded(stripes), None, contract).image
    assert image[2:-2, 2:-2].min() >= 120
    assert image[2:-2, 2:-2].max() <= 135

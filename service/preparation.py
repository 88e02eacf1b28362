"""From an upload's bytes to the crop that the network sees; runs in a worker thread."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

from service.contract import ModelContract
from service.crop import (
    Box,
    ImageArray,
    Square,
    check_box,
    cut,
    square_around,
    square_of_picture,
    turn_upright,
)
from service.engines.protocol import Deadline
from service.errors import DeadlineExceededError, about_image
from service.imaging import Picture, RawImage, open_picture, open_raw, upright_size


class PreparedCrop(NamedTuple):
    """A crop as uploaded: left hands are not mirrored yet."""

    image: ImageArray
    """(S, S, 3) RGB."""
    square: Square
    """Where it lies in the upright picture."""
    picture_width_px: int
    """Of the upright picture."""
    picture_height_px: int
    size_bytes: int
    """Of the upload."""
    started_s: float
    """When decoding began, on the clock of `time.perf_counter`."""
    decode_s: float
    crop_s: float


def prepare_crop(
    data: bytes | RawImage, region: Box | Square | None, *, contract: ModelContract, max_pixels: int
) -> PreparedCrop:
    """Decode a picture and cut its crop.

    Args:
        data: A JPEG, PNG or WebP file, or raw pixels.
        region: The hand's tight box in the upright picture, or the very square to cut; None makes the whole
            picture the crop.
        contract: Says how large the crop is, in the picture and in pixels.
        max_pixels: Of the picture, looked at before it is decoded.

    Raises:
        GatewayError: The picture cannot be read, is refused, or the box does not fit it.
    """
    started_s = time.perf_counter()
    picture: Picture = (
        open_raw(data, max_pixels=max_pixels)
        if isinstance(data, RawImage)
        else open_picture(data, max_pixels=max_pixels)
    )
    width_px, height_px = upright_size(picture)
    square = _square(region, width_px, height_px, scale=contract.crop_scale)
    size_px = contract.image_size_px
    pixels, reduction = picture.decode(crop_side_px=square.side_px, wanted_px=size_px)
    decoded_s = time.perf_counter()
    raster = turn_upright(
        pixels,
        orientation=picture.orientation,
        width_px=picture.width_px,
        height_px=picture.height_px,
        reduction=reduction,
    )
    image = cut(raster, square, size_px=size_px)
    return PreparedCrop(
        image=image,
        square=square,
        picture_width_px=width_px,
        picture_height_px=height_px,
        size_bytes=len(data.rgb if isinstance(data, RawImage) else data),
        started_s=started_s,
        decode_s=decoded_s - started_s,
        crop_s=time.perf_counter() - decoded_s,
    )


def prepare_views(
    views: Sequence[tuple[bytes, Box | None]], *, contract: ModelContract, max_pixels: int, deadline: Deadline
) -> list[PreparedCrop]:
    """Decode pictures and cut their crops, one after the other: there is never more than one in memory.

    Args:
        views: Of each picture its file and the hand's tight box, as in `prepare_crop`.
        contract: Likewise.
        max_pixels: Of each picture.
        deadline: When to give up.

    Raises:
        GatewayError: As in `prepare_crop`; says which picture it is about, counted from 0.
        DeadlineExceededError: Decoding took too long.
    """
    crops = []
    for number, (data, box) in enumerate(views):
        with about_image(number):
            if deadline.remaining_s <= 0:
                raise DeadlineExceededError("no time was left to decode it")
            crops.append(prepare_crop(data, box, contract=contract, max_pixels=max_pixels))
    return crops


def _square(region: Box | Square | None, width_px: int, height_px: int, *, scale: float) -> Square:
    if region is None:
        return square_of_picture(width_px, height_px)
    box = _box_inside(region, scale=scale) if isinstance(region, Square) else region
    check_box(box, width_px=width_px, height_px=height_px)
    return square_around(box, scale=scale)


def _box_inside(square: Square, *, scale: float) -> Box:
    side_px = square.side_px / scale
    margin_px = (square.side_px - side_px) / 2
    return Box(square.x_px + margin_px, square.y_px + margin_px, side_px, side_px)

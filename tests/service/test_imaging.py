"""What is read, what is converted on purpose, what is refused, and that nothing large is decoded first."""

from __future__ import annotations

import io
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from service.crop import ImageArray
from service.errors import GatewayError, TooLargeError, UnreadableImageError, UnsupportedMediaError
from service.imaging import open_picture
from tests.service.pictures import encoded, picture, png_header, with_orientation

MAX_PIXELS = 1_000_000
PIXELS = picture(90, 70)
WITHOUT_LOSS: dict[str, dict[str, bool]] = {"PNG": {}, "WEBP": {"lossless": True}, "JPEG": {}}
NO_PICTURES = [
    b"",
    b"x",
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"RIFF\0\0\0\0WEBPVP8 ",
    b"GIF89a",
    encoded(PIXELS, "BMP"),
]


def decoded(data: bytes) -> ImageArray:
    opened = open_picture(data, max_pixels=MAX_PIXELS)
    pixels, reduction = opened.decode(crop_side_px=90, wanted_px=128)
    assert reduction == 1
    assert pixels.shape == (opened.height_px, opened.width_px, 3)
    assert pixels.dtype == np.uint8
    return pixels


def close(a: ImageArray, b: ImageArray, *, levels: int) -> bool:
    return bool((np.abs(a.astype(int) - b.astype(int)) <= levels).all())


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
def test_reads_each_format(kind: str) -> None:
    data = encoded(PIXELS, kind, **WITHOUT_LOSS[kind])
    with Image.open(io.BytesIO(data)) as judge:
        assert close(decoded(data), np.asarray(judge.convert("RGB")), levels=2)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_repeats_grey(kind: str) -> None:
    pixels = decoded(encoded(Image.fromarray(PIXELS).convert("L"), kind))
    assert close(pixels[..., 0], pixels[..., 1], levels=0)
    assert close(pixels[..., 0], np.asarray(Image.fromarray(PIXELS).convert("L")), levels=12)


def test_reads_a_progressive_jpeg() -> None:
    assert close(decoded(encoded(PIXELS, "JPEG", progressive=True, quality=95)), PIXELS, levels=20)


def test_reads_a_palette() -> None:
    palette = Image.fromarray(PIXELS).quantize(64)
    assert close(decoded(encoded(palette)), np.asarray(palette.convert("RGB")), levels=0)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_lays_transparency_on_black(kind: str) -> None:
    alpha = np.full((70, 90, 1), 255, np.uint8)
    alpha[:, :45] = 0
    alpha[:, 45:60] = 128
    data = encoded(np.concatenate([PIXELS, alpha], axis=2), kind, **WITHOUT_LOSS[kind])
    pixels = decoded(data)
    assert pixels[:, :45].max() == 0
    assert close(pixels[:, 45:60], PIXELS[:, 45:60] // 2, levels=1)
    assert close(pixels[:, 60:], PIXELS[:, 60:], levels=0)


def test_converts_cmyk() -> None:
    cmyk = Image.fromarray(PIXELS).convert("CMYK")
    assert close(decoded(encoded(cmyk, "JPEG", quality=95)), PIXELS, levels=25)


def test_cuts_16_bit_grey_to_its_high_byte() -> None:
    deep = np.linspace(0, 65535, 70 * 90).reshape(70, 90).astype(np.uint16)
    assert close(decoded(encoded(Image.fromarray(deep)))[..., 1], (deep >> 8).astype(np.uint8), levels=0)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_refuses_an_animation(kind: str) -> None:
    frames = [Image.fromarray(picture(40, 40, seed=seed)) for seed in range(3)]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    with pytest.raises(UnsupportedMediaError, match="animation"):
        open_picture(data, max_pixels=MAX_PIXELS)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9, 0.99])
def test_refuses_a_file_that_ends_early(kind: str, share: float) -> None:
    data = encoded(picture(300, 300), kind)
    with pytest.raises(UnreadableImageError):
        decoded(data[: int(len(data) * share)])


def test_refuses_a_progressive_jpeg_that_ends_early() -> None:
    data = encoded(picture(300, 300), "JPEG", progressive=True)
    with pytest.raises(UnreadableImageError):
        decoded(data[: len(data) * 2 // 3])


@pytest.mark.parametrize("data", NO_PICTURES)
def test_refuses_what_is_no_picture(data: bytes) -> None:
    with pytest.raises(UnreadableImageError):
        decoded(data)


@pytest.mark.parametrize("size", [(1001, 1000), (10_000, 10_000), (65_535, 65_535)])
def test_refuses_too_many_pixels_by_the_header_alone(size: tuple[int, int]) -> None:
    tracemalloc.start()
    with pytest.raises(TooLargeError, match=f"{size[0]} x {size[1]}"):
        open_picture(png_header(*size), max_pixels=MAX_PIXELS)
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


def test_a_jpeg_that_promises_too_much_is_refused() -> None:
    data = bytearray(encoded(PIXELS, "JPEG"))
    frame = data.index(b"\xff\xc0")  # its header: length, precision, height, width
    data[frame + 5 : frame + 9] = (10_000).to_bytes(2, "big") * 2
    with pytest.raises(TooLargeError, match="10000 x 10000"):
        open_picture(bytes(data), max_pixels=MAX_PIXELS)


def test_refuses_a_jpeg_of_too_many_scans() -> None:
    data = encoded(PIXELS, "JPEG", progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    with pytest.raises(UnsupportedMediaError, match="scans"):
        open_picture(data[:-2] + scan * 200 + data[-2:], max_pixels=MAX_PIXELS)


def test_a_phone_s_second_picture_is_no_animation() -> None:
    """Phones append a depth map or a preview to the photo (MPO)."""
    first, second = Image.fromarray(PIXELS), Image.fromarray(picture(40, 40))
    data = encoded(first, "MPO", save_all=True, append_images=[second], quality=95)
    assert close(decoded(data), PIXELS, levels=20)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
def test_reads_the_orientation(kind: str) -> None:
    data = with_orientation(PIXELS, 6, kind)
    assert open_picture(data, max_pixels=MAX_PIXELS).orientation == 6


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_an_impossible_orientation_counts_as_none(orientation: int) -> None:
    assert open_picture(with_orientation(PIXELS, orientation), max_pixels=MAX_PIXELS).orientation == 1


SEEDS = [
    encoded(PIXELS, "JPEG"),
    with_orientation(PIXELS, 8),
    encoded(PIXELS),
    with_orientation(PIXELS, 3, "WEBP"),
]


@pytest.mark.filterwarnings("ignore")  # Pillow warns of broken metadata
@settings(max_examples=150)
@given(st.sampled_from(SEEDS), st.data())
def test_survives_damage(seed: bytes, data: st.DataObject) -> None:
    """A damaged file is read or refused; it never breaks the gateway."""
    damaged = bytearray(seed)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at] = data.draw(st.integers(0, 255))
    try:
        decoded(bytes(damaged[: data.draw(st.integers(1, len(damaged)))]))
    except GatewayError as error:
        assert error.status in {400, 413, 415}

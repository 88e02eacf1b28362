"""Files that are made to hurt: small on the wire, large when they are opened, or not what they say."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import numpy as np
from PIL import Image

from tests.service.pictures import ImageArray, encoded, picture, png_header

PIXELS = picture(120, 100)
PNG_SIGNATURE_AND_HEADER = 33
"""Bytes of a PNG before its second chunk."""
MEBIBYTE = 1 << 20


def png_chunk(name: bytes, payload: bytes) -> bytes:
    """Return a PNG chunk with its length and checksum."""
    return struct.pack(">I", len(payload)) + name + payload + struct.pack(">I", zlib.crc32(name + payload))


def with_chunk(name: bytes, payload: bytes) -> bytes:
    """Return a picture with one more chunk behind its header."""
    png = encoded(PIXELS)
    return png[:PNG_SIGNATURE_AND_HEADER] + png_chunk(name, payload) + png[PNG_SIGNATURE_AND_HEADER:]


def inflates_to(size_bytes: int) -> bytes:
    """Return a thousandth of these bytes, which inflates to them."""
    packer = zlib.compressobj(9)
    zeros = bytes(MEBIBYTE)
    return b"".join(packer.compress(zeros) for _ in range(size_bytes // MEBIBYTE)) + packer.flush()


def note_bomb(kind: bytes) -> bytes:
    """Return a small picture whose text, or profile, inflates to 200 MiB."""
    return with_chunk(kind, b"a\0\0" + inflates_to(200 * MEBIBYTE))


def overfull_png() -> bytes:
    """Return a picture of 8 x 8 whose pixels inflate to 200 MiB."""
    pixels = png_chunk(b"IDAT", inflates_to(200 * MEBIBYTE))
    return png_header(8, 8)[:PNG_SIGNATURE_AND_HEADER] + pixels + png_chunk(b"IEND", b"")


def empty_square(side_px: int, kind: str, mode: str = "RGB") -> bytes:
    """Return a large picture of nothing: a few kilobytes."""
    options = {"lossless": True} if kind == "WEBP" else {}
    return encoded(Image.new(mode, (side_px, side_px)), kind, **options)


def many_scans(side_px: int, scans: int) -> bytes:
    """Return a JPEG whose decoder goes over its pixels again and again."""
    data = encoded(Image.new("RGB", (side_px, side_px), (9, 99, 30)), "JPEG", progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + scan * (scans - data.count(b"\xff\xda")) + data[-2:]


def palette_before_header() -> bytes:
    """Return a PNG whose palette is thrown away by its header; found by `make fuzz`."""
    png = encoded(Image.fromarray(PIXELS).quantize(16))
    start = png.index(b"PLTE") - 4
    end = start + 12 + int.from_bytes(png[start : start + 4], "big")
    return png[:8] + png[start:end] + png[8:start] + png[end:]


def deep_png() -> bytes:
    """Return 16 bits a channel, grey."""
    return encoded(Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 257))


def polyglots() -> dict[str, bytes]:
    """Return files that are a picture and something else as well."""
    jpeg, png, archive = encoded(PIXELS, "JPEG"), encoded(PIXELS), io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("../../run.sh", "exit 1")
    page = b"<script>alert(1)</script>"
    return {
        "jpeg and zip": jpeg + archive.getvalue(),
        "png and html": png + b"<html>" + page,
        "jpeg with a page in its comment": encoded(PIXELS, "JPEG", comment=page),
        "png with php in a chunk": with_chunk(b"tEXt", b"a\0<?php system($_GET['c']); ?>"),
        "jpeg and png": jpeg + png,
    }


def as_shown(image: Image.Image) -> ImageArray:
    """Return an image's pixels as 8-bit RGB."""
    return np.asarray(image.convert("RGB"))

"""One hostile input through decoding and cropping, and what came of it.

An input is a box and a file, as a caller sends both: four little-endian float32 (x, y, w, h in pixels; all
zero: no box), then the bytes of the upload.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from service.contract import ModelContract, load_contract
from service.errors import GatewayError
from service.parameters import box_of_numbers
from service.preparation import prepare_crop

BOX = struct.Struct("<4f")
REFUSALS = frozenset({400, 413, 415})
"""The statuses with which a file, or a box that does not fit it, may be refused."""


def with_box(file: bytes, box: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)) -> bytes:
    """Return the input that is this file with this box."""
    return BOX.pack(*box) + file


class Target:
    """Decodes and crops as a request does."""

    def __init__(self, model_directory: Path, *, max_pixels: int) -> None:
        """Read the contract that lies in `<repository>/<model>`.

        Raises:
            ValueError: There is none.
        """
        self._contract: ModelContract = load_contract(model_directory.parent, model_directory.name)
        self._max_pixels = max_pixels

    def run(self, data: bytes) -> str:
        """Return `ok`, or the slug of the refusal.

        Raises:
            Exception: Whatever a caller would be answered 500 for: a finding.
        """
        head = data[: BOX.size].ljust(BOX.size, b"\0")
        numbers: tuple[float, float, float, float] = BOX.unpack(head)
        try:
            box = box_of_numbers(numbers) if any(numbers) else None
            crop = prepare_crop(data[BOX.size :], box, contract=self._contract, max_pixels=self._max_pixels)
        except GatewayError as refusal:
            if refusal.status not in REFUSALS or not refusal.detail:
                raise
            return refusal.slug
        side_px = self._contract.image_size_px
        if crop.image.shape != (side_px, side_px, 3) or crop.image.dtype != np.uint8:
            raise ValueError(f"a crop of {crop.image.dtype} {crop.image.shape}")
        if not 0 < crop.picture_width_px * crop.picture_height_px <= self._max_pixels:
            raise ValueError(f"a picture of {crop.picture_width_px} x {crop.picture_height_px} pixels")
        return "ok"

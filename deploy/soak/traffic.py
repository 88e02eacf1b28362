"""What callers send in a soak: mostly crops, some photos, now and then what must be refused."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from deploy.bench.photo import make_photo
from deploy.bench.wire import Request, post

CROP_PX = (128, 128)
PHOTO_PX = (1920, 1440)
PHOTO_BOX_PX = (760, 480, 430, 430)
"""A hand in such a photo; x, y, width, height."""
BOX_ELSEWHERE_PX = (4000, 4000, 100, 100)
HUGE_PX = (6000, 5000)
"""More pixels than the gateway takes (`SIMAHAND_MAX_IMAGE_PIXELS`), in a small file."""
HUGE_BODY_BYTES = 64 << 20
"""More than the gateway takes (`SIMAHAND_MAX_BODY_BYTES`); promised in the head and never sent."""

OK = 200


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of request.

    Attributes:
        name: in words.
        request: what is sent.
        expected_status: what must come back.
        weight: how many of `sum(weights)` requests are of this kind.
        new_connection: it comes over a connection of its own, which ends with it.
    """

    name: str
    request: Request
    expected_status: int
    weight: int
    new_connection: bool = False


def traffic() -> tuple[Kind, ...]:
    """Return all kinds; of 100 requests 94 are of hands and 6 must be refused."""
    crop = make_photo(width_px=CROP_PX[0], height_px=CROP_PX[1])
    photo = make_photo(width_px=PHOTO_PX[0], height_px=PHOTO_PX[1])
    box, elsewhere = (",".join(map(str, box_px)) for box_px in (PHOTO_BOX_PX, BOX_ELSEWHERE_PX))
    return (
        _kind("crop, right hand → JSON", crop, 30),
        _kind("crop, left hand → JSON", crop, 22, query="hand=left"),
        _kind("crop, right hand → GLB", crop, 20, glb=True),
        _kind("crop, left hand → GLB", crop, 10, query="hand=left", glb=True),
        _kind("crop → JSON, a connection of its own", crop, 8, new_connection=True),
        _kind("photo with a box → JSON", photo, 2, query=f"hand=right&box={box}"),
        _kind("photo with a box → GLB", photo, 2, query=f"hand=left&box={box}", glb=True),
        _kind("bad: no picture", b"\xff\xd8 no JPEG" * 100, 1, status=400),
        _kind("bad: a third hand", crop, 1, query="hand=middle", status=422),
        _kind("bad: a box outside of the photo", photo, 1, query=f"box={elsewhere}", status=400),
        _kind("bad: a GIF", b"GIF89a", 1, media_type="image/gif", status=415),
        _kind("bad: too many pixels", _huge(), 1, status=413),
        Kind(
            name="bad: too many bytes",
            request=Request(wire=_promise(HUGE_BODY_BYTES) + crop),
            expected_status=413,
            weight=1,
            new_connection=True,
        ),
    )


def mixed(kinds: tuple[Kind, ...], *, seed: int) -> Iterator[int]:
    """Yield indices of kinds for ever; every `sum(weights)` of them hold each as often as it weighs."""
    rng = np.random.default_rng(seed)
    deck = np.repeat(np.arange(len(kinds)), [kind.weight for kind in kinds])
    while True:
        yield from rng.permutation(deck).tolist()


def _kind(
    name: str,
    body: bytes,
    weight: int,
    *,
    query: str = "hand=right",
    glb: bool = False,
    media_type: str = "image/jpeg",
    status: int = OK,
    new_connection: bool = False,
) -> Kind:
    accept = "model/gltf-binary" if glb else "application/json"
    request = post(f"/v1/reconstruct?{query}", body, content_type=media_type, accept=accept)
    return Kind(
        name=name, request=request, expected_status=status, weight=weight, new_connection=new_connection
    )


def _huge() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", HUGE_PX).save(buffer, "JPEG")
    return buffer.getvalue()


def _promise(body_bytes: int) -> bytes:
    head = (
        "POST /v1/reconstruct?hand=right HTTP/1.1\r\nhost: bench\r\naccept: application/json\r\n"
        f"content-type: image/jpeg\r\ncontent-length: {body_bytes}\r\n\r\n"
    )
    return head.encode()

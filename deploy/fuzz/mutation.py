"""Damage that gets past the front door: files are taken apart and put together again with valid checksums.

A flipped bit in a PNG only ever meets the checksum of its chunk. So a file is cut into the parts that its
format knows (JPEG segments, PNG chunks, RIFF chunks), parts are changed, lost, doubled, swapped and
taken from other files, and what holds them together (checksums, sizes) is made good again, mostly.
"""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable, Sequence

from deploy.fuzz.target import BOX

PNG_HEAD = b"\x89PNG\r\n\x1a\n"
JPEG_HEAD = b"\xff\xd8"
RIFF_HEAD = b"RIFF"

EDGES = (
    0,
    1,
    2,
    7,
    8,
    0x7F,
    0x80,
    0xFF,
    0x100,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x10000,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
)
"""Integers at which sizes, counts and offsets break."""
BOX_EDGES = (0.0, -0.0, 1e-30, -1.0, 0.5, 1.0, 31.999, 32.0, 40.0, 128.0, 4e3, 1e9, 3e38, -3e38)
MADE_GOOD = 0.9
"""Of checksums and sizes, so many are made good."""

Parts = list[bytes]
Bytewise = Callable[[bytes, int], bytes]
"""Changes bytes that mean nothing in particular, up to a length: libFuzzer's own mutations."""


def mutate(
    data: bytes, *, others: Sequence[bytes], bytewise: Bytewise, max_bytes: int, rng: random.Random
) -> bytes:
    """Return another input, of at most `max_bytes`.

    Args:
        data: An input: a box, then a file.
        others: Files to take parts from.
        bytewise: How bytes without a structure are changed.
        max_bytes: Longest result.
        rng: What decides; the same one gives the same result.
    """
    box, file = data[: BOX.size].ljust(BOX.size, b"\0"), data[BOX.size :]
    if rng.random() < 0.2:
        box = _other_box(rng)
    # Damage adds up from one input to the next: whole files come in again and again.
    if not file or rng.random() < 0.25:
        file = rng.choice(others)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        file = _other_file(file, others=others, bytewise=bytewise, rng=rng)
    return (box + file)[:max_bytes]


def _other_box(rng: random.Random) -> bytes:
    kind = rng.random()
    if kind < 0.4:
        return bytes(BOX.size)
    if kind < 0.8:
        return BOX.pack(rng.uniform(-9, 30), rng.uniform(-9, 30), rng.uniform(1, 60), rng.uniform(1, 60))
    return BOX.pack(
        *(rng.choice(BOX_EDGES) if rng.random() < 0.5 else rng.uniform(-50, 90) for _ in range(4))
    )


def _other_file(file: bytes, *, others: Sequence[bytes], bytewise: Bytewise, rng: random.Random) -> bytes:
    kind = rng.random()
    if kind < 0.15:
        return bytewise(file, len(file) + 64)
    if kind < 0.2:
        return file[: rng.randrange(len(file) + 1)]
    if kind < 0.25:
        other = rng.choice(others)
        return file[: rng.randrange(len(file) + 1)] + other[rng.randrange(len(other)) :]
    parts = split(file)
    _change_parts(parts, split(rng.choice(others)), bytewise=bytewise, rng=rng)
    return join(parts, rng=rng)


def _change_parts(parts: Parts, foreign: Parts, *, bytewise: Bytewise, rng: random.Random) -> None:
    at = rng.randrange(len(parts))
    match rng.randrange(8):
        case 0 if len(parts) > 1:
            del parts[at]
        case 1:
            parts[at:at] = [parts[at]] * rng.choice((1, 1, 2, 40))
        case 2:
            other = rng.randrange(len(parts))
            parts[at], parts[other] = parts[other], parts[at]
        case 3:
            parts.insert(at, rng.choice(foreign))
        case 4:
            parts[at] = rng.choice(foreign)
        case 5:
            parts[at] = _with_an_edge(parts[at], rng)
        case _:
            parts[at] = bytewise(parts[at], len(parts[at]) + 16)


def _with_an_edge(part: bytes, rng: random.Random) -> bytes:
    """Return the part with a number in it at which sizes break."""
    width = rng.choice((1, 2, 4))
    number = (rng.choice(EDGES) & (1 << 8 * width) - 1).to_bytes(width, rng.choice(("big", "little")))
    at = rng.randrange(max(1, len(part) - width + 1))
    return part[:at] + number + part[at + width :]


def split(file: bytes) -> Parts:
    """Return the parts of a file, at least one; joined they are the file again."""
    if file.startswith(PNG_HEAD):
        return [PNG_HEAD, *_chunks(file[len(PNG_HEAD) :], header="big")]
    if file.startswith(RIFF_HEAD):
        return [file[:12], *_chunks(file[12:], header="little")]
    if file.startswith(JPEG_HEAD):
        return _segments(file)
    return [file]


def _chunks(rest: bytes, *, header: str) -> Parts:
    """Cut after each chunk: length, name, payload, checksum (PNG), or name, length, payload (RIFF)."""
    parts: Parts = []
    while len(rest) >= 8:
        size = (
            struct.unpack(">I", rest[:4])[0] + 12
            if header == "big"
            else struct.unpack("<I", rest[4:8])[0] + 8
        )
        size += size % 2 if header == "little" else 0
        parts.append(rest[:size])
        rest = rest[size:]
    return [*parts, rest] if rest else parts


def _segments(file: bytes) -> Parts:
    """Cut a JPEG before each marker; entropy-coded data stays with the marker before it."""
    cuts, at = [0], 2
    while (at := file.find(b"\xff", at)) >= 0 and at + 1 < len(file):
        if file[at + 1] in (0x00, 0xFF):
            at += 1
            continue
        cuts.append(at)
        has_length = file[at + 1] not in range(0xD0, 0xDA) and at + 4 <= len(file)
        at += 2 + (int.from_bytes(file[at + 2 : at + 4], "big") if has_length else 0)
    return [file[start:end] for start, end in zip(cuts, [*cuts[1:], len(file)], strict=True)]


def join(parts: Parts, *, rng: random.Random) -> bytes:
    """Return the file of these parts, with lengths and checksums made good (mostly)."""
    kind = parts[0][:4]
    if kind == PNG_HEAD[:4]:
        return parts[0] + b"".join(_sealed_png(part, rng) for part in parts[1:])
    if kind == RIFF_HEAD and rng.random() < MADE_GOOD:
        body = b"".join(_sealed_riff(part, rng) for part in parts[1:])
        return RIFF_HEAD + struct.pack("<I", len(body) + 4) + parts[0][8:12] + body
    if kind[:2] == JPEG_HEAD:
        return b"".join(_sealed_jpeg(part, rng) for part in parts)
    return b"".join(parts)


def _sealed_png(part: bytes, rng: random.Random) -> bytes:
    if len(part) < 12 or rng.random() > MADE_GOOD:
        return part
    named = part[4:-4]
    return struct.pack(">I", len(named) - 4) + named + struct.pack(">I", zlib.crc32(named))


def _sealed_riff(part: bytes, rng: random.Random) -> bytes:
    if len(part) < 8 or rng.random() > MADE_GOOD:
        return part
    payload = part[8:]
    recorded = struct.unpack("<I", part[4:8])[0]
    if recorded + recorded % 2 == len(payload):
        return part  # right as it is, with its padding
    return part[:4] + struct.pack("<I", len(payload)) + payload + b"\0" * (len(payload) % 2)


def _sealed_jpeg(part: bytes, rng: random.Random) -> bytes:
    """Make good the length of a segment that holds nothing else (a scan is followed by its data)."""
    sealable = len(part) >= 4 and part[0] == 0xFF and part[1] in {0xDB, 0xC4, *range(0xE0, 0xF0), 0xFE}
    if not sealable or rng.random() > MADE_GOOD:
        return part
    return part[:2] + min(len(part) - 2, 0xFFFF).to_bytes(2, "big") + part[4:]

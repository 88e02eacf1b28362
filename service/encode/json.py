"""The answer as JSON: nested lists of float32, each written with as few digits as give it back exactly."""

from __future__ import annotations

import orjson

from service.encode.result import HandResult

MEDIA_TYPE = "application/json"


def encode(hand: HandResult) -> bytes:
    """Return the JSON document of design.md."""
    document = {
        "model": {"name": hand.model, "version": hand.version},
        "hand": hand.side,
        "vertices": hand.vertices_m,
        "joints": hand.joints_m,
        "rotation": hand.rotation,
        "joints_2d": hand.joints_px,
        "translation": hand.translation_m,
        "timing_ms": hand.timing_ms,
    }
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)

"""JSON answers give back the very floats of the network."""

from __future__ import annotations

import json as standard_json

import numpy as np

from service.encode import json
from tests.service.hands import template_hand


def test_gives_back_every_float_exactly() -> None:
    hand = template_hand()
    document = standard_json.loads(json.encode(hand))
    for key, array in {
        "vertices": hand.vertices_m,
        "joints": hand.joints_m,
        "rotation": hand.rotation,
        "joints_2d": hand.joints_px,
    }.items():
        np.testing.assert_array_equal(np.array(document[key], np.float32), array)
    np.testing.assert_array_equal(document["translation"], hand.translation_m)


def test_has_the_documented_keys() -> None:
    document = standard_json.loads(json.encode(template_hand("left", placed=False)))
    assert document["model"] == {"name": "template", "version": "3"}
    assert document["hand"] == "left"
    assert document["translation"] is None
    assert document["timing_ms"] == {"decode": 0.4}

"""What the smoothing table measures."""

from __future__ import annotations

import numpy as np
import pytest

from deploy.bench.smoothing import PARTS, STRENGTHS, lag_frames, measured
from tests.clips import moving_hand


@pytest.mark.parametrize("lag", [0.0, 1.0, 2.5])
def test_a_known_lag_is_found(lag: float) -> None:
    times = np.arange(80.0)
    true = np.sin(times / 9)[:, None, None]
    late = np.sin((times - lag) / 9)[:, None, None]
    assert lag_frames(late, true) == pytest.approx(lag, abs=0.06)


def test_stronger_is_calmer_and_later() -> None:
    clip = moving_hand(0, frames=90, leaves="never")
    off, low, high = (measured(clip, strength) for strength in STRENGTHS)
    for part in PARTS:
        assert off[part].lag_ms == 0
        assert off[part].jitter > 1.5 * low[part].jitter > 1.5 * high[part].jitter
        assert 0 < low[part].lag_ms < high[part].lag_ms
        assert low[part].error < 1.2 * off[part].error

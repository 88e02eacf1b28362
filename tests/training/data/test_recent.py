"""What was asked for last is kept, and nothing more."""

from __future__ import annotations

from training.data.recent import Recent


def test_only_the_last_ones_are_kept() -> None:
    made: list[int] = []

    def make(key: int) -> int:
        made.append(key)
        return key * key

    recent: Recent[int, int] = Recent(2)
    for key in (1, 2, 1, 3, 1, 2):
        assert recent.get(key, lambda: make(key)) == key * key  # noqa: B023  (called at once)
        assert len(recent) <= 2
    # 2 was asked for before 1, so it made room for 3.
    assert made == [1, 2, 3, 2]

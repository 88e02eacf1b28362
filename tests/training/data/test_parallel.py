"""Several processes give what one gives, and take no more than they can chew."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from training.data.parallel import mapped


def test_results_keep_their_order() -> None:
    items = range(-20, 0)
    assert list(mapped(abs, items, jobs=2)) == list(mapped(abs, items, jobs=1)) == list(range(20, 0, -1))


@pytest.mark.parametrize("jobs", [1, 2])
def test_items_are_taken_as_they_are_needed(jobs: int) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    results = mapped(abs, items(), jobs=jobs)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    assert len(taken) <= 3 + 4 * jobs


def test_an_error_reaches_the_caller() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        list(mapped(int, ["1", "one"], jobs=2))


def test_no_job_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one job is wanted, got 0"):
        list(mapped(abs, [1], jobs=0))

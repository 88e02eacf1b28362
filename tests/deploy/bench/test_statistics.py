"""Laws of the statistics: what a summary may and may not depend on."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.bench.statistics import Sample, added_latency_ms, summarise, throughput_ratio

latencies = st.lists(st.floats(1e-5, 10.0), min_size=1, max_size=50).map(tuple)
samples = st.builds(
    Sample, latencies_s=latencies, elapsed_s=st.floats(0.1, 10.0), server_cpu_s=st.floats(0.0, 10.0)
)


@given(st.lists(samples, min_size=1, max_size=5))
def test_percentiles_are_ordered_and_lie_among_the_latencies(rounds: list[Sample]) -> None:
    summary = summarise(rounds)
    all_ms = [1e3 * latency for sample in rounds for latency in sample.latencies_s]
    assert min(all_ms) * (1 - 1e-9) <= summary.p50_ms <= summary.p99_ms <= max(all_ms) * (1 + 1e-9)


@given(st.lists(samples, min_size=1, max_size=5), st.integers(2, 4))
def test_repeating_all_rounds_changes_no_median_and_no_mean(rounds: list[Sample], times: int) -> None:
    once, repeated = summarise(rounds), summarise(rounds * times)
    assert repeated.throughput_per_s == pytest.approx(once.throughput_per_s)
    assert repeated.cpu_ms == pytest.approx(once.cpu_ms)


@given(st.lists(samples, min_size=1, max_size=5))
def test_a_case_is_as_fast_as_itself(rounds: list[Sample]) -> None:
    assert throughput_ratio(rounds, rounds) == 1.0


@given(st.lists(st.tuples(samples, samples), min_size=1, max_size=5))
def test_ratios_of_an_odd_number_of_rounds_invert(pairs: list[tuple[Sample, Sample]]) -> None:
    ours, theirs = zip(*pairs[: len(pairs) - 1 + len(pairs) % 2], strict=True)
    assert throughput_ratio(ours, theirs) * throughput_ratio(theirs, ours) == pytest.approx(1.0)


@given(st.lists(samples, min_size=1, max_size=5), st.floats(0.0, 1.0))
def test_what_is_added_to_every_request_is_the_added_latency(rounds: list[Sample], added_s: float) -> None:
    slower = [
        dataclasses.replace(sample, latencies_s=tuple(latency + added_s for latency in sample.latencies_s))
        for sample in rounds
    ]
    assert added_latency_ms(slower, rounds) == pytest.approx(1e3 * added_s, abs=1e-6)


def test_one_disturbed_round_does_not_move_the_ratio() -> None:
    calm = Sample(latencies_s=(0.01,) * 100, elapsed_s=1.0, server_cpu_s=0.5)
    disturbed = Sample(latencies_s=(0.1,) * 10, elapsed_s=1.0, server_cpu_s=0.05)
    assert throughput_ratio([calm, disturbed, calm], [calm, calm, calm]) == 1.0


@given(st.integers(1, 16), st.integers(1, 6))
def test_throughput_counts_every_answer_once(lump: int, rounds: int) -> None:
    windows = [
        Sample(latencies_s=(0.1,) * lump * number, elapsed_s=1.0, server_cpu_s=0.0)
        for number in range(1, rounds + 1)
    ]
    assert summarise(windows).throughput_per_s == pytest.approx(lump * (rounds + 1) / 2)


def test_rounds_without_an_answer_are_refused() -> None:
    silent = Sample(latencies_s=(), elapsed_s=1.0, server_cpu_s=0.0)
    with pytest.raises(ValueError, match="no request was answered in 1 rounds"):
        summarise([silent])


def test_ratio_refuses_rounds_that_do_not_pair() -> None:
    one = Sample(latencies_s=(0.01,), elapsed_s=1.0, server_cpu_s=0.0)
    with pytest.raises(ValueError, match="zip"):
        throughput_ratio([one, one], [one])

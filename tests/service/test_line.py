"""The line in front of the engine, on a clock of its own before an engine of one speed."""

from __future__ import annotations

import contextlib
import heapq
import math
import re
from dataclasses import dataclass, field

import pytest

from service.engines.protocol import Deadline
from service.errors import DeadlineExceededError, OverloadedError, UnreadableImageError
from service.line import EXPERIENCE, Line

DEADLINE_S = 2.0
RETRY_AFTER_S = 1


@dataclass
class Played:
    """What became of the callers."""

    took_s: list[float] = field(default_factory=list)
    refused: list[OverloadedError] = field(default_factory=list)
    late: int = 0


@dataclass
class Clock:
    """A clock that is set."""

    now_s: float = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


def play(line: Line, clock: Clock, *, every_s: float, pace_s: float, seconds: float) -> Played:
    """Let one caller come every so often to an engine that takes one after the other, and no late one."""
    played, end_s, free_s = Played(), clock.now_s + seconds, clock.now_s
    leaving: list[tuple[float, int, float, contextlib.ExitStack]] = []
    coming_s, number = clock.now_s, 0
    while coming_s < end_s or leaving:
        if leaving and (coming_s >= end_s or leaving[0][0] <= coming_s):
            clock.now_s, _, came_s, place = heapq.heappop(leaving)
            if clock.now_s - came_s < DEADLINE_S:
                place.close()
                played.took_s.append(clock.now_s - came_s)
            else:
                played.late += 1
                with pytest.raises(DeadlineExceededError), place:
                    raise DeadlineExceededError("late")
            continue
        clock.now_s, coming_s, number = coming_s, coming_s + every_s, number + 1
        place = contextlib.ExitStack()
        try:
            place.enter_context(line.stand(Deadline(clock.now_s + DEADLINE_S)))
        except OverloadedError as error:
            played.refused.append(error)
            continue
        if free_s < clock.now_s + DEADLINE_S:
            free_s = max(free_s, clock.now_s) + pace_s
            leaves_s = min(free_s, clock.now_s + DEADLINE_S)
        else:
            leaves_s = clock.now_s + DEADLINE_S
        heapq.heappush(leaving, (leaves_s, number, clock.now_s, place))
    return played


def new(clock: Clock) -> Line:
    return Line(retry_after_s=RETRY_AFTER_S, clock=clock)


@pytest.mark.parametrize("pace_s", [0.002, 0.02, 0.2])
@pytest.mark.parametrize("times", [2, 10])
def test_an_overload_is_refused_at_once_and_who_is_let_in_is_in_time(pace_s: float, times: int) -> None:
    clock = Clock()
    line = new(clock)
    played = play(line, clock, every_s=pace_s / times, pace_s=pace_s, seconds=10.0)
    assert played.late <= EXPERIENCE * times, "only those who came before any experience"
    later = play(line, clock, every_s=pace_s / times, pace_s=pace_s, seconds=10.0)
    assert later.late == 0
    assert len(later.took_s) > 0.9 * 10.0 / pace_s, "the engine must not stand idle"
    assert line.standing == 0


def test_who_is_refused_is_told_how_long_the_line_is() -> None:
    clock = Clock()
    line = new(clock)
    play(line, clock, every_s=0.02, pace_s=0.1, seconds=30.0)
    told = play(line, clock, every_s=0.02, pace_s=0.1, seconds=30.0).refused
    assert {error.retry_after_s for error in told} == {2}, "the line is a second long and a little"
    assert re.search(r"about 1\.\d s of work, and 2\.0 s are left$", told[-1].detail)


def test_a_load_that_the_engine_can_take_is_let_in_whole() -> None:
    clock = Clock()
    played = play(new(clock), clock, every_s=0.021, pace_s=0.02, seconds=60.0)
    assert not played.refused
    assert not played.late


def test_an_engine_that_stood_still_is_trusted_again_within_a_second() -> None:
    clock = Clock()
    line = new(clock)
    play(line, clock, every_s=0.02, pace_s=0.01, seconds=5.0)
    assert play(line, clock, every_s=0.02, pace_s=math.inf, seconds=5.0).late
    play(line, clock, every_s=0.02, pace_s=0.01, seconds=1.0)
    back = play(line, clock, every_s=0.02, pace_s=0.01, seconds=5.0)
    assert not back.refused


def test_an_empty_line_lets_anybody_in_whatever_it_has_seen() -> None:
    clock = Clock()
    line = new(clock)
    for number in range(EXPERIENCE):
        with pytest.raises(DeadlineExceededError), line.stand(Deadline(clock.now_s + 2.0)):
            clock.now_s = 1e6 * number
            raise DeadlineExceededError("late")
    with line.stand(Deadline(clock.now_s + 0.001), pictures=8):
        assert line.standing == 8
        assert line.wait_s > 1e4
    assert line.wait_s == 0.0


def test_what_fails_before_it_has_waited_teaches_nothing() -> None:
    clock = Clock()
    line = new(clock)
    play(line, clock, every_s=0.03, pace_s=0.02, seconds=5.0)
    with line.stand(Deadline(clock.now_s + DEADLINE_S)):
        before_s = line.wait_s
        with pytest.raises(UnreadableImageError), line.stand(Deadline(clock.now_s + DEADLINE_S)):
            raise UnreadableImageError("garbage")
        assert line.wait_s == before_s

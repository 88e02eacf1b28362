"""A soak of seconds on the real service, and verdicts that know a leak when they see one."""

from __future__ import annotations

import dataclasses
import os
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.bench.cores import Cores
from deploy.bench.deployment import served
from deploy.bench.machine import this_machine
from deploy.soak.load import Streaming
from deploy.soak.record import BROKEN, SILENT, Call, Frames, Record
from deploy.soak.report import plot_link, plot_of, render
from deploy.soak.run import Plan, Soak, run
from deploy.soak.traffic import OK, Kind, mixed, traffic
from deploy.soak.verdicts import Tolerances, Verdict, judge
from deploy.soak.vitals import Sight, Vitals

KINDS = traffic()
DURATION_S = 1800.0
CALLS = 3600
SIGHTS = 360


def seen(
    time_s: float, *, rss_mib: float = 200.0, files: int = 90, threads: int = 9, in_flight: int = 2
) -> Sight:
    """Return a look at a gateway that is as told, in front of a Triton that stays as it is."""
    return Sight(
        time_s=time_s,
        gateway=Vitals(rss_mib=rss_mib, files=files, threads=threads),
        triton=Vitals(rss_mib=420.0, files=69, threads=67),
        in_flight=in_flight,
    )


def called(number: int, *, latency_s: float = 0.05) -> Call:
    kind = number % len(KINDS)
    due_s = DURATION_S * number / CALLS
    return Call(kind=kind, due_s=due_s, latency_s=latency_s, status=KINDS[kind].expected_status)


def sound() -> Record:
    """Return what a soak without a fault would have left."""
    return Record(
        kinds=KINDS,
        duration_s=DURATION_S,
        rate_per_s=CALLS / DURATION_S,
        before=seen(-3.0, files=22, in_flight=0),
        after=seen(DURATION_S + 3.0, files=22, in_flight=0),
        sent=CALLS,
        calls=[called(number) for number in range(CALLS)],
        frames=Frames(streams=2, sent=10, hands=10),
        sights=[seen(DURATION_S * number / SIGHTS) for number in range(SIGHTS)],
    )


def failed(record: Record) -> set[str]:
    return {verdict.claim for verdict in judge(record, Tolerances()) if not verdict.holds}


def leaking(**grown: Callable[[float], float]) -> Record:
    """Return a sound record but for the gateway's vitals, told as functions of the time in seconds."""
    sights = [
        dataclasses.replace(
            sight,
            gateway=dataclasses.replace(
                sight.gateway, **{name: of(sight.time_s) for name, of in grown.items()}
            ),
        )
        for sight in sound().sights
    ]
    return dataclasses.replace(sound(), sights=sights)


def answered_by(status: int, *, kind: Callable[[Kind], bool]) -> Record:
    """Return a sound record but for the status of one call."""
    record = sound()
    number = next(index for index, call in enumerate(record.calls) if kind(record.kinds[call.kind]))
    record.calls[number] = record.calls[number]._replace(status=status)
    return record


def test_the_real_service_passes_a_soak_of_seconds(model_repository: Path, tmp_path: Path) -> None:
    core = min(os.sched_getaffinity(0))
    plan = Plan(
        duration_s=6.0,
        share=0.4,
        most_window_s=2.0,
        sample_s=0.25,
        settle_s=1.0,
        streaming=Streaming(life_s=1.5, pause_s=0.5),
    )
    with served(model_repository, "svr_hand", Cores(server=core, load=core)) as service:
        soak = run(service, plan, progress=lambda _: None)
    record = soak.record
    # All on one core, for seconds, beside other tests: caches still fill, and latency is anybody's.
    tolerances = Tolerances(rss_mib=64.0, p99_ratio=50.0)
    verdicts = judge(record, tolerances)
    assert [verdict for verdict in verdicts if not verdict.holds] == []
    assert record.sent == int(plan.duration_s * record.rate_per_s) == len(record.calls) > 0
    assert record.frames.streams >= 4
    assert 0 < record.rate_per_s < soak.most_per_s
    assert_is_drawn(plot_of(record, tolerances))
    assert_is_written(soak, verdicts, tolerances, service.model.describe(), tmp_path)


def assert_is_drawn(svg: str) -> None:
    root = ElementTree.fromstring(svg)
    words = " ".join(root.itertext())
    for word in ("Resident memory (MiB)", "Open files", "Threads", "Latency", "time (min)", "p50", "p99"):
        assert word in words
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    curves = root.findall("{http://www.w3.org/2000/svg}polyline")
    assert len(curves) == 10
    for curve in curves:
        for point in curve.attrib["points"].split():
            x_px, y_px = map(float, point.split(","))
            assert 0 <= x_px <= width
            assert 0 <= y_px <= height


def assert_is_written(
    soak: Soak, verdicts: list[Verdict], tolerances: Tolerances, model: str, folder: Path
) -> None:
    link = plot_link(folder / "soak.md", folder / "soak.svg")
    assert link == "soak.svg"
    machine = this_machine()
    page = render(
        soak, verdicts, tolerances, command="python -m deploy.soak", machine=machine, model=model, plot=link
    )
    assert f"All {len(verdicts)} hold." in page
    assert "(soak.svg)" in page
    assert machine.day.isoformat() in page
    assert all(kind.name in page for kind in KINDS)


def test_a_sound_record_holds() -> None:
    assert failed(sound()) == set()


def test_a_leak_fails() -> None:
    """What is lost is a little at a time, and one that ends with the warm-up is none."""
    assert failed(leaking(rss_mib=lambda time_s: 200 + 20 * time_s / DURATION_S)) == set()
    assert failed(leaking(rss_mib=lambda time_s: 200 + 24 * time_s / DURATION_S)) == {
        "gateway's memory does not grow"
    }
    assert failed(leaking(rss_mib=lambda time_s: 200 + min(100, time_s))) == set()
    assert failed(leaking(files=lambda time_s: 90 + time_s // 120)) == {"gateway's open files stay"}
    assert failed(leaking(threads=lambda time_s: 9 + time_s // 300)) == {"gateway's threads stay"}


def test_peaks_are_no_leak() -> None:
    """A tenth of the looks falls on moments of much work, most of them late."""
    peaks = {30.0 * number for number in range(30, 60)}
    assert failed(leaking(rss_mib=lambda time_s: 500 if time_s in peaks else 200)) == set()
    assert failed(leaking(files=lambda time_s: 300 if time_s in peaks else 90)) == set()


def test_files_that_stay_open_after_the_load_fail() -> None:
    record = dataclasses.replace(sound(), after=seen(DURATION_S, files=86, in_flight=1))
    assert failed(record) == {
        "gateway's open files at rest are those before the load",
        "nothing in flight after the load",
    }


def test_replies_that_are_missing_fail() -> None:
    answered, hands = "every request answered", "every good upload got a hand"
    assert failed(dataclasses.replace(sound(), sent=CALLS + 1)) == {answered}
    good = lambda kind: kind.expected_status == OK  # noqa: E731
    assert failed(answered_by(SILENT, kind=good)) == {answered, hands}
    assert failed(answered_by(BROKEN, kind=good)) == {answered, hands, "no broken connection"}
    assert failed(answered_by(503, kind=good)) == {"no 5xx", hands}
    assert failed(answered_by(429, kind=good)) == {hands}
    record = dataclasses.replace(sound(), frames=Frames(streams=1, sent=2, hands=1))
    assert failed(record) == {"every frame of a stream got a hand"}


def test_a_soak_in_which_nothing_happened_proves_nothing() -> None:
    with pytest.raises(ValueError, match="make it longer"):
        judge(dataclasses.replace(sound(), calls=[], sent=0), Tolerances())


def test_a_bad_upload_that_is_taken_fails() -> None:
    assert failed(answered_by(OK, kind=lambda kind: kind.expected_status == 413)) == {
        "every bad upload got its 4xx"
    }


def test_latency_that_drifts_fails_and_one_stall_does_not() -> None:
    drift, stall = sound(), sound()
    drift.calls = [called(number, latency_s=0.05 * (1 + number / CALLS)) for number in range(CALLS)]
    assert failed(drift) == set()
    drift.calls = [called(number, latency_s=0.05 * (1 + 3 * number / CALLS)) for number in range(CALLS)]
    assert failed(drift) == {"p99 of the last third is that of the first"}
    stall.calls[3500:3520] = [call._replace(latency_s=9.0) for call in stall.calls[3500:3520]]
    assert failed(stall) == set()


def test_the_mix_has_every_kind_as_often_as_it_weighs() -> None:
    order = mixed(KINDS, seed=0)
    weights = [kind.weight for kind in KINDS]
    for _ in range(3):
        drawn = [next(order) for _ in range(sum(weights))]
        assert [drawn.count(index) for index in range(len(KINDS))] == weights


@pytest.mark.parametrize("wrong", [{"share": 0.0}, {"share": 1.2}, {"duration_s": 0.0}])
def test_a_plan_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="got"):
        Plan(**({"duration_s": 1.0} | wrong))  # type: ignore[arg-type]

"""A soak of seconds on the real service, and verdicts that know a leak when they see one."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.bench.cores import Cores
from deploy.bench.deployment import ModelVersion, Service, served
from deploy.bench.machine import this_machine
from deploy.bench.processes import free_port, running
from deploy.bench.vitals import Vitals
from deploy.soak.load import Streaming
from deploy.soak.load import soak as soak_for
from deploy.soak.record import BROKEN, SILENT, Call, Frames, Record
from deploy.soak.report import plot_link, plot_of, render
from deploy.soak.run import Plan, Soak, run
from deploy.soak.traffic import OK, Kind, mixed, traffic
from deploy.soak.verdicts import Tolerances, Verdict, judge
from deploy.soak.vitals import Sight

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


def looked_at(look: Callable[[float], Sight]) -> Record:
    """Return a sound record but for the looks, told as a function of the time in seconds."""
    return dataclasses.replace(sound(), sights=[look(sight.time_s) for sight in sound().sights])


def answered_by(status: int, *, kind: Callable[[Kind], bool]) -> Record:
    """Return a sound record but for the status of one call."""
    record = sound()
    number = next(index for index, call in enumerate(record.calls) if kind(record.kinds[call.kind]))
    record.calls[number] = record.calls[number]._replace(status=status)
    return record


@pytest.mark.triton
@pytest.mark.slow
def test_the_real_service_passes_a_soak_of_seconds(model_repository: Path, tmp_path: Path) -> None:
    core = min(os.sched_getaffinity(0))
    plan = Plan(
        duration_s=5.0,
        share=0.4,
        most_window_s=1.5,
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
    """A little at a time is a leak, too; growth that ends with the warm-up is none."""

    def share(time_s: float) -> float:
        return time_s / DURATION_S

    memory = "gateway's memory does not grow"
    assert failed(looked_at(lambda time_s: seen(time_s, rss_mib=200 + 18 * share(time_s)))) == set()
    assert failed(looked_at(lambda time_s: seen(time_s, rss_mib=200 + 24 * share(time_s)))) == {memory}
    assert failed(looked_at(lambda time_s: seen(time_s, rss_mib=200 + min(100, time_s)))) == set()
    files = looked_at(lambda time_s: seen(time_s, files=90 + int(time_s // 120)))
    assert failed(files) == {"gateway's open files stay"}
    threads = looked_at(lambda time_s: seen(time_s, threads=9 + int(time_s // 300)))
    assert failed(threads) == {"gateway's threads stay"}


def test_peaks_are_no_leak() -> None:
    """Some looks fall on moments of much work, all of them late."""

    def busy(time_s: float) -> bool:
        return time_s > DURATION_S / 2 and time_s % 30 == 0

    assert failed(looked_at(lambda time_s: seen(time_s, rss_mib=500 if busy(time_s) else 200))) == set()
    assert failed(looked_at(lambda time_s: seen(time_s, files=300 if busy(time_s) else 90))) == set()


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


def test_a_stall_is_counted_in_all_that_it_kept_waiting() -> None:
    """A caller who waits for each reply would meet it once; one who asks on time meets it again and again."""
    port, stall_s = free_port(), 0.5
    with running(["-m", "deploy.bench.contenders.fixed_reply", str(port)], port=port) as tree:
        service = Service(
            model=ModelVersion(name="none", folder=Path()),
            triton_url="",
            triton_metrics_url="",
            triton=tree,
            gateway_port=port,
            gateway_grpc_port=0,
            gateway=tree,
        )
        record = Record(kinds=KINDS[:1], duration_s=1.5, rate_per_s=100.0, before=seen(0.0))

        async def stalled() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(soak_for(service, record, Streaming(), start_s=time.perf_counter()))
                await asyncio.sleep(0.5)
                tree.send(signal.SIGSTOP)
                await asyncio.sleep(stall_s)
                tree.send(signal.SIGCONT)

        asyncio.run(stalled())
    assert record.sent == len(record.calls) == 150
    waited = [call.latency_s for call in record.calls if 0.5 <= call.due_s < 1.0]
    assert max(waited) > 0.8 * stall_s
    assert sum(waited) / len(waited) == pytest.approx(stall_s / 2, rel=0.4)


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

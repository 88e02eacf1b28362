"""The network on a GPU, without a server: `python -m deploy.bench.gpu CHECKPOINT [--write FILE]`.

What a server can reach at most on a card: every precision, batches of 1 to 256, the exported module or a CUDA
graph; from crops in the host's memory to hands in the host's memory.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from deploy.bench.console import typed
from deploy.bench.page import write_part
from training.checkpoint import load_checkpoint, load_weights
from training.data.sets import hand_topology
from training.device import available_device
from training.export.graph import Served, load, save, serve, trace
from training.networks.build import build_any

CASTS = {"fp32": None, "tf32": None, "fp16": torch.float16, "bf16": torch.bfloat16}
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
WARM_UP = 5

Run = Callable[[], tuple[Tensor, ...]]
"""Takes the crops from the host's memory and returns the hands there."""


class Row(NamedTuple):
    """One precision at one batch; medians from host to host."""

    precision: str
    batch: int
    launched_ms: float
    """Operations one by one: the TorchScript that Triton runs, or the network under autocast."""
    replayed_ms: float
    """All operations as one CUDA graph."""
    worst_vertex_mm: float
    """How far a vertex lies from where fp32 has it, at most."""

    @property
    def images_per_s(self) -> float:
        """What the graph reaches."""
        return 1000.0 * self.batch / self.replayed_ms


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the table, and write it where asked."""
    arguments = _parser().parse_args(argv)
    try:
        device = available_device("cuda")
        served = served_of(arguments.checkpoint).to(device)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    rows = list(measure(served, seconds=arguments.seconds))
    page = as_page(rows, served, command=typed("deploy.bench.gpu", argv))
    print(page)
    if arguments.write is not None:
        write_part(arguments.write, f"gpu {served.model}", page)
    return 0


def served_of(checkpoint: Path) -> Served:
    """Return the network of a checkpoint behind the contract.

    Raises:
        ValueError: There is no such checkpoint.
    """
    trained = load_checkpoint(checkpoint)
    network = build_any(trained.config.network, hand_topology(trained.config.data))
    load_weights(network, trained.best_weights)
    return serve(network, views=trained.config.network.views).eval()


def measure(served: Served, *, seconds: float) -> Iterator[Row]:
    """Yield the rows of a module on a GPU, each way measured for `seconds`."""
    exact: dict[int, Tensor] = {}
    exported = exported_of(served)
    for precision, cast in CASTS.items():
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision != "fp32"
        # A cast that is kept for the next call would be freed below a graph that reads it.
        autocast = torch.autocast("cuda", cast, enabled=cast is not None, cache_enabled=False)
        with torch.inference_mode(), autocast:
            for batch in BATCHES:
                crops = tuple(part.pin_memory() for part in served.samples(batch, seed=1))
                hands = tuple(part.cpu().pin_memory() for part in served(*_on_gpu(crops)))
                # TorchScript does not run under autocast: on a processor, torch 2.13 dies of it.
                module = exported if cast is None else served
                launched_ms = _median_ms(launched(module, crops, hands), seconds)
                run = replayed(served, crops, hands)
                replayed_ms = _median_ms(run, seconds)
                vertices_m = run()[0].clone()
                off_m = (vertices_m - exact.setdefault(batch, vertices_m)).norm(dim=-1).max()
                yield Row(precision, batch, launched_ms, replayed_ms, 1000.0 * float(off_m))


def exported_of(served: Served) -> torch.jit.ScriptModule:
    """Return the module that an export writes, on the GPU; it is made from a copy on the processor."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.pt"
        save(trace(copy.deepcopy(served).cpu()), path)
        return load(path, device="cuda")


def launched(module: nn.Module, crops: tuple[Tensor, ...], hands: tuple[Tensor, ...]) -> Run:
    """Return a run that launches every operation; results go to the pinned `hands`."""

    def run() -> tuple[Tensor, ...]:
        for place, part in zip(hands, module(*_on_gpu(crops)), strict=True):
            place.copy_(part, non_blocking=True)
        torch.cuda.synchronize()
        return hands

    return run


def replayed(served: Served, crops: tuple[Tensor, ...], hands: tuple[Tensor, ...]) -> Run:
    """Return a run that replays one CUDA graph, copies included."""
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM_UP):
            served(*_on_gpu(crops))
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for place, part in zip(hands, served(*_on_gpu(crops)), strict=True):
            place.copy_(part, non_blocking=True)

    def run() -> tuple[Tensor, ...]:
        graph.replay()
        torch.cuda.synchronize()
        return hands

    return run


def as_page(rows: Sequence[Row], served: Served, *, command: str) -> str:
    """Return the table with where and how it was measured."""
    lines = [
        f"## `{served.model}` on a GPU, without a server",
        "",
        f"`{command}`, {datetime.now(UTC).date()}: {torch.cuda.get_device_name()}, "
        f"torch {torch.__version__}. Medians, from crops in pinned host memory to hands in pinned host memory"
        + (f"; an image is a group of {served.views} views." if served.views > 1 else "."),
        "One by one: the exported module, as Triton runs it (fp32, tf32), or the network under autocast.",
        "",
        "| precision | batch | one by one, ms | CUDA graph, ms | images/s | vertex off by, mm |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.precision} | {row.batch} | {row.launched_ms:.2f} | {row.replayed_ms:.2f} "
        f"| {row.images_per_s:,.0f} | {row.worst_vertex_mm:.3f} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def _on_gpu(crops: tuple[Tensor, ...]) -> Iterator[Tensor]:
    return (part.to("cuda", non_blocking=True) for part in crops)


def _median_ms(run: Run, seconds: float) -> float:
    for _ in range(WARM_UP):
        run()
    took_ms: list[float] = []
    end = time.perf_counter() + seconds
    while not took_ms or time.perf_counter() < end:
        start = time.perf_counter()
        run()
        took_ms.append(1000.0 * (time.perf_counter() - start))
    return statistics.median(took_ms)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.bench.gpu", description="Measure a network on a GPU, without a server."
    )
    parser.add_argument("checkpoint", type=Path, help="what `training train` wrote")
    parser.add_argument("--seconds", type=float, default=0.3, help="for each figure (default: %(default)s)")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write it into this page as well")
    return parser


if __name__ == "__main__":
    sys.exit(main())

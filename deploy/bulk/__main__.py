"""`python -m deploy.bulk INPUT OUTPUT`: pictures to Parquet of meshes, through Triton; see docs/bulk.md."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

import ray.exceptions

from deploy.bulk.job import GaveUpError, Outcome, Plan, RayStartError, run_job
from deploy.bulk.reconstructor import Options
from deploy.bulk.throughput import triton_alone
from deploy.signals import interrupt_on_stop
from deploy.triton.install import CHECKOUT
from service.errors import GatewayError

SHOWN_FAILURES = 10


def main(argv: list[str] | None = None) -> int:
    """Return 0 when every row has its hand, 3 when some have none, 1 when the job could not be done."""
    arguments = _parser().parse_args(argv)
    interrupt_on_stop()
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.ERROR)
    options = Options(
        triton_url=arguments.triton_url,
        model_repository=arguments.repository.resolve(),
        model_name=arguments.model,
        hand=arguments.hand,
        version=arguments.version,
        in_flight=max(1, arguments.in_flight // arguments.workers),
        max_bytes=arguments.max_bytes,
        max_pixels=arguments.max_pixels,
        patience_s=arguments.patience_s,
    )
    plan = Plan(
        source=arguments.input,
        output=arguments.output,
        options=options,
        workers=arguments.workers,
        block_rows=arguments.block_rows,
        ray_address=arguments.ray_address,
        cpus=arguments.cpus,
        retry_failed=arguments.retry_failed,
    )
    try:
        alone = _triton_alone(options, arguments)
        outcome = run_job(plan)
    except (ValueError, GatewayError, GaveUpError, RayStartError, ray.exceptions.RayError) as error:
        print(f"error: {_first_reason(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped; the same command goes on.", file=sys.stderr)
        return 1
    print(summary(outcome, plan.output, alone=alone, in_flight=arguments.in_flight))
    return 3 if outcome.report else 0


def _triton_alone(options: Options, arguments: argparse.Namespace) -> float | None:
    """Measure before the job: a Triton that is not there is found before Ray is started."""
    if not arguments.measure_s:
        return None
    return triton_alone(options, in_flight=arguments.in_flight, seconds=arguments.measure_s)


def _first_reason(error: Exception) -> str:
    """Return what a person can use of Ray's report of a worker's error: its last line."""
    return str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__


def summary(outcome: Outcome, output: Path, *, alone: float | None, in_flight: int) -> str:
    """Return what a run came to, for people."""
    lines = [
        f"{outcome.rows} rows: {outcome.done_before} done before, {outcome.meshes} meshes and "
        f"{outcome.failed} failures now; {output}/meshes"
    ]
    if outcome.repeated:
        lines.append(f"{outcome.repeated} rows left out: another row has their name")
    if outcome.timed and outcome.seconds:
        rate = outcome.timed / outcome.seconds
        lines.append(f"{rate:.1f} images/s once every worker was at work")
        if alone is not None:
            share = f"{100 * rate / alone:.0f} %"
            lines[-1] += f"; Triton alone {alone:.1f}/s with {in_flight} in flight: {share}"
    if outcome.report:
        lines.append(f"{len(outcome.report)} rows without a hand, all in {output}/failed.csv:")
        lines += [
            f"  {name}: {problem}: {detail}" for name, problem, detail in outcome.report[:SHOWN_FAILURES]
        ]
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.bulk", description=__doc__)
    parser.add_argument("input", type=Path, help="directory of pictures, Parquet file, or directory of those")
    parser.add_argument("output", type=Path, help="directory; one that exists is gone on with")
    parser.add_argument("--triton-url", default="localhost:8001", help="host:port of Triton's gRPC endpoint")
    parser.add_argument("--repository", type=Path, default=CHECKOUT / "model_repository")
    parser.add_argument("--model", default="svr_hand")
    parser.add_argument("--version", default="", help="of the model; default: the newest")
    parser.add_argument("--hand", choices=("right", "left"), default="right", help="where a row does not say")
    parser.add_argument("--retry-failed", action="store_true", help="try again what failed before")
    parser.add_argument("--workers", type=int, default=2, help="processes that decode and ask")
    parser.add_argument(
        "--in-flight", type=int, default=32, help="requests at Triton at once, of all workers"
    )
    parser.add_argument("--block-rows", type=int, default=64, help="asked and written together")
    parser.add_argument("--max-bytes", type=int, default=8 << 20, help="of a picture's file")
    parser.add_argument("--max-pixels", type=int, default=25_000_000)
    parser.add_argument("--patience-s", type=float, default=60.0, help="for a Triton that is away")
    parser.add_argument("--measure-s", type=float, default=3.0, help="of Triton alone, first; 0: not at all")
    parser.add_argument("--cpus", type=int, default=os.cpu_count(), help="that Ray may use on this machine")
    parser.add_argument("--ray-address", help="of a Ray cluster; default: Ray on this machine, for this job")
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""`make fuzz`: hostile pictures against decoding and cropping, for a while; what came of them is printed.

`python -m deploy.fuzz again FINDING` runs one kept input in this process and shows what it does.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from deploy.fuzz.campaign import Plan, Result, run_campaign
from deploy.fuzz.target import Target
from deploy.signals import interrupt_on_stop
from deploy.triton.install import CHECKOUT

PROGRESS_S = 10.0


def main(argv: list[str] | None = None) -> int:
    """Return 0 when nothing was found, 1 when something was, or nothing could be tried."""
    arguments = _parser().parse_args(argv)
    interrupt_on_stop()
    if arguments.verb == "again":
        target = Target(arguments.model, max_pixels=arguments.max_pixels)
        print(target.run(arguments.finding.read_bytes()))
        return 0
    plan = Plan(
        folder=arguments.folder,
        model=arguments.model,
        processes=arguments.processes,
        seconds=arguments.seconds,
        inputs=arguments.inputs,
        seed=arguments.seed,
        max_pixels=arguments.max_pixels,
        timeout_s=arguments.timeout_s,
        slow_s=arguments.slow_s,
        growth_mib=arguments.growth_mib,
        rss_mib=arguments.rss_mib,
    )
    try:
        result = run_campaign(plan, on_progress=_Progress())
    except RuntimeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(table(result))
    return 1 if result.findings else 0


def table(result: Result) -> str:
    """Return what a campaign came to, for people."""
    rate = result.inputs / result.seconds
    lines = [f"{result.inputs} inputs in {result.seconds:.0f} s, {rate:.0f}/s; {result.restarts} restarts"]
    lines += [f"  {outcome:24} {count:10}" for outcome, count in result.counts.items()]
    lines.append(f"{len(result.findings)} findings")
    lines += [f"  {path}: {_first_line(path)}" for path in result.findings]
    return "\n".join(lines)


def _first_line(path: Path) -> str:
    """Return what a finding's report ends with: of a traceback, the error."""
    return path.with_suffix(".txt").read_text(encoding="utf-8").strip().splitlines()[-1]


class _Progress:
    """Prints a line now and then."""

    def __init__(self) -> None:
        self._next_s = time.monotonic() + PROGRESS_S

    def __call__(self, result: Result) -> None:
        if time.monotonic() >= self._next_s:
            self._next_s += PROGRESS_S
            rate = result.inputs / result.seconds
            tried = f"{result.inputs} inputs, {rate:.0f}/s"
            print(f"{result.seconds:6.0f} s  {tried}, {len(result.findings)} findings", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.fuzz", description=__doc__)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--model", type=Path, default=CHECKOUT / "model_repository" / "svr_hand")
    common.add_argument("--max-pixels", type=int, default=1 << 18, help="of a picture: fewer are faster")
    verbs = parser.add_subparsers(dest="verb", required=True)
    run = verbs.add_parser("run", parents=[common], help="try inputs")
    run.add_argument("--folder", type=Path, default=CHECKOUT / ".cache" / "fuzz")
    run.add_argument("--processes", type=int, default=2)
    run.add_argument("--seconds", type=float, default=600.0)
    run.add_argument("--inputs", type=int, default=1_000_000, help="go on until so many were tried, too")
    run.add_argument("--seed", type=int, default=0)
    run.add_argument("--timeout-s", type=float, default=30.0, help="of one input, by the clock")
    run.add_argument("--slow-s", type=float, default=1.0, help="of one input, CPU time")
    run.add_argument("--growth-mib", type=int, default=64, help="that one input may take")
    run.add_argument("--rss-mib", type=int, default=1024, help="that a process may hold")
    again = verbs.add_parser("again", parents=[common], help="run one kept input here")
    again.add_argument("finding", type=Path)
    return parser


if __name__ == "__main__":
    sys.exit(main())

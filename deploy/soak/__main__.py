"""`python -m deploy.soak [--minutes 30] [--load 0.7] [--write docs/soak.md] [--plot docs/soak.svg]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.bench.console import progress, typed
from deploy.bench.cores import choose_cores
from deploy.bench.deployment import served
from deploy.bench.machine import this_machine
from deploy.soak.report import plot_link, plot_of, render, verdict_table
from deploy.soak.run import Plan, run
from deploy.soak.verdicts import Tolerances, judge
from deploy.triton.install import CHECKOUT, TritonError


def main(argv: Sequence[str] | None = None) -> int:
    """Soak, print the verdicts, write page and plot where asked; 1 where a verdict fails."""
    arguments = _parser().parse_args(argv)
    tolerances = Tolerances(rss_mib=arguments.rss_mib)
    try:
        _check_folders(arguments)
        plan = Plan(
            duration_s=60.0 * arguments.minutes, share=arguments.load, sample_s=arguments.sample_seconds
        )
        machine = this_machine()
        with served(arguments.repository, arguments.model, choose_cores()) as service:
            soak = run(service, plan, progress=progress)
        verdicts = judge(soak.record, tolerances)
    except (ValueError, RuntimeError, TritonError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(verdict_table(verdicts))
    if arguments.plot is not None:
        arguments.plot.write_text(plot_of(soak.record, tolerances), encoding="utf-8")
    if arguments.write is not None:
        page = render(
            soak,
            verdicts,
            tolerances,
            command=typed("deploy.soak", argv),
            machine=machine,
            model=service.model.describe(),
            plot=plot_link(arguments.write, arguments.plot),
        )
        arguments.write.write_text(page, encoding="utf-8")
    return 0 if all(verdict.holds for verdict in verdicts) else 1


def _check_folders(arguments: argparse.Namespace) -> None:
    """Find out before the soak, not after it, that its page or plot cannot be written."""
    for path in (arguments.write, arguments.plot):
        if path is not None and not path.parent.is_dir():
            raise ValueError(f"{path} cannot be written: there is no folder {path.parent}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.soak",
        description="Load gateway and Triton for long; prove that nothing grows and nobody is refused.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=30.0, help="of load")
    parser.add_argument("--load", type=float, default=0.7, help="as a share of the most that is answered")
    parser.add_argument("--sample-seconds", type=float, default=5.0, help="between looks at the processes")
    parser.add_argument(
        "--rss-mib",
        type=float,
        default=Tolerances().rss_mib,
        help="that a process may grow, warmed up",
    )
    parser.add_argument("--repository", type=Path, default=CHECKOUT / "model_repository")
    parser.add_argument("--model", default="svr_hand")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page here")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write the plot here, as SVG")
    return parser


if __name__ == "__main__":
    sys.exit(main())

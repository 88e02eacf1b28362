"""`python -m deploy.capacity [--write docs/capacity.md] [--engine-images-per-s N]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.bench.console import progress, typed
from deploy.bench.cores import choose_cores
from deploy.bench.deployment import deployed
from deploy.bench.machine import this_machine
from deploy.capacity.measurement import Measurement, measure
from deploy.capacity.model import Assumptions, Engine
from deploy.capacity.report import render
from deploy.triton.install import CHECKOUT, TritonError


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what an image costs, print the page, and write it where asked."""
    arguments = _parser().parse_args(argv)
    try:
        assumptions, machine = _assumptions(arguments), this_machine()
        with deployed(arguments.repository, arguments.model, choose_cores()) as deployment:
            measured = measure(
                deployment, rounds=arguments.rounds, seconds=arguments.seconds, progress=progress
            )
        page = render(
            measured,
            _engines(arguments, measured),
            assumptions,
            command=typed("deploy.capacity", argv),
            machine=machine,
        )
    except (ValueError, RuntimeError, TritonError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(page)
    if arguments.write is not None:
        arguments.write.write_text(page, encoding="utf-8")
    return 0


def _engines(arguments: argparse.Namespace, measured: Measurement) -> list[Engine]:
    """Return the engine that was measured, and the one that the caller has figures of."""
    engines = [
        Engine(
            name="one CPU core a Triton, as measured",
            images_per_s=round(measured.engine_images_per_s, 1),
            price_per_hour=arguments.core_price_per_hour,
        )
    ]
    if arguments.engine_images_per_s is not None:
        engines.append(
            Engine(
                name="another engine, whose rate was given and not measured",
                images_per_s=arguments.engine_images_per_s,
                price_per_hour=arguments.engine_price_per_hour,
            )
        )
    return engines


def _assumptions(arguments: argparse.Namespace) -> Assumptions:
    return Assumptions(
        headroom=arguments.headroom,
        min_pods=arguments.min_pods,
        link_gbit_per_s=arguments.link_gbit_per_s,
        prometheus_series=arguments.prometheus_series,
        scrape_interval_s=arguments.scrape_interval_s,
        core_price_per_hour=arguments.core_price_per_hour,
        egress_price_per_gb=arguments.egress_price_per_gb,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.capacity",
        description="Measure what an image costs here, and say what fleets and money a rate of them takes.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often each kind of traffic is measured")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a window")
    parser.add_argument("--repository", type=Path, default=CHECKOUT / "model_repository")
    parser.add_argument("--model", default="svr_hand")
    parser.add_argument(
        "--engine-images-per-s", type=float, help="what one Triton of yours answers, as a second fleet"
    )
    parser.add_argument(
        "--engine-price-per-hour", type=float, default=2.0, help="of that Triton's pod, in dollars"
    )
    assumed = Assumptions()
    parser.add_argument(
        "--headroom", type=float, default=assumed.headroom, help="share of the best to plan with"
    )
    parser.add_argument("--min-pods", type=int, default=assumed.min_pods, help="of each part at any rate")
    parser.add_argument("--link-gbit-per-s", type=float, default=assumed.link_gbit_per_s)
    parser.add_argument("--prometheus-series", type=int, default=assumed.prometheus_series)
    parser.add_argument("--scrape-interval-s", type=float, default=assumed.scrape_interval_s)
    parser.add_argument("--core-price-per-hour", type=float, default=assumed.core_price_per_hour)
    parser.add_argument("--egress-price-per-gb", type=float, default=assumed.egress_price_per_gb)
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page here as well")
    return parser


if __name__ == "__main__":
    sys.exit(main())

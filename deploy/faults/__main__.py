"""`python -m deploy.faults [--only NAME ...] [--write docs/faults.md]`: break things, and count."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import uvloop

from deploy.bench.console import progress, typed
from deploy.bench.cores import choose_cores
from deploy.bench.machine import this_machine
from deploy.bench.photo import make_photo
from deploy.bench.wire import post
from deploy.faults.engine import MODEL
from deploy.faults.episode import Episode
from deploy.faults.report import page, spoken
from deploy.faults.scenarios import SCENARIOS
from deploy.faults.stand import Stand
from deploy.triton.install import CHECKOUT, TritonError

CROP_PX = 128


def main(argv: Sequence[str] | None = None) -> int:
    """Try the faults; 1 where a law was broken."""
    arguments = _parser().parse_args(argv)
    machine = this_machine()
    with tempfile.TemporaryDirectory() as name:
        try:
            stand = stand_of(arguments.repository, Path(name), overload_s=arguments.overload_s)
            if len(os.sched_getaffinity(0)) > 1:
                stand = dataclasses.replace(stand, cores=choose_cores())
            episodes = uvloop.run(_tried(arguments.only or list(SCENARIOS), stand))
        except (ValueError, RuntimeError, TritonError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    text = page(episodes, command=typed("deploy.faults", argv), machine=machine)
    print(text)
    if arguments.write is not None:
        arguments.write.write_text(text, encoding="utf-8")
    return 0 if all(episode.holds for episode in episodes.values()) else 1


def stand_of(repository: Path, folder: Path, **changes: object) -> Stand:
    """Return a stand with a copy of the model of one picture.

    Raises:
        ValueError: The repository has none.
    """
    if not (repository / MODEL / "1" / "model.pt").is_file():
        raise ValueError(f"no {MODEL}/1/model.pt in {repository}: export the model first")
    shutil.copytree(repository / MODEL, folder / "model_repository" / MODEL)
    crop = make_photo(width_px=CROP_PX, height_px=CROP_PX)
    request = post("/v1/reconstruct?hand=right", crop, content_type="image/jpeg")
    stand = Stand(repository=folder / "model_repository", folder=folder, request=request)
    return dataclasses.replace(stand, **changes)  # type: ignore[arg-type]


async def _tried(names: Sequence[str], stand: Stand) -> dict[str, Episode]:
    episodes = {}
    for name in names:
        progress(f"{name} ...")
        try:
            episodes[name] = await SCENARIOS[name](stand)
        except FileNotFoundError as error:
            progress(f"{name} not tried: {error}")
            continue
        progress(spoken(episodes[name]))
        await asyncio.sleep(0.5)
    return episodes


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.faults",
        description="break what the gateway stands on and count what callers saw",
    )
    parser.add_argument(
        "--only", nargs="+", choices=list(SCENARIOS), metavar="NAME", help=", ".join(SCENARIOS)
    )
    parser.add_argument(
        "--repository", type=Path, default=CHECKOUT / "model_repository", help="model repository to serve"
    )
    parser.add_argument("--overload-s", type=float, default=300.0, help="how long ten times the load lasts")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="write the page to this file, too")
    return parser


if __name__ == "__main__":
    sys.exit(main())

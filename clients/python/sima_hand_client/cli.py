"""`simahand photo.jpg -o hand.glb --overlay overlay.png`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path

from sima_hand_client.client import HandClient
from sima_hand_client.drawing import draw_overlay, draw_views
from sima_hand_client.errors import HandClientError, RejectedRequestError
from sima_hand_client.types import Box, HandResult, Intrinsics


class ExitCode(IntEnum):
    """What a shell script can tell apart."""

    OK = 0
    USAGE = 2
    INPUT = 3
    SERVICE = 4


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; every failure is one line on stderr and an exit code."""
    arguments = _parser().parse_args(argv)
    try:
        result = _run(arguments)
    except (RejectedRequestError, OSError, ValueError) as error:
        return _fail(error, ExitCode.INPUT)
    except HandClientError as error:
        return _fail(error, ExitCode.SERVICE)
    except KeyboardInterrupt:
        return _fail("interrupted", ExitCode.SERVICE)
    sys.stdout.write(_summary(result) + "\n")
    return ExitCode.OK


def _run(arguments: argparse.Namespace) -> HandResult:
    photo = arguments.photo.read_bytes()
    with HandClient(arguments.server, timeout_s=arguments.timeout) as client:
        question = {"hand": arguments.hand, "box": arguments.box, "intrinsics": arguments.intrinsics}
        result = client.reconstruct(photo, **question)
        if arguments.glb is not None:
            arguments.glb.write_bytes(client.reconstruct_glb(photo, **question))
        if arguments.json is not None:
            arguments.json.write_text(json.dumps(_as_json(result)) + "\n")
        if arguments.overlay is not None or arguments.view is not None:
            model = client.model()
            if arguments.overlay is not None:
                draw_overlay(photo, result, model).save(arguments.overlay)
            if arguments.view is not None:
                draw_views(result, model).save(arguments.view)
    return result


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="simahand",
        description="Send a photo of a hand to a SiMA-Hand service and keep what comes back.",
        epilog="Exit codes: 0 done, 2 usage, 3 the photo or a parameter is wrong, 4 the service failed.",
    )
    parser.add_argument("photo", type=Path, help="JPEG, PNG or WebP")
    parser.add_argument("-o", "--glb", type=Path, metavar="FILE", help="write the mesh as binary glTF")
    parser.add_argument("--overlay", type=Path, metavar="FILE", help="draw mesh and skeleton over the photo")
    parser.add_argument("--view", type=Path, metavar="FILE", help="draw the mesh alone from three sides")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write vertices, joints and the rest as JSON"
    )
    parser.add_argument("--hand", choices=("right", "left"), default="right", help="which hand it is")
    parser.add_argument(
        "--box", type=_box, metavar="X,Y,W,H", help="the hand's tight box in the upright photo, pixels"
    )
    parser.add_argument(
        "--intrinsics", type=_intrinsics, metavar="FX,FY,CX,CY", help="the photo's camera, in pixels"
    )
    parser.add_argument(
        "--server",
        default=os.environ.get("SIMAHAND_SERVER", "http://localhost:8080"),
        metavar="URL",
        help="where the service is (default: $SIMAHAND_SERVER or %(default)s)",
    )
    parser.add_argument(
        "--timeout", type=float, default=30.0, metavar="S", help="seconds to wait for a reply"
    )
    return parser


def _box(text: str) -> Box:
    return Box(*_four_numbers(text))


def _intrinsics(text: str) -> Intrinsics:
    return Intrinsics(*_four_numbers(text))


def _four_numbers(text: str) -> tuple[float, float, float, float]:
    try:
        first, second, third, fourth = (float(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"expected four numbers with commas between, got {text!r}"
        ) from error
    return first, second, third, fourth


def _as_json(result: HandResult) -> dict[str, object]:
    return {
        "model": {"name": result.model_name, "version": result.model_version},
        "hand": result.hand,
        "vertices_root_m": result.vertices_root_m.tolist(),
        "joints_root_m": result.joints_root_m.tolist(),
        "rotation": result.rotation.tolist(),
        "joints_px": result.joints_px.tolist(),
        "translation_m": None if result.translation_m is None else result.translation_m.tolist(),
        "timing_ms": dict(result.timing_ms),
    }


def _summary(result: HandResult) -> str:
    stages = ", ".join(f"{stage} {spent:.1f}" for stage, spent in result.timing_ms.items())
    return (
        f"{result.hand} hand by {result.model_name} version {result.model_version}: "
        f"{len(result.vertices_root_m)} vertices; ms: {stages}"
    )


def _fail(error: object, code: ExitCode) -> int:
    first_line = (str(error) or type(error).__name__).splitlines()[0]
    sys.stderr.write(f"simahand: {first_line}\n")
    return code

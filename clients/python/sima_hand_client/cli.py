"""`simahand photo.jpg -o hand.glb`, `simahand video.mp4 -o hand.npz`, `simahand bench`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import numpy as np

from sima_hand_client import bench
from sima_hand_client.arguments import access_of, parse_bench, parse_media
from sima_hand_client.client import HandClient
from sima_hand_client.drawing import draw_overlay, draw_views
from sima_hand_client.errors import HandClientError, RejectedRequestError
from sima_hand_client.types import HandResult
from sima_hand_client.video import VideoQuestion, reconstruct_video, summary_of


class ExitCode(IntEnum):
    """What a shell script can tell apart."""

    OK = 0
    USAGE = 2
    INPUT = 3
    SERVICE = 4


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; every failure is one line on stderr and an exit code."""
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        told = _bench(words[1:]) if words[:1] == ["bench"] else _media(words)
    except (RejectedRequestError, OSError, ValueError) as error:
        return _fail(error, ExitCode.INPUT)
    except HandClientError as error:
        return _fail(error, ExitCode.SERVICE)
    except ImportError as error:
        return _fail(f"{error}: install sima-hand-client[grpc,video]", ExitCode.USAGE)
    except KeyboardInterrupt:
        return _fail("interrupted", ExitCode.SERVICE)
    sys.stdout.write(told + "\n")
    return ExitCode.OK


def _bench(words: Sequence[str]) -> str:
    arguments = parse_bench(words)
    measured = bench.measure(
        arguments.server,
        arguments.transport or bench.WAYS,
        photo=None if arguments.photo is None else arguments.photo.read_bytes(),
        duration_s=arguments.seconds,
        timeout_s=arguments.timeout,
        access=access_of(arguments),
    )
    return bench.table(measured)


def _media(words: Sequence[str]) -> str:
    arguments = parse_media(words)
    return _video(arguments) if arguments.is_video else _summary(_photo(arguments))


def _video(arguments: argparse.Namespace) -> str:
    # OpenCV and FFmpeg write to stderr themselves, where one line of ours belongs.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    question = VideoQuestion(
        hand=arguments.hand,
        box=arguments.box,
        intrinsics=arguments.intrinsics,
        smoothing=arguments.smoothing,
        joints_only=arguments.joints_only,
        transport=arguments.transport,
    )
    arrays = reconstruct_video(
        arguments.file,
        question,
        server=arguments.server,
        timeout_s=arguments.timeout,
        access=access_of(arguments),
    )
    named: dict[str, Any] = {**arrays}
    np.savez_compressed(arguments.output, **named)
    return summary_of(arrays)


def _photo(arguments: argparse.Namespace) -> HandResult:
    photo = arguments.file.read_bytes()
    with HandClient(arguments.server, timeout_s=arguments.timeout, **access_of(arguments)) as client:
        question = {"hand": arguments.hand, "box": arguments.box, "intrinsics": arguments.intrinsics}
        result = client.reconstruct(photo, **question)
        if arguments.output is not None:
            arguments.output.write_bytes(client.reconstruct_glb(photo, **question))
        if arguments.json is not None:
            arguments.json.write_text(json.dumps(_as_json(result)) + "\n")
        if arguments.overlay is not None or arguments.view is not None:
            model = client.model()
            if arguments.overlay is not None:
                draw_overlay(photo, result, model).save(arguments.overlay)
            if arguments.view is not None:
                draw_views(result, model).save(arguments.view)
    return result


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

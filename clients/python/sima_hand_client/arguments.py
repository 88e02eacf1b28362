"""What `simahand` may be told."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Sequence
from pathlib import Path

from sima_hand_client.bench import WAYS
from sima_hand_client.credentials import Access, ClientCertificate
from sima_hand_client.types import Box, Intrinsics
from sima_hand_client.video import SUFFIXES

EXIT_CODES = "Exit codes: 0 done, 2 usage, 3 the input or a parameter is wrong, 4 the service failed."


def parse_media(words: Sequence[str]) -> argparse.Namespace:
    """Read the words of `simahand FILE`; wrong ones end the process with 2."""
    parser = _media_parser()
    arguments = parser.parse_args(words)
    arguments.is_video = arguments.file.suffix.lower() in SUFFIXES
    if arguments.is_video:
        if arguments.output is None or arguments.output.suffix != ".npz":
            parser.error("a video needs -o FILE.npz")
        if arguments.overlay or arguments.view or arguments.json:
            parser.error("--overlay, --view and --json are for photos")
    elif arguments.output is not None and arguments.output.suffix.lower() != ".glb":
        parser.error(f"{arguments.file} is no video: its output is .glb, and --json writes JSON")
    return arguments


def parse_bench(words: Sequence[str]) -> argparse.Namespace:
    """Read the words of `simahand bench`; wrong ones end the process with 2."""
    parser = argparse.ArgumentParser(
        prog="simahand bench",
        description="Measure how long one caller waits for a hand, over each transport.",
        epilog=EXIT_CODES,
    )
    parser.add_argument("--photo", type=Path, help="what to send (default: a made picture of 224 x 224)")
    parser.add_argument(
        "--transport",
        choices=WAYS,
        action="append",
        help="measure this one; may be given again (default: all)",
    )
    parser.add_argument(
        "--seconds", type=_positive, default=5.0, metavar="S", help="for each transport (default: 5)"
    )
    _add_server(parser)
    return parser.parse_args(words)


def _media_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="simahand",
        usage="simahand FILE [-o OUTPUT] [options] | simahand bench [options]",
        description="Send a photo or a video of a hand to a SiMA-Hand service and keep what comes back.",
        epilog=EXIT_CODES,
    )
    parser.add_argument(
        "file", type=Path, help=f"a JPEG, PNG or WebP, or a video ({' '.join(sorted(SUFFIXES))})"
    )
    parser.add_argument(
        "-o", "--output", "--glb", type=Path, metavar="FILE",
        help="of a photo: the mesh as binary glTF; of a video: arrays as .npz",
    )  # fmt: skip
    parser.add_argument("--hand", choices=("right", "left"), default="right", help="which hand it is")
    parser.add_argument(
        "--box", type=_box, metavar="X,Y,W,H",
        help="the hand's tight box in the upright photo, pixels; in a video's first frame, to follow it from",
    )  # fmt: skip
    parser.add_argument("--intrinsics", type=_intrinsics, metavar="FX,FY,CX,CY", help="the camera, in pixels")
    photo = parser.add_argument_group("photos")
    photo.add_argument("--overlay", type=Path, metavar="FILE", help="draw mesh and skeleton over the photo")
    photo.add_argument("--view", type=Path, metavar="FILE", help="draw the mesh alone from three sides")
    photo.add_argument(
        "--json", type=Path, metavar="FILE", help="write vertices, joints and the rest as JSON"
    )
    video = parser.add_argument_group("videos (need sima-hand-client[video])")
    video.add_argument("--smoothing", choices=("off", "low", "high"), default="off", help="over time")
    video.add_argument("--joints-only", action="store_true", help="leave the vertices out")
    video.add_argument(
        "--transport", choices=("websocket", "grpc"), default="websocket", help="what carries the frames"
    )
    _add_server(parser)
    return parser


def _add_server(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--server",
        default=os.environ.get("SIMAHAND_SERVER", "http://localhost:8080"),
        metavar="URL",
        help="where the service is (default: $SIMAHAND_SERVER or %(default)s)",
    )
    parser.add_argument(
        "--timeout", type=_positive, default=30.0, metavar="S", help="seconds to wait for a reply"
    )
    parser.add_argument(
        "--api-key-file",
        type=Path,
        metavar="FILE",
        help="with the API key in it (default: $SIMAHAND_API_KEY); among the arguments it would be seen by "
        "whoever lists the machine's processes",
    )
    parser.add_argument(
        "--ca-file",
        type=Path,
        metavar="FILE",
        help="authority of the certificate (default: $SIMAHAND_CA_FILE)",
    )
    parser.add_argument(
        "--client-certificate",
        type=Path,
        nargs=2,
        metavar=("CERTIFICATE", "KEY"),
        help="to show (default: $SIMAHAND_CLIENT_CERTIFICATE, $SIMAHAND_CLIENT_KEY)",
    )


def access_of(arguments: argparse.Namespace) -> Access:
    """Return what the clients are to be told; an unreadable file of the key raises OSError."""
    file, pair = arguments.api_key_file, arguments.client_certificate
    key = None if file is None else file.read_text().strip()
    if key == "":
        raise ValueError(f"{file} holds no API key")
    return Access(
        api_key=key,
        ca_file=arguments.ca_file,
        client_certificate=None if pair is None else ClientCertificate(*pair),
    )


def _box(text: str) -> Box:
    return Box(*_four_numbers(text))


def _intrinsics(text: str) -> Intrinsics:
    return Intrinsics(*_four_numbers(text))


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"expected a positive number, got {text!r}")
    return number


def _four_numbers(text: str) -> tuple[float, float, float, float]:
    try:
        first, second, third, fourth = (float(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"expected four numbers with commas between, got {text!r}"
        ) from error
    return first, second, third, fourth

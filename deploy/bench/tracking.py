"""`python -m deploy.bench.tracking`: how well the crop follows a rendered hand, with the real network.

Each clip (`tests/clips.py`) goes through the gateway's own crop, the embedded engine and `HandTrack`,
beginning with the true box of the first frame. Boxes are compared as squares: the crop, made smaller by the
contract's crop scale, and the square about the true joints.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deploy.triton.install import CHECKOUT
from service.contract import ModelContract, load_contract
from service.crop import ImageArray, Square, cut, square_around, turn_upright
from service.encode.result import HandResult
from service.engines.embedded import EmbeddedEngine, EmbeddedLimits
from service.engines.protocol import Deadline
from service.geometry import joints_in_picture
from service.tracking.hand_track import HandTrack
from tests.clips import HEIGHT_PX, WIDTH_PX, Clip, moving_hand, pictures

_DEADLINE_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Followed:
    """How one clip went.

    Attributes:
        box_ious: of every frame with all joints in the picture, as long as the hand was followed.
        visible_frames: how many frames there are with all joints in the picture.
        lost_at: frame in which the hand was lost; None if never.
        left_at: first frame in which nothing of the hand was in the picture.
    """

    box_ious: tuple[float, ...]
    visible_frames: int
    lost_at: int | None
    left_at: int

    @property
    def lost_after_frames(self) -> int | None:
        """From the frame in which the hand was gone to that in which it was lost; negative before."""
        return None if self.lost_at is None else self.lost_at - self.left_at


def follow(clip: Clip, *, repository: Path, model: str, every: int = 1) -> Followed:
    """Follow the hand of a clip.

    Args:
        clip: One that leaves the picture.
        repository: The model repository.
        model: Whose newest version is asked.
        every: Only each so manieth frame is looked at, as by a slower engine.
    """
    contract = load_contract(repository, model)
    limits = EmbeddedLimits(threads=1, max_batch=1, max_queue=1)
    engine = EmbeddedEngine(model_directory=repository / model, contract=contract, limits=limits)
    return asyncio.run(_follow(clip, engine, contract, every))


async def _follow(clip: Clip, engine: EmbeddedEngine, contract: ModelContract, every: int) -> Followed:
    await engine.start()
    try:
        track, box_ious, lost_at = HandTrack(contract), [], None
        track.begin(clip.box(0), "right")
        for frame, picture in enumerate(pictures(clip)):
            if frame % every:
                continue
            assert track.square is not None
            if clip.share_inside(frame) == 1:
                box_ious.append(box_iou(track.square, clip, frame, contract.crop_scale))
            hand = await _ask(engine, contract, picture, track.square)
            if track.update(hand, WIDTH_PX, HEIGHT_PX) == "lost":
                lost_at = frame
                break
    finally:
        await engine.close()
    frames = range(0, len(clip), every)
    return Followed(
        box_ious=tuple(box_ious),
        visible_frames=sum(clip.share_inside(frame) == 1 for frame in frames),
        lost_at=lost_at,
        left_at=next(frame for frame in frames if clip.has_left(frame)),
    )


async def _ask(
    engine: EmbeddedEngine, contract: ModelContract, picture: ImageArray, square: Square
) -> HandResult:
    raster = turn_upright(picture, orientation=1, width_px=WIDTH_PX, height_px=HEIGHT_PX, reduction=1)
    crop = cut(raster, square, size_px=contract.image_size_px)
    hand = await engine.infer(crop, version="", deadline=Deadline.after(_DEADLINE_S), request_id="tracking")
    return HandResult(
        model=contract.model,
        version=hand.version,
        side="right",
        vertices_m=hand.vertices_m,
        joints_m=hand.joints_m,
        rotation=hand.rotation,
        joints_px=joints_in_picture(hand.joints_uv, square),
        translation_m=None,
        timing_ms={},
    )


def box_iou(crop: Square, clip: Clip, frame: int, crop_scale: float) -> float:
    """Return the overlap of the hand's square that a crop means with the true one."""
    side_px = crop.side_px / crop_scale
    inset_px = (crop.side_px - side_px) / 2
    found = Square(crop.x_px + inset_px, crop.y_px + inset_px, side_px)
    true = square_around(clip.box(frame), scale=1.0)
    shared_px2 = 1.0
    for a_px, b_px in ((found.x_px, true.x_px), (found.y_px, true.y_px)):
        end_px = min(a_px + found.side_px, b_px + true.side_px)
        shared_px2 *= max(end_px - max(a_px, b_px), 0.0)
    return shared_px2 / (found.side_px**2 + true.side_px**2 - shared_px2)


def main(argv: Sequence[str] | None = None) -> int:
    """Follow the hands of some clips and print the table."""
    parser = argparse.ArgumentParser(prog="python -m deploy.bench.tracking", description=__doc__)
    parser.add_argument("--clips", type=int, default=6, help="how many clips (default: %(default)s)")
    parser.add_argument("--every", type=int, default=1, help="look at each so manieth frame alone")
    parser.add_argument("--leaves", choices=("backwards", "fingers first"), default="backwards")
    parser.add_argument("--repository", type=Path, default=CHECKOUT / "model_repository")
    parser.add_argument("--model", default="svr_hand", help="(default: %(default)s)")
    arguments = parser.parse_args(argv)
    print("| clip | visible frames | followed | mean IoU | 5th percentile | lost, frames after it left |")
    print("|---:|---:|---:|---:|---:|---:|")
    for seed in range(arguments.clips):
        clip = moving_hand(seed, leaves=arguments.leaves)
        found = follow(clip, repository=arguments.repository, model=arguments.model, every=arguments.every)
        mean, low = np.mean(found.box_ious), np.percentile(found.box_ious, 5)
        lost = "never" if found.lost_after_frames is None else f"{found.lost_after_frames:+d}"
        cells = (seed, found.visible_frames, len(found.box_ious), f"{mean:.2f}", f"{low:.2f}", lost)
        print("| " + " | ".join(map(str, cells)) + " |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

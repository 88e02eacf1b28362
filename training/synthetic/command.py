"""`python -m training render`: labelled multi-view pictures of hands, without a single photo of one."""

from __future__ import annotations

import argparse
from pathlib import Path

from tqdm import tqdm

from training.contract import CROP_SCALE, IMAGE_SIZE_PX
from training.synthetic.dataset import RenderJob, describe, missing_shards, render_dataset
from training.synthetic.shards import shard_path
from training.synthetic.sheet import contact_sheet, write_sheet


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("--samples", type=int, required=True, help="hands; each is seen in all views")
    parser.add_argument("--views", type=int, default=8, help="cameras round each hand")
    parser.add_argument("--out", type=Path, required=True, help="folder of the data set")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other hands")
    parser.add_argument("--jobs", type=int, default=1, help="processes; the result does not depend on it")
    parser.add_argument("--size", type=int, default=IMAGE_SIZE_PX, help="side of a picture in pixels")
    parser.add_argument(
        "--crop-scale",
        type=float,
        default=CROP_SCALE,
        help="side of a picture over the longer side of the joints' box; 2.0 leaves room to augment",
    )
    parser.add_argument("--photos", type=Path, help="folder of photos for backgrounds and labels")
    parser.add_argument("--sheet", type=Path, help="write a contact sheet of the first shard to this picture")
    parser.add_argument("--skeleton", action="store_true", help="draw the joints' labels on the sheet")


def run(arguments: argparse.Namespace) -> None:
    """Render what is missing of the data set.

    Raises:
        ValueError: Counts that are not positive, another data set in the folder, no photos in `--photos`.
    """
    card = describe(
        seed=arguments.seed,
        samples=arguments.samples,
        views=arguments.views,
        size_px=arguments.size,
        crop_scale=arguments.crop_scale,
        photos=arguments.photos,
    )
    job = RenderJob(card=card, folder=arguments.out, photos=arguments.photos)
    missing = sum(len(card.shard_samples(shard)) for shard in missing_shards(job)) * card.views
    total = card.samples * card.views
    with tqdm(total=total, initial=total - missing, unit="image", smoothing=0.05) as progress:
        for pictures in render_dataset(job, jobs=arguments.jobs):
            progress.update(pictures)
    if arguments.sheet is not None:
        write_sheet(arguments.sheet, contact_sheet(shard_path(arguments.out, 0), skeleton=arguments.skeleton))

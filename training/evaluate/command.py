"""The verb `evaluate`: a checkpoint in, tables, scores and pictures out."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from training.checkpoint import Checkpoint, load_checkpoint, load_weights
from training.config import NetworkConfig, with_data
from training.data.loader import plain_batches
from training.data.sample import HandSet
from training.data.sets import hand_topology, open_hands
from training.device import available_device
from training.engine.inference import Hands, Measured
from training.engine.overlay import DrawnHand, Image, sheet
from training.engine.validation import LandmarkScores, landmark_scores
from training.evaluate.measuring import measure_hands, scores_by_occlusion
from training.evaluate.photos import PhotoReport, measure_photos
from training.files import write_json
from training.hand.topology import HandTopology
from training.metrics.table import as_markdown
from training.networks.build import build_any
from training.networks.hands import MultiViewHand
from training.networks.summary import hands_per_second, summarise

PICTURED_HANDS = 24


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT")
    parser.add_argument(
        "--data", type=Path, help="folder of the data set; of rendered hands, with the split in it"
    )
    parser.add_argument("--mano", type=Path, help="folder of MANO's files, for DexYCB and HanCo")
    parser.add_argument("--split", default="test", help="part of the data to measure (default: test)")
    parser.add_argument(
        "--together",
        type=int,
        metavar="N",
        help="give a multi-view network only N neighbouring views at a time (default: all)",
    )
    parser.add_argument(
        "--proper",
        action="store_true",
        help="align by proper rotations; without it alignment may mirror, as in the field's tables",
    )
    parser.add_argument("--photos", type=Path, help="folder of photos with reference.json")
    parser.add_argument(
        "--efficiency",
        action="store_true",
        help="count parameters and operations, and measure hands a second",
    )
    parser.add_argument(
        "--device", default="cpu", help="where the data are measured: cpu, cuda or cuda:N (default: cpu)"
    )
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the scores to this file")
    parser.add_argument(
        "--overlay", type=Path, metavar="PNG", help="draw skeletons and meshes over the photos, or the data"
    )


def run(arguments: argparse.Namespace) -> None:
    """Measure, print, and write what was asked for.

    Raises:
        ValueError: Nothing to measure was named, or it cannot be read.
    """
    if arguments.data is None and arguments.photos is None and not arguments.efficiency:
        raise ValueError("nothing to measure: give --data, --photos or --efficiency")
    for written in (arguments.json, arguments.overlay):
        if written is not None and not written.parent.is_dir():
            raise ValueError(f"there is no folder {written.parent} to write {written.name} to")
    device = available_device(arguments.device)
    checkpoint = load_checkpoint(arguments.checkpoint)
    data = with_data(checkpoint.config, root=arguments.data, mano=arguments.mano).data
    topology = hand_topology(data)
    network = build_any(checkpoint.config.network, topology)
    load_weights(network, checkpoint.best_weights)
    network.to(device)
    report: dict[str, Any] = {"checkpoint": _described(checkpoint)}
    drawn: list[DrawnHand] = []
    if arguments.data is not None:
        hands = open_hands(data, arguments.split)
        views = checkpoint.config.network.views
        together = _together(arguments.together, views)
        measured = measure_hands(network, hands, views=views, together=together)
        report["data"] = {"split": arguments.split, "views_together": together, **hands.description}
        report["alignment"] = "SO(3)" if arguments.proper else "O(3)"
        report["scores"] = _print_scores(measured, reflection=not arguments.proper)
        drawn = drawn_views(hands, measured.predicted)
    if arguments.photos is not None:
        if isinstance(network, MultiViewHand):
            raise ValueError("the photos show one view each: a multi-view network cannot be measured on them")
        photos = measure_photos(network, arguments.photos)
        report["photos"] = _print_landmarks("photos", photos.scores)
        drawn = drawn_photos(photos)
    if arguments.efficiency:
        report["efficiency"] = _print_efficiency(checkpoint.config.network)
    if arguments.json is not None:
        write_json(arguments.json, report)
    if arguments.overlay is not None:
        write_overlay(arguments.overlay, drawn, topology)


def _together(wanted: int | None, views: int) -> int:
    if wanted is not None and not 1 <= wanted <= views:
        raise ValueError(f"--together: the network looks at 1 to {views} views, got {wanted}")
    return wanted or views


def drawn_views(hands: HandSet, predicted: Hands) -> list[DrawnHand]:
    """Return some rendered hands, evenly spread, with what was predicted of them."""
    views = np.linspace(0, len(hands) - 1, min(PICTURED_HANDS, len(hands))).astype(np.int64).tolist()
    (batch,) = plain_batches(hands, batch_size=len(views), views=views)
    crops = _levels(batch.images)
    return [_drawn(crop, predicted, view) for crop, view in zip(crops, views, strict=True)]


def drawn_photos(report: PhotoReport) -> list[DrawnHand]:
    """Return all photos with what was predicted of them."""
    return [_drawn(hand.crop, report.predicted, row) for row, hand in enumerate(report.hands)]


def write_overlay(path: Path, drawn: list[DrawnHand], topology: HandTopology) -> None:
    """Write a sheet of overlays to a picture file.

    Raises:
        ValueError: The file cannot be written, or its ending names no picture format.
    """
    picture = sheet(drawn, topology.faces)
    try:
        written = cv2.imwrite(str(path), picture[:, :, ::-1])
    except cv2.error as error:
        raise ValueError(f"no picture can be written to {path}: {error.err}") from error
    if not written:
        raise ValueError(f"no picture can be written to {path}")


def _drawn(crop: Image, predicted: Hands, row: int) -> DrawnHand:
    return DrawnHand(crop, predicted.joints_uv[row], predicted.joints_m[row], predicted.vertices_m[row])


def _print_scores(measured: Measured, *, reflection: bool) -> dict[str, Any]:
    rows = scores_by_occlusion(measured, reflection=reflection)
    print(as_markdown(rows))
    landmarks = landmark_scores(measured.predicted.joints_uv, measured.true.joints_uv)
    return {
        **{name: asdict(scores) for name, scores in rows.items()},
        "landmarks": _print_landmarks("rendered", landmarks),
    }


def _print_landmarks(name: str, scores: LandmarkScores) -> dict[str, Any]:
    print(
        f"{name}: {scores.hands} hands, landmarks PCK@0.1 {scores.pck_10:.3f}, PCK@0.2 {scores.pck_20:.3f}, "
        f"mean error {scores.mean_error:.3f} of the hand's extent"
    )
    return asdict(scores)


def _print_efficiency(config: NetworkConfig) -> dict[str, Any]:
    """Print the columns of the paper's Table 4; its operations are thop's multiply-accumulates."""
    summary = summarise(config, recipe="checkpoint")
    row = {
        "parameters": summary.parameters,
        "multiply_accumulates": summary.multiply_accumulates_thop,
        "hands_per_second": hands_per_second(config),
        "threads": torch.get_num_threads(),
    }
    print(
        f"efficiency: {row['parameters'] / 1e6:.2f} M parameters, "
        f"{row['multiply_accumulates'] / 1e9:.2f} GMAC, {row['hands_per_second']:.1f} hands a second, "
        f"one by one on {row['threads']} threads"
    )
    return row


def _described(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "stage": checkpoint.stage,
        "step": checkpoint.step,
        "images_seen": checkpoint.images_seen,
        "trained_h": round(checkpoint.trained_s / 3600.0, 2),
        "averaged": checkpoint.averaged_weights is not None,
    }


def _levels(images: torch.Tensor) -> list[Image]:
    return list((images.permute(0, 2, 3, 1) * 255.0).round().to(torch.uint8).numpy())

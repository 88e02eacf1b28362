"""A network over a whole set of hands, with a progress bar, and its row of a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Never, TypeVar

from tqdm import tqdm

from training.data.groups import HandGroups
from training.data.loader import plain_batches, plain_groups
from training.data.sample import HandSet
from training.engine.inference import Measured, measure, measure_views
from training.metrics.table import HandPoints, HandScores, score_by_occlusion
from training.networks.hands import MultiViewHand, SingleViewHand
from training.tensors import HandBatch, ViewsBatch

BATCH_SIZE = 32

Batch = TypeVar("Batch", HandBatch, ViewsBatch)


def measure_hands(
    network: SingleViewHand | MultiViewHand,
    hands: HandSet,
    *,
    views: int,
    together: int | None = None,
    scope: Literal["shape", "full"] = "full",
    workers: int = 1,
) -> Measured:
    """Measure a network on all hands.

    Args:
        network: The network.
        hands: Undisturbed pictures.
        views: Pictures that a multi-view network looks at; each is the target once.
        together: How many of them it is given at a time; by default all.
        scope: With `shape`, the canonical hands are compared.
        workers: Processes that read, one at most.

    Raises:
        ValueError: There is no hand, or a picture is damaged.
    """
    with tqdm(total=len(hands), unit="image") as progress:
        if isinstance(network, SingleViewHand):
            pictures = plain_batches(hands, batch_size=BATCH_SIZE, workers=workers)
            return measure(network, _counted(pictures, progress), scope=scope)
        groups = plain_groups(
            HandGroups(hands), views=views, batch_size=max(1, BATCH_SIZE // views), workers=workers
        )
        return measure_views(network, _counted(groups, progress), scope=scope, together=together)


def scores_by_occlusion(measured: Measured, *, reflection: bool = True) -> dict[str, HandScores]:
    """Return the row of all hands, and those of the occluded and the other ones.

    Args:
        measured: The hands.
        reflection: Whether alignment may mirror, as in the field's tables.
    """
    predicted, true = (
        HandPoints(vertices_m=hands.vertices_m, joints_m=hands.joints_m)
        for hands in (measured.predicted, measured.true)
    )
    return score_by_occlusion(predicted, true, measured.visibility, reflection=reflection)


def _counted(batches: Iterator[Batch], progress: tqdm[Never]) -> Iterator[Batch]:
    for batch in batches:
        yield batch
        progress.update(len(batch.images) if isinstance(batch, HandBatch) else int(batch.valid.sum()))

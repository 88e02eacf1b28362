"""What a check of a data set finds: counts of each part, and faults."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

FAULTS_KEPT = 20
"""Descriptions that are kept; the others are only counted, so that a broken copy fills no memory."""


class Count(NamedTuple):
    """How much there is of a part."""

    sequences: int = 0
    frames: int = 0
    """With at least one usable image."""
    images: int = 0
    usable: int = 0
    """Sound images with a labelled hand, or a good fit."""

    def plus(self, other: Count) -> Count:
        """Return the sum."""
        return Count(*(own + more for own, more in zip(self, other, strict=True)))


@dataclass
class Findings:
    """Counts of parts by name, and faults; of a sequence, or of a whole data set."""

    counts: dict[str, Count] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    """The first of them."""
    fault_count: int = 0

    def add(self, part: str, count: Count) -> None:
        """Count more of a part."""
        self.counts[part] = self.counts.get(part, Count()).plus(count)

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Turn a `ValueError` into a fault; what comes after it in the block is left out."""
        try:
            yield
        except ValueError as error:
            self._note([str(error)], 1)

    def include(self, other: Findings) -> None:
        """Take over what was found elsewhere."""
        for part, count in other.counts.items():
            self.add(part, count)
        self._note(other.faults, other.fault_count)

    def _note(self, faults: Iterable[str], count: int) -> None:
        self.faults = [*self.faults, *faults][:FAULTS_KEPT]
        self.fault_count += count


def table(counts: Mapping[str, Count], published_usable: Mapping[str, int | None]) -> str:
    """Return counts as a table, one row a part, beside the usable images that papers count, where they do."""
    rows: list[tuple[str, ...]] = [("part", *Count._fields, "published")]
    for part, published in published_usable.items():
        numbers = (*counts.get(part, Count()), published)
        rows.append((part, *("-" if number is None else f"{number:,}" for number in numbers)))
    first, *others = (max(map(len, column)) for column in zip(*rows, strict=True))
    return "\n".join(
        "  ".join(
            [part.ljust(first), *(cell.rjust(width) for cell, width in zip(cells, others, strict=True))]
        )
        for part, *cells in rows
    )

"""What is to be done: a directory of pictures, or Parquet with pictures in it, as rows with a name each."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.dataset as arrow_dataset
import ray.data

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
TEXT = frozenset({pa.string(), pa.large_string()})
BYTES = frozenset({pa.binary(), pa.large_binary()})


class SourceError(ValueError):
    """There is no input, or not one that this job reads."""


class Source(Protocol):
    """Rows with a `source` (their name), and an `image` (bytes) or a `path`; maybe a `hand` and a `box`."""

    def names(self) -> list[str]:
        """Return the name of every row."""

    def missing(self, done: frozenset[str], *, block_rows: int) -> ray.data.Dataset:
        """Return the rows whose names are not among these; nothing is read yet."""


def open_source(place: Path) -> Source:
    """Return what lies there: a directory of pictures, a Parquet file, or a directory of those.

    Raises:
        SourceError: Nothing that can be read.
    """
    if not place.exists():
        raise SourceError(f"there is no {place}")
    if place.is_dir():
        pictures = sorted(
            path.relative_to(place).as_posix()
            for path in place.rglob("*")
            if path.suffix.lower() in SUFFIXES and path.is_file()
        )
        if pictures:
            return Directory(place.resolve(), pictures)
    return ParquetFiles(place)


class Directory:
    """Pictures by their names below a directory."""

    def __init__(self, place: Path, pictures: list[str]) -> None:
        """Remember them; they are opened by the workers."""
        self._place = place
        self._pictures = pictures

    def names(self) -> list[str]:
        """See `Source`."""
        return self._pictures

    def missing(self, done: frozenset[str], *, block_rows: int) -> ray.data.Dataset:
        """See `Source`."""
        names = [name for name in self._pictures if name not in done]
        parts = [names[start : start + block_rows] for start in range(0, len(names), block_rows)]
        return ray.data.from_arrow(
            [pa.table({"source": part, "path": [str(self._place / name) for name in part]}) for part in parts]
        )


class ParquetFiles:
    """Pictures in Parquet: columns `source` (text, unique) and `image` (bytes), maybe `hand` and `box`."""

    def __init__(self, place: Path) -> None:
        """Look at the schema.

        Raises:
            SourceError: It is no Parquet, or a column is missing or of another type.
        """
        found = sorted(place.rglob("*.parquet")) if place.is_dir() else [place]
        self._files = [str(path) for path in found]
        if not self._files:
            kinds = ", ".join(sorted(SUFFIXES))
            raise SourceError(f"{place} holds neither pictures ({kinds}) nor Parquet files")
        try:
            self._dataset = arrow_dataset.dataset(self._files, format="parquet")
        except (pa.ArrowInvalid, OSError) as error:
            raise SourceError(f"{place} cannot be read as Parquet: {error}") from error
        types = {field.name: field.type for field in self._dataset.schema}
        for name, accepted in {"source": TEXT, "image": BYTES}.items():
            if types.get(name) not in accepted:
                wanted = " or ".join(sorted(map(str, accepted)))
                raise SourceError(f"{place} needs a column {name!r} of {wanted}, it has {types}")
        for name in {"hand", "box"} & types.keys():
            if types[name] not in TEXT:
                raise SourceError(f"the column {name!r} of {place} must be text, it is {types[name]}")
        self._columns = [name for name in ("source", "image", "hand", "box") if name in types]

    def names(self) -> list[str]:
        """See `Source`."""
        found: list[str] = self._dataset.to_table(columns=["source"])["source"].to_pylist()
        return found

    def missing(self, done: frozenset[str], *, block_rows: int) -> ray.data.Dataset:
        """See `Source`; blocks are as large as Ray's context says."""
        del block_rows

        def undone(block: pa.Table) -> pa.Table:
            return block.filter(
                pa.array([name not in done for name in block["source"].to_pylist()], pa.bool_())
            )

        dataset = ray.data.read_parquet(self._files, columns=self._columns)
        return dataset.map_batches(undone, batch_format="pyarrow", batch_size=None)

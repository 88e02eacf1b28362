"""What is done: Parquet parts that are there as a whole or not at all, written by one process at a time.

    OUTPUT/meshes/part-000000.parquet   a row for each hand
    OUTPUT/failed/part-000000.parquet   a row for each picture that has none: its name and why
    OUTPUT/failed.csv                   the same for people, of all runs

A name is in one of the two once: what is in either is not done again.
"""

from __future__ import annotations

import csv
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from service.contract import ModelContract

METADATA_KEY = b"simahand"
"""Under which a part says what its columns mean, as JSON."""

FAILED = pa.schema([("source", pa.string()), ("problem", pa.string()), ("detail", pa.string())])


class StoreError(ValueError):
    """The output is in use, or holds something else."""


def mesh_schema(contract: ModelContract) -> pa.Schema:
    """Return the schema of meshes: V x 3, J x 3, 3 x 3 and J x 2 numbers, each in one flat list."""
    vertex_count, joint_count = contract.vertex_count, len(contract.joint_names)

    def numbers(count: int) -> pa.DataType:
        return pa.list_(pa.float32(), count)

    described = {
        "model": contract.model,
        "vertices": [vertex_count, 3],
        "joints": [joint_count, 3],
        "rotation": [3, 3],
        "joints_2d": [joint_count, 2],
        "joint_names": contract.joint_names,
        "unit": "metres; joints_2d in pixels of the upright picture",
        "frame": "camera axes (x right, y down, z away), wrist at the origin",
    }
    return pa.schema(
        [
            pa.field("source", pa.string(), nullable=False),
            pa.field("hand", pa.string(), nullable=False),
            pa.field("vertices", numbers(vertex_count * 3), nullable=False),
            pa.field("joints", numbers(joint_count * 3), nullable=False),
            pa.field("rotation", numbers(9), nullable=False),
            pa.field("joints_2d", numbers(joint_count * 2), nullable=False),
            pa.field("model", pa.string(), nullable=False),
            pa.field("version", pa.string(), nullable=False),
        ],
        metadata={METADATA_KEY: json.dumps(described)},
    )


class Store:
    """One output directory, held by one job."""

    def __init__(self, place: Path, schema: pa.Schema) -> None:
        """Use `open_store`."""
        self._place = place
        self._schema = schema
        self._sources = self._read_sources()

    @property
    def sources(self) -> frozenset[str]:
        """The names that are done."""
        return frozenset(self._sources)

    def write(self, meshes: pa.Table, failed: pa.Table) -> tuple[int, int]:
        """Add rows; a name that is there already is left out. Return how many of each were added."""
        return self._write("failed", failed, FAILED), self._write("meshes", meshes, self._schema)

    def forget_failed(self) -> None:
        """Have what failed tried again."""
        for part in self._parts("failed"):
            part.unlink()
        self._sources = self._read_sources()

    def report(self) -> list[tuple[str, str, str]]:
        """Write `failed.csv` and return its rows: name, problem, detail."""
        tables = [pq.read_table(part, schema=FAILED) for part in self._parts("failed")]
        table = pa.concat_tables(tables) if tables else FAILED.empty_table()
        rows = sorted(zip(*(table[name].to_pylist() for name in FAILED.names), strict=True))
        incoming = self._place / "failed.csv.incoming"
        with incoming.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([FAILED.names, *rows])
        incoming.replace(self._place / "failed.csv")
        return rows

    def _write(self, kind: str, table: pa.Table, schema: pa.Schema) -> int:
        new = []
        for name in table["source"].to_pylist():
            new.append(name not in self._sources)
            self._sources.add(name)
        table = table.filter(pa.array(new, pa.bool_()))
        if len(table):
            number = max((int(part.stem.split("-")[1]) for part in self._parts(kind)), default=-1) + 1
            place = self._place / kind / f"part-{number:06}.parquet"
            incoming = place.with_suffix(".incoming")
            pq.write_table(table.cast(schema), incoming)
            with incoming.open("rb") as file:
                os.fsync(file.fileno())
            incoming.rename(place)
        return len(table)

    def _parts(self, kind: str) -> list[Path]:
        return sorted((self._place / kind).glob("part-*.parquet"))

    def _read_sources(self) -> set[str]:
        parts = [part for kind in ("meshes", "failed") for part in self._parts(kind)]
        return {
            name for part in parts for name in pq.read_table(part, columns=["source"])["source"].to_pylist()
        }


@contextmanager
def open_store(place: Path, contract: ModelContract) -> Iterator[Store]:
    """Hold an output directory; it is made where there is none.

    Raises:
        StoreError: Another job holds it, or its meshes are of another contract.
    """
    schema = mesh_schema(contract)
    for kind in ("meshes", "failed"):
        (place / kind).mkdir(parents=True, exist_ok=True)
    with (place / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreError(f"another job writes to {place}") from error
        for part in place.rglob("*.incoming"):
            part.unlink()  # of a job that was killed
        for part in sorted((place / "meshes").glob("part-*.parquet"))[:1]:
            if pq.read_schema(part).metadata.get(METADATA_KEY) != schema.metadata[METADATA_KEY]:
                raise StoreError(f"{place} holds meshes of another contract; take another directory")
        yield Store(place, schema)

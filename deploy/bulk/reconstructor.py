"""Pictures to hands, in a process of Ray's: decoding in threads, several requests in flight at Triton."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pyarrow as pa

from deploy.bulk.store import FAILED, mesh_schema
from service.contract import load_contract
from service.encode.result import Side
from service.engines.protocol import Deadline, EngineHand
from service.engines.triton import TritonEngine
from service.errors import (
    DeadlineExceededError,
    EngineUnavailableError,
    GatewayError,
    InvalidParameterError,
    OverloadedError,
    UnreadableImageError,
)
from service.geometry import joints_in_picture, mirror
from service.parameters import parse_box
from service.pipeline import as_right_hand
from service.preparation import PreparedCrop, prepare_crop

NOT_THE_ROW_S_FAULT = (DeadlineExceededError, EngineUnavailableError, OverloadedError)
"""These are asked again, with the same picture."""
ASK_DEADLINE_S = 30.0
LONGEST_PAUSE_S = 2.0

RESULT = pa.schema([("meshes", pa.binary()), ("failed", pa.binary()), ("gave_up", pa.string())])
"""One row a block: two tables as Arrow IPC, since a block of Ray's is one table; and why rows are missing in
both, for which the job ends: what a worker raises would come out as a page of Ray's own."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How pictures are reconstructed."""

    triton_url: str
    model_repository: Path
    model_name: str
    hand: Side
    version: str
    in_flight: int
    """Requests of one worker at Triton at once."""
    max_bytes: int
    max_pixels: int
    patience_s: float
    """How long Triton may be away or overloaded before the job gives up."""


Row = dict[str, Any]


class Reconstructor:
    """One worker. A row that cannot be done gets a problem; a Triton that stays away is given up on."""

    def __init__(self, options: Options) -> None:
        """Connect; the server may come up later."""
        self._options = options
        self._contract = load_contract(options.model_repository, options.model_name)
        self._schema = mesh_schema(self._contract)
        self._engine = TritonEngine(url=options.triton_url, contract=self._contract, retry_after_s=1)
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="decode")
        self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(self._engine.start())

    def __call__(self, block: pa.Table) -> pa.Table:
        """Return the two tables of a block of the source; see `RESULT`."""
        outcomes = self._loop.run_until_complete(self._reconstruct_all(block.to_pylist()))
        done = [outcome for outcome in outcomes if not isinstance(outcome, GatewayError)]
        gave_up = next((outcome.detail for outcome in outcomes if isinstance(outcome, GatewayError)), None)
        meshes = pa.Table.from_pylist([row for row in done if "problem" not in row], schema=self._schema)
        failed = pa.Table.from_pylist([row for row in done if "problem" in row], schema=FAILED)
        row = {"meshes": [packed(meshes)], "failed": [packed(failed)], "gave_up": [gave_up]}
        return pa.table(row, schema=RESULT)

    async def _reconstruct_all(self, rows: list[Row]) -> list[Row | GatewayError]:
        places = asyncio.Semaphore(self._options.in_flight)

        async def one(row: Row) -> Row | GatewayError:
            async with places:
                try:
                    return await self._reconstruct(row)
                except NOT_THE_ROW_S_FAULT as error:
                    return error
                except GatewayError as error:
                    return {"source": row["source"], "problem": error.slug, "detail": error.detail}

        return await asyncio.gather(*map(one, rows))

    async def _reconstruct(self, row: Row) -> Row:
        crop = await self._loop.run_in_executor(self._threads, self._prepare, row)
        side = self._side(row)
        hand = await self._ask(crop, side)
        if side == "left":
            hand = mirror(hand)
        return {
            "source": row["source"],
            "hand": side,
            "vertices": hand.vertices_m.ravel(),
            "joints": hand.joints_m.ravel(),
            "rotation": hand.rotation.ravel(),
            "joints_2d": joints_in_picture(hand.joints_uv, crop.square).ravel(),
            "model": self._contract.model,
            "version": hand.version,
        }

    def _prepare(self, row: Row) -> PreparedCrop:
        data = self._read(row)
        box = None if row.get("box") is None else parse_box(row["box"])
        return prepare_crop(data, box, contract=self._contract, max_pixels=self._options.max_pixels)

    def _read(self, row: Row) -> bytes:
        if "path" not in row:
            data = cast(bytes, row["image"] or b"")
        else:
            try:
                with Path(row["path"]).open("rb") as file:
                    data = file.read(self._options.max_bytes + 1)
            except OSError as error:
                raise UnreadableImageError(f"the file cannot be read: {error.strerror}") from error
        if len(data) > self._options.max_bytes:
            raise UnreadableImageError(f"the file has over {self._options.max_bytes} bytes")
        return data

    def _side(self, row: Row) -> Side:
        side = row.get("hand") or self._options.hand
        if side not in ("right", "left"):
            raise InvalidParameterError(f"hand must be 'right' or 'left', got {side[:80]!r}")
        return cast(Side, side)

    async def _ask(self, crop: PreparedCrop, side: Side) -> EngineHand:
        """Ask Triton, again where it has no room or is away, with longer and longer pauses."""
        patience, pause_s = Deadline.after(self._options.patience_s), 0.05
        image = as_right_hand(crop.image, side)
        while True:
            try:
                return await self._engine.infer(
                    image,
                    version=self._options.version,
                    deadline=Deadline.after(ASK_DEADLINE_S),
                    request_id="bulk",
                )
            except NOT_THE_ROW_S_FAULT:
                if patience.remaining_s < 0:
                    raise
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def packed(table: pa.Table) -> bytes:
    """Return a table as Arrow IPC."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return cast(bytes, sink.getvalue().to_pybytes())


def unpacked(data: bytes) -> pa.Table:
    """Return the table of `packed`."""
    return pa.ipc.open_stream(data).read_all()

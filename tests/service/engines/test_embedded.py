"""The embedded engine: one thread, small batches, a bounded queue, and no nonsense let through."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from service.contract import ModelContract
from service.engines.embedded import EmbeddedEngine, EmbeddedLimits
from service.engines.protocol import Deadline, EngineHand
from service.errors import (
    DeadlineExceededError,
    EngineFaultError,
    EngineUnavailableError,
    GatewayError,
    OverloadedError,
    UnknownModelError,
)
from tests.service.conftest import MODEL, TinyHand
from tests.service.pictures import picture

CROP = picture(128, 128)
BLACK = np.zeros((128, 128, 3), np.uint8)


class BadOnBlack(nn.Module):
    """Answers a black crop with NaN."""

    def __init__(self) -> None:
        super().__init__()
        self.hand = TinyHand().eval()

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Divide by the brightness of each crop."""
        vertices, joints, rotation, joints_uv = self.hand(image)
        brightness = image.float().mean((1, 2, 3)).reshape(-1, 1, 1)
        return vertices * brightness / brightness, joints, rotation, joints_uv


class WrongShape(nn.Module):
    """Forgets the last vertex."""

    def __init__(self) -> None:
        super().__init__()
        self.hand = TinyHand().eval()

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Cut the mesh."""
        vertices, joints, rotation, joints_uv = self.hand(image)
        return vertices[:, :-1], joints, rotation, joints_uv


def write(network: nn.Module, folder: Path, *, version: int) -> None:
    (folder / str(version)).mkdir(parents=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated
        traced = torch.jit.trace(network, torch.from_numpy(np.stack([CROP, CROP])))  # type: ignore[no-untyped-call]
        traced.save(str(folder / str(version) / "model.pt"))


@asynccontextmanager
async def running(
    folder: Path, contract: ModelContract, *, max_batch: int = 8, max_queue: int = 64
) -> AsyncIterator[EmbeddedEngine]:
    limits = EmbeddedLimits(threads=1, max_batch=max_batch, max_queue=max_queue)
    engine = EmbeddedEngine(model_directory=folder, contract=contract, limits=limits)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.close()


async def ask(
    engine: EmbeddedEngine,
    crop: np.ndarray[tuple[int, ...], np.dtype[np.uint8]] = CROP,
    *,
    seconds: float = 20.0,
) -> EngineHand:
    return await engine.infer(crop, version="", deadline=Deadline.after(seconds), request_id="test")


def test_serves_the_newest_version(contract: ModelContract, tmp_path: Path) -> None:
    for version in (9, 10):
        write(TinyHand(), tmp_path, version=version)

    async def run() -> None:
        async with running(tmp_path, contract) as engine:
            assert await engine.versions() == ("10",)
            assert (await ask(engine)).version == "10"
            with pytest.raises(UnknownModelError):
                await engine.infer(CROP, version="9", deadline=Deadline.after(1), request_id="")

    asyncio.run(run())


def test_sheds_what_its_queue_cannot_hold(repository: Path, contract: ModelContract) -> None:
    async def run() -> list[EngineHand | BaseException]:
        async with running(repository / MODEL, contract, max_batch=2, max_queue=4) as engine:
            return await asyncio.gather(*(ask(engine) for _ in range(30)), return_exceptions=True)

    outcomes = asyncio.run(run())
    assert {type(outcome) for outcome in outcomes} == {EngineHand, OverloadedError}


def test_gives_up_at_the_deadline_and_serves_on(repository: Path, contract: ModelContract) -> None:
    async def run() -> None:
        async with running(repository / MODEL, contract) as engine:
            with pytest.raises(DeadlineExceededError):
                await ask(engine, seconds=1e-6)
            await ask(engine)

    asyncio.run(run())


def test_one_answer_that_is_not_finite_does_not_spoil_its_batch(
    contract: ModelContract, tmp_path: Path
) -> None:
    write(BadOnBlack(), tmp_path, version=1)

    async def run() -> list[EngineHand | BaseException]:
        async with running(tmp_path, contract) as engine:
            crops = (CROP, BLACK, CROP)
            return await asyncio.gather(*(ask(engine, crop) for crop in crops), return_exceptions=True)

    good, bad, too = asyncio.run(run())
    assert isinstance(bad, EngineFaultError)
    assert "not finite" in bad.detail
    assert isinstance(good, EngineHand)
    assert isinstance(too, EngineHand)
    np.testing.assert_array_equal(good.vertices_m, too.vertices_m)


@pytest.mark.parametrize("network", [WrongShape(), nn.Sequential(nn.Flatten(), nn.Linear(1, 1))])
def test_a_network_of_another_contract_is_a_fault(
    network: nn.Module, contract: ModelContract, tmp_path: Path
) -> None:
    if isinstance(network, WrongShape):
        write(network, tmp_path, version=1)
    else:
        (tmp_path / "1").mkdir()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.jit.script(network).save(str(tmp_path / "1" / "model.pt"))  # type: ignore[no-untyped-call]

    async def run() -> None:
        async with running(tmp_path, contract) as engine:
            for _ in range(2):
                with pytest.raises(EngineFaultError):
                    await engine.verify()

    asyncio.run(run())


def test_what_waits_at_the_end_is_refused(repository: Path, contract: ModelContract) -> None:
    async def run() -> list[EngineHand | BaseException]:
        async with running(repository / MODEL, contract, max_batch=1) as engine:
            waiting = [asyncio.create_task(ask(engine)) for _ in range(10)]
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        return await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 5)

    outcomes = asyncio.run(run())
    assert len(outcomes) == 10
    assert all(isinstance(outcome, EngineHand | EngineUnavailableError) for outcome in outcomes)
    assert any(isinstance(outcome, GatewayError) for outcome in outcomes)


def test_needs_a_model(contract: ModelContract, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no <version>/model\.pt"):
        EmbeddedEngine(
            model_directory=tmp_path,
            contract=contract,
            limits=EmbeddedLimits(threads=1, max_batch=1, max_queue=1),
        )

"""Our gateway as it is, in front of a network that costs nothing."""

from __future__ import annotations

import sys

from deploy.bench.null_engine import constant_mesh
from service.app import create_app
from service.contract import ModelContract
from service.engines.protocol import Deadline, EngineHand, ImageArray
from service.server import serve
from service.settings import Settings

VERSION = "1"


class NullEngine:
    """An engine (`service.engines.protocol.Engine`) that answers every crop with the one mesh."""

    def __init__(self, contract: ModelContract) -> None:
        """Make the mesh."""
        del contract
        mesh = constant_mesh()
        self._hand = EngineHand(
            vertices_m=mesh.vertices_root_m,
            joints_m=mesh.joints_root_m,
            rotation=mesh.rotation,
            joints_uv=mesh.joints_uv,
            version=VERSION,
        )

    async def start(self) -> None:
        """There is nothing to acquire."""

    async def close(self) -> None:
        """There is nothing to let go of."""

    async def infer(
        self, crop: ImageArray, *, version: str, deadline: Deadline, request_id: str
    ) -> EngineHand:
        """Answer at once."""
        return self._hand

    async def verify(self) -> None:
        """The mesh keeps the contract."""

    async def ping(self) -> None:
        """Always ready."""

    async def versions(self) -> tuple[str, ...]:
        """There is one version."""
        return (VERSION,)


if __name__ == "__main__":
    port, grpc_port = (*map(int, sys.argv[1:]), 0)[:2]
    settings = Settings(port=port, grpc_port=grpc_port, log_level="warning")
    serve(create_app(settings, NullEngine), settings)

"""The gRPC server beside HTTP: one process, one event loop, the same gateway."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from service.gateway import Gateway
from service.rpc import hand_mesh_pb2 as pb
from service.rpc.health import ReadinessHealth
from service.rpc.servicer import HandMeshServicer

SERVICE = pb.DESCRIPTOR.services_by_name["HandMesh"].full_name
HEALTH = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name

MESSAGE_MARGIN_BYTES = 64 << 10
"""A message is its picture and little more."""
OPERATION_CALLS = 16
"""Health checks, reflection and the like beside the streams and the requests."""


@asynccontextmanager
async def serving_rpc(gateway: Gateway) -> AsyncGenerator[int, None]:
    """Serve gRPC during the body, which gets the port; then tell the streams to go and wait for the rest.

    Raises:
        RuntimeError: The port is taken.
    """
    settings = gateway.settings
    server = grpc.aio.server(
        options=_options(settings.max_body_bytes),
        maximum_concurrent_rpcs=settings.max_streams + settings.max_in_flight + OPERATION_CALLS,
    )
    server.add_generic_rpc_handlers((HandMeshServicer(gateway).handlers(SERVICE),))
    health_pb2_grpc.add_HealthServicer_to_server(
        ReadinessHealth(gateway.readiness, services=("", SERVICE)), server
    )
    reflection.enable_server_reflection((SERVICE, HEALTH, reflection.SERVICE_NAME), server)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"{host}:{settings.grpc_port}"
    port = (
        server.add_insecure_port(address)
        if gateway.certificates is None
        else server.add_secure_port(address, gateway.certificates.rpc_credentials())
    )
    await server.start()
    try:
        yield port
    finally:
        gateway.streams.close()
        await server.stop(settings.shutdown_timeout_s)


def _options(max_body_bytes: int) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", max_body_bytes + MESSAGE_MARGIN_BYTES),
        # Two gateways on one port would each get some of the calls, and nobody would know.
        ("grpc.so_reuseport", 0),
        # A peer that vanished without a word is found out within half a minute.
        ("grpc.keepalive_time_ms", 20_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ]

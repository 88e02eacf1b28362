"""The application: `create_app` joins settings and an engine to the routes."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from service import __version__
from service.capacity import Capacity, Limits
from service.contract import ModelContract, contract_path, load_contract
from service.encode import glb, json
from service.encode.negotiation import Encoder, Encoders
from service.engines.embedded import EmbeddedEngine, EmbeddedLimits
from service.engines.protocol import Engine, EngineFactory
from service.engines.triton import TritonEngine
from service.errors import (
    LONGEST_ECHO,
    EngineUnavailableError,
    GatewayError,
    error_response,
    problem_response,
)
from service.exposure import keys_of
from service.files import Follower, follow
from service.gateway import Gateway, gateway_of
from service.keys.middleware import AccessMiddleware
from service.keys.presented import API_KEY_HEADER, AUTHORIZATION
from service.keys.ring import Keys
from service.middleware import RequestMiddleware, record_of
from service.pipeline import Pipeline
from service.readiness import Readiness
from service.request_ids import HEADER
from service.routes import docs, health, model, page, reconstruct, stream, views
from service.rpc.server import serving_rpc
from service.settings import Settings
from service.streams.answering import Parts
from service.streams.house import Streams
from service.streams.limits import StreamLimits
from service.telemetry import Telemetry
from service.tls import certificates_of
from service.tracing import create_tracer
from service.views import Views, ViewsPipeline

log = logging.getLogger("simahand")

CORS_REQUEST_HEADERS = (AUTHORIZATION, API_KEY_HEADER, "accept", "content-type", HEADER)
CORS_ANSWER_HEADERS = (HEADER, "server-timing", "retry-after", "www-authenticate")
"""What pages of other sites may send, and read of an answer. Cookies are not among it: there are none."""

DESCRIPTION = "A photo of a hand in, a 3D hand mesh out."


def create_app(settings: Settings, engine_factory: EngineFactory | None = None) -> FastAPI:
    """Return the application.

    Args:
        settings: Read once, here.
        engine_factory: Makes an engine from a contract; by default the one that `settings.engine` names.

    Raises:
        ValueError: The model repository holds no such model, or one that looks at another number of views; or
            traces are asked for that cannot be sent; or other machines could ask without a key
            (`service.exposure`).
    """
    gateway = _gateway(settings, keys_of(settings), engine_factory or functools.partial(_engine, settings))
    app = docs.DocumentedAPI(
        title="SiMA-Hand",
        description=DESCRIPTION,
        version=__version__,
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.gateway = gateway
    _add_middleware(app, gateway, settings)
    app.add_exception_handler(GatewayError, _answer_gateway_error)
    app.add_exception_handler(HTTPException, _answer_http_error)
    reconstruct.add_route(app)  # first, since routes are tried in order and this is the hot one
    stream.add_route(app)
    for routes in (views, model, health):
        app.include_router(routes.router)
    docs.add_routes(app)
    page.add_routes(app, settings.web_folder)
    return app


def _add_middleware(app: FastAPI, gateway: Gateway, settings: Settings) -> None:
    """Add what stands around every route, the innermost first."""
    app.add_middleware(
        AccessMiddleware,
        keys=gateway.keys,
        telemetry=gateway.telemetry,
        open_metrics=settings.open_metrics,
        origins=settings.cors_origins,
    )
    app.add_middleware(RequestMiddleware, telemetry=gateway.telemetry)  # around it: refusals count, too
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=("GET", "POST"),
            allow_headers=CORS_REQUEST_HEADERS,
            expose_headers=CORS_ANSWER_HEADERS,
        )


def _engine(settings: Settings, contract: ModelContract) -> Engine:
    if settings.engine == "embedded":
        return EmbeddedEngine(
            model_directory=settings.model_repository / contract.model,
            contract=contract,
            limits=EmbeddedLimits(
                threads=settings.embedded_threads,
                max_batch=max(1, settings.embedded_max_batch // contract.views),
                max_queue=max(1, settings.embedded_max_queue // contract.views),
            ),
        )
    return TritonEngine(url=settings.triton_url, contract=contract, retry_after_s=settings.retry_after_s)


def _gateway(settings: Settings, keys: Keys, engine_factory: EngineFactory) -> Gateway:
    contract = load_contract(settings.model_repository, settings.model_name)
    if contract.views != 1:
        raise ValueError(f"{contract.model} looks at {contract.views} views; a model of one is wanted")
    engine = engine_factory(contract)
    telemetry = Telemetry(
        version=__version__,
        model=contract.model,
        engine=settings.engine,
        tracer=create_tracer(version=__version__),
    )
    capacity = Capacity(
        Limits(
            max_pixels=settings.max_image_pixels,
            max_in_flight=settings.max_in_flight,
            decode_workers=settings.decode_workers,
            deadline_s=settings.deadline_s,
            retry_after_s=settings.retry_after_s,
        )
    )
    telemetry.watch(capacity)
    pipeline = Pipeline(contract=contract, engine=engine, capacity=capacity, telemetry=telemetry)
    readiness = Readiness(
        contract=contract,
        engine=engine,
        gauge=telemetry.ready,
        version=telemetry.model_version.labels(contract.model),
    )
    return Gateway(
        settings=settings,
        contract=contract,
        engine=engine,
        capacity=capacity,
        encoders=_encoders(contract),
        pipeline=pipeline,
        readiness=readiness,
        telemetry=telemetry,
        keys=keys,
        certificates=certificates_of(settings),
        streams=Streams(
            Parts(contract=contract, pipeline=pipeline, readiness=readiness, telemetry=telemetry),
            _stream_limits(settings),
        ),
        views=_views(settings, engine_factory, capacity, telemetry),
    )


def _views(
    settings: Settings, engine_factory: EngineFactory, capacity: Capacity, telemetry: Telemetry
) -> Views | None:
    name = settings.views_model_name
    if not contract_path(settings.model_repository, name).is_file():
        log.info("no model %r of several views in %s", name, settings.model_repository)
        return None
    contract = load_contract(settings.model_repository, name)
    if contract.views == 1:
        raise ValueError(f"{name} looks at one view; a model of several is wanted")
    engine = engine_factory(contract)
    return Views(
        contract=contract,
        engine=engine,
        encoders=_encoders(contract),
        pipeline=ViewsPipeline(contract=contract, engine=engine, capacity=capacity, telemetry=telemetry),
        readiness=Readiness(
            contract=contract,
            engine=engine,
            gauge=telemetry.views_ready,
            version=telemetry.model_version.labels(contract.model),
        ),
    )


def _encoders(contract: ModelContract) -> Encoders:
    return Encoders(
        [Encoder(json.MEDIA_TYPE, json.encode), Encoder(glb.MEDIA_TYPE, glb.GlbEncoder(contract))]
    )


def _stream_limits(settings: Settings) -> StreamLimits:
    return StreamLimits(
        max_streams=settings.max_streams,
        max_message_bytes=settings.max_body_bytes,
        idle_timeout_s=settings.stream_idle_timeout_s,
        send_timeout_s=settings.send_timeout_s,
    )


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
    gateway: Gateway = app.state.gateway
    served: list[Gateway | Views] = [gateway] if gateway.views is None else [gateway, gateway.views]
    for one in served:
        await one.engine.start()
    # Prove the engines now rather than at the first probe; without them the gateway still starts.
    followers: list[Follower] = [gateway.keys]
    if gateway.certificates is not None:
        followers.append(gateway.certificates)
    tasks = [asyncio.create_task(_prove(one.readiness)) for one in served]
    tasks.append(asyncio.create_task(follow(*followers)))
    try:
        async with serving_rpc(gateway) as app.state.grpc_port:
            yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for one in served:
            await one.engine.close()
        gateway.capacity.close()
        gateway.telemetry.tracer.close()


async def _prove(readiness: Readiness) -> None:
    with contextlib.suppress(GatewayError):
        await readiness.check()


async def _answer_gateway_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, GatewayError)
    record = record_of(request.scope)
    record.outcome = error.slug
    if isinstance(error, EngineUnavailableError):
        gateway_of(request).doubt()
    return error_response(error, record.request_id)


async def _answer_http_error(request: Request, error: Exception) -> Response:
    """Give the framework's own refusals (no such path, no such method) the same form."""
    assert isinstance(error, HTTPException)
    response = problem_response(
        status=error.status_code,
        slug=f"http-{error.status_code}",
        title=error.detail,
        detail=f"{request.method} {request.url.path[:LONGEST_ECHO]}: {error.detail}",
        request_id=record_of(request.scope).request_id,
    )
    response.headers.update(error.headers or {})
    return response

"""`simahand.v1.HandMesh`: validate, call, shape.

Requests and replies pass gRPC as bytes and are parsed here: gRPC answers bytes that are no message with an
unnamed failure, while here they are the caller's INVALID_ARGUMENT.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial

import grpc
import orjson

from service.errors import GatewayError
from service.gateway import Gateway, versions_of
from service.keys.caller import Caller
from service.keys.presented import key_of
from service.logs import log_request, log_stream, request_id_here
from service.request_ids import HEADER, choose_request_id
from service.rpc import hand_mesh_pb2 as pb
from service.rpc.convert import frame_of, hand_message, message_of, outputs_of, parse, reply_bytes
from service.rpc.status import Context, abort
from service.streams.answering import CRASH_DETAIL, Arrived, box_of, pack, see_hand
from service.streams.errors import MalformedMessageError, StreamEndError
from service.streams.messages import Message, Reply, StreamOptions
from service.telemetry import RequestRecord
from service.tracing import CONTEXT_HEADERS, incoming

log = logging.getLogger("simahand")

Work = Callable[[RequestRecord, float | None], Awaitable[bytes]]
"""Returns the reply; gets the record of the question, and how many seconds its caller will wait."""


class HandMeshServicer:
    """Answers the calls of one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        """Answer with what `gateway` holds."""
        self._gateway = gateway

    def handlers(self, service: str) -> grpc.GenericRpcHandler:
        """Return the calls of `service` by name, for the server."""
        return grpc.method_handlers_generic_handler(
            service,
            {
                "Reconstruct": grpc.unary_unary_rpc_method_handler(self.reconstruct),
                "Stream": grpc.stream_stream_rpc_method_handler(self.stream),
                "GetModel": grpc.unary_unary_rpc_method_handler(self.get_model),
            },
        )

    async def reconstruct(self, data: bytes, context: Context) -> bytes:
        """Return the hand in one picture."""
        return await self._answer("Reconstruct", partial(self._reconstruct, data), context)

    async def get_model(self, data: bytes, context: Context) -> bytes:
        """Return what is served."""
        del data
        return await self._answer("GetModel", self._get_model, context)

    async def _answer(self, route: str, work: Work, context: Context) -> bytes:
        """Answer a single question, or refuse it; either way it is counted and written down."""
        request_id = await _greet(context)
        telemetry = self._gateway.telemetry
        record = RequestRecord(request_id, trace=telemetry.tracer.begin(route))
        failure: GatewayError | StreamEndError
        telemetry.in_flight.inc()
        started_s = time.perf_counter()
        try:
            caller = self._caller_of(context)
            record.caller = caller.name
            caller.take_request()
            return await work(record, context.time_remaining())
        except (GatewayError, MalformedMessageError) as error:
            failure = error
            record.outcome, record.status = error.slug, error.status
        except Exception:
            log.exception("the request crashed")
            failure = GatewayError(CRASH_DETAIL)
            record.outcome, record.status = GatewayError.slug, GatewayError.status
        finally:
            telemetry.in_flight.dec()
            seconds = time.perf_counter() - started_s
            telemetry.observe(record, route=route, seconds=seconds)
            log_request(record, transport="grpc", route=route, seconds=seconds)
            record.end_trace(route, {"rpc.system": "grpc", "rpc.method": route})
        return await abort(context, failure)

    async def _reconstruct(self, data: bytes, record: RequestRecord, caller_s: float | None) -> bytes:
        request = parse(pb.ReconstructRequest, data)
        outputs = outputs_of(request.outputs)
        frame = frame_of(request.frame)
        arrived = Arrived(
            frame,
            StreamOptions(outputs=outputs, model=request.model, version=request.version),
            time.perf_counter(),
            self._gateway.pipeline.deadline(caller_s),
        )
        seen = await see_hand(self._gateway.streams.parts, arrived, box_of(frame), record)
        return hand_message(pack(seen.hand, outputs, self._gateway.contract, record)).SerializeToString()

    async def _get_model(self, record: RequestRecord, caller_s: float | None) -> bytes:
        del record, caller_s
        contract = self._gateway.contract
        return pb.Model(
            name=contract.model,
            versions=await versions_of(self._gateway.engine),
            contract_json=orjson.dumps(contract.model_dump(mode="json")),
        ).SerializeToString()

    async def stream(self, _: object, context: Context) -> None:
        """Answer the newest frame, again and again."""
        request_id = await _greet(context)

        async def receive() -> Message | None:
            data = await context.read()
            return None if data is grpc.aio.EOF else message_of(data)

        async def send(reply: Reply) -> None:
            await context.write(reply_bytes(reply))

        end: GatewayError | StreamEndError
        try:
            caller = self._caller_of(context)
            with self._gateway.streams.admit("grpc", request_id=request_id, caller=caller) as stream:
                await stream.serve(receive, send)
            return
        except StreamEndError as error:
            end = error
        except GatewayError as error:
            self._gateway.telemetry.turn_away("grpc", error.slug)
            log_stream(request_id=request_id, transport="grpc", end=error.slug)
            end = error
        except Exception:
            log.exception("the stream crashed")
            end = GatewayError(CRASH_DETAIL)
        await abort(context, end)

    def _caller_of(self, context: Context) -> Caller:
        """Return who calls; raises `UnauthorizedError`. Only health and reflection are open to anyone."""
        metadata = dict(context.invocation_metadata() or ())

        def value_of(name: str) -> str | None:
            value = metadata.get(name)
            return value if isinstance(value, str) else None

        return self._gateway.keys.caller_of(key_of(value_of))


async def _greet(context: Context) -> str:
    """Return the call's id, after telling the caller."""
    given = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
    request_id = choose_request_id(given.get(HEADER, ""))
    request_id_here.set(request_id)
    incoming.set({name: given[name] for name in CONTEXT_HEADERS if name in given})
    await context.send_initial_metadata(((HEADER, request_id),))
    return request_id

"""`simahand.v1.HandMesh`: validate, call, shape.

Requests and replies pass gRPC as bytes and are parsed here: gRPC answers bytes that are no message with an
unnamed failure, while here they are the caller's INVALID_ARGUMENT.
"""

from __future__ import annotations

import logging
import time

import grpc
import orjson

from service.errors import GatewayError
from service.gateway import Gateway
from service.request_ids import HEADER, choose_request_id
from service.rpc import hand_mesh_pb2 as pb
from service.rpc.convert import frame_of, hand_message, message_of, outputs_of, parse, reply_bytes
from service.rpc.status import Context, abort
from service.streams.answering import CRASH_DETAIL, Arrived, box_of, pack, see_hand
from service.streams.errors import MalformedMessageError, StreamEndError
from service.streams.messages import Message, Reply, StreamOptions
from service.telemetry import RequestRecord

log = logging.getLogger("simahand")


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
        record = RequestRecord(await _greet(context))
        telemetry = self._gateway.telemetry
        failure: GatewayError | StreamEndError
        telemetry.in_flight.inc()
        try:
            return await self._reconstruct(data, record)
        except (GatewayError, MalformedMessageError) as error:
            failure = error
            record.outcome = error.slug
        except Exception:
            log.exception("request %s crashed", record.request_id)
            failure = GatewayError(CRASH_DETAIL)
            record.outcome = GatewayError.slug
        finally:
            telemetry.in_flight.dec()
            telemetry.observe(record, route="Reconstruct", status=200)
        return await abort(context, failure)

    async def _reconstruct(self, data: bytes, record: RequestRecord) -> bytes:
        request = parse(pb.ReconstructRequest, data)
        outputs = outputs_of(request.outputs)
        frame = frame_of(request.frame)
        arrived = Arrived(
            frame,
            StreamOptions(outputs=outputs, model=request.model, version=request.version),
            time.perf_counter(),
            self._gateway.pipeline.deadline(),
        )
        seen = await see_hand(self._gateway.streams.parts, arrived, box_of(frame), record)
        return hand_message(pack(seen.hand, outputs, self._gateway.contract, record)).SerializeToString()

    async def stream(self, _: object, context: Context) -> None:
        """Answer the newest frame, again and again."""
        request_id = await _greet(context)

        async def receive() -> Message | None:
            data = await context.read()
            return None if data is grpc.aio.EOF else message_of(data)

        async def send(reply: Reply) -> None:
            await context.write(reply_bytes(reply))

        try:
            with self._gateway.streams.admit("grpc", request_id=request_id) as stream:
                await stream.serve(receive, send)
            return
        except StreamEndError as error:
            end = error
        await abort(context, end)

    async def get_model(self, data: bytes, context: Context) -> bytes:
        """Return what is served."""
        del data, context
        contract = self._gateway.contract
        return pb.Model(
            name=contract.model,
            versions=await self._gateway.versions(),
            contract_json=orjson.dumps(contract.model_dump(mode="json")),
        ).SerializeToString()


async def _greet(context: Context) -> str:
    """Return the call's id, after telling the caller."""
    given = dict(context.invocation_metadata() or ()).get(HEADER, "")
    request_id = choose_request_id(given if isinstance(given, str) else "")
    await context.send_initial_metadata(((HEADER, request_id),))
    return request_id

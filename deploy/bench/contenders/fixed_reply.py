"""The least that an HTTP server can do: what it reaches is what the load generator can ask for."""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import httptools
import orjson
import uvloop

from deploy.bench.null_engine import constant_mesh


def _reply() -> bytes:
    body = orjson.dumps(constant_mesh()._asdict(), option=orjson.OPT_SERIALIZE_NUMPY)
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


class FixedReply(asyncio.Protocol):
    """Reads a whole request and sends the same bytes back whatever it was."""

    reply = _reply()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self._transport = cast(asyncio.Transport, transport)
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        """Feed the parser."""
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """Reply (httptools' callback)."""
        self._transport.write(self.reply)


async def serve(port: int) -> None:
    """Serve until killed."""
    server = await asyncio.get_running_loop().create_server(FixedReply, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))

"""A name server of our own: what stands behind a name may change, as a headless Service's pods do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from dnslib import QTYPE, RR, A, DNSRecord
from dnslib.server import BaseResolver, DNSHandler, DNSLogger, DNSServer

NAME = "triton.test"


@dataclass
class Names(BaseResolver):  # type: ignore[misc]  # dnslib has no types
    """What the name server says: the addresses of `NAME`, which may be changed."""

    addresses: list[str] = field(default_factory=list)
    port: int = 0
    """Where it listens."""

    def resolve(self, request: DNSRecord, handler: DNSHandler) -> DNSRecord:
        """Answer one question."""
        del handler
        reply = request.reply()
        if request.q.qtype == QTYPE.A:
            for address in self.addresses:
                reply.add_answer(RR(request.q.qname, QTYPE.A, rdata=A(address), ttl=0))
        return reply

    def url(self, port: int) -> str:
        """Return the name with a port, as gRPC takes it."""
        return f"dns://127.0.0.1:{self.port}/{NAME}:{port}"


@contextmanager
def name_server(addresses: Sequence[str]) -> Iterator[Names]:
    """Have a name server that knows one name."""
    names = Names(addresses=list(addresses))
    server = DNSServer(names, address="127.0.0.1", port=0, logger=DNSLogger("-request,-reply"))
    names.port = server.server.server_address[1]
    server.start_thread()
    try:
        yield names
    finally:
        server.stop()
        server.server.server_close()

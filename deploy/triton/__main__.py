"""`python -m deploy.triton`: serve a model repository until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from deploy.signals import interrupt_on_stop
from deploy.triton.install import CHECKOUT, TritonError, install
from deploy.triton.server import Ports, TritonServer

POLL_S = 0.5


def main(argv: list[str] | None = None) -> int:
    """Run the server; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m deploy.triton", description=__doc__)
    parser.add_argument("--repository", type=Path, default=CHECKOUT / "model_repository")
    parser.add_argument("--address", default="127.0.0.1", help="interface to listen on")
    parser.add_argument("--http-port", type=int, default=Ports.http)
    parser.add_argument("--grpc-port", type=int, default=Ports.grpc)
    parser.add_argument("--metrics-port", type=int, default=Ports.metrics)
    parser.add_argument("--threads", type=int, help="intra-op threads of torch in each model instance")
    arguments = parser.parse_args(argv)
    interrupt_on_stop()
    try:
        server = TritonServer(
            install(),
            repository=arguments.repository,
            ports=Ports(http=arguments.http_port, grpc=arguments.grpc_port, metrics=arguments.metrics_port),
            address=arguments.address,
            threads=arguments.threads,
        )
        with server:
            print(f"ready: http {server.http_url}, grpc {server.grpc_url}, metrics {server.metrics_url}")
            print(f"log: {server.log}", flush=True)
            while server.poll() is None:
                time.sleep(POLL_S)
            print(f"error: tritonserver ended by itself, see {server.log}", file=sys.stderr)
            return 1
    except TritonError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())

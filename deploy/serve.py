"""`make serve`: Triton (ports 8000 to 8002) and the gateway (8080, 8081), until Ctrl-C or an end of one."""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from deploy.network import answers_ok, check_port_is_free
from deploy.signals import interrupt_on_stop
from deploy.triton.install import CHECKOUT, TritonError, install
from deploy.triton.server import Ports, TritonServer

POLL_S = 0.2
GATEWAY_READY_TIMEOUT_S = 60.0
GATEWAY_STOP_TIMEOUT_S = 15.0

WELCOME = """\
Serving at {scheme}://{host}:{port} (/docs describes it), gRPC at {host}:{grpc_port}. Ctrl-C stops it.

  curl --data-binary @photo.jpg -H 'content-type: image/jpeg' -H 'accept: model/gltf-binary' \\
    '{scheme}://{host}:{port}/v1/reconstruct?hand=right' -o hand.glb

Triton's log: {log}"""


class GatewayError(Exception):
    """The gateway ended, or did not become ready."""


def main(argv: list[str] | None = None) -> int:
    """Serve; return 0 after Ctrl-C or SIGTERM, 1 when a part failed."""
    arguments = _parser().parse_args(argv)
    interrupt_on_stop()
    try:
        if os.environ.get("SIMAHAND_TLS_CLIENT_CA"):
            raise GatewayError("this command has no certificate to show: run `python -m service` by itself")
        ports = Ports(
            http=arguments.triton_http, grpc=arguments.triton_grpc, metrics=arguments.triton_metrics
        )
        server = TritonServer(
            install(),
            repository=arguments.repository,
            ports=ports,
            threads=arguments.threads,
            trace_url=_trace_url(os.environ),
        )
        for port in (arguments.port, arguments.grpc_port):
            check_port_is_free(arguments.host, port)
        print("Starting Triton ...", flush=True)
        with server, _gateway(arguments, server) as gateway:
            tls = bool(os.environ.get("SIMAHAND_TLS_CERTIFICATE"))
            _wait_until_ready(server, gateway, host=arguments.host, port=arguments.port, tls=tls)
            scheme = "https" if tls else "http"
            print(WELCOME.format(**vars(arguments), scheme=scheme, log=server.log), flush=True)
            while True:
                _check_alive(server, gateway)
                time.sleep(POLL_S)
    except (TritonError, GatewayError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.serve", description=__doc__)
    parser.add_argument("--repository", type=Path, default=CHECKOUT / "model_repository")
    parser.add_argument("--host", default="127.0.0.1", help="interface of the gateway")
    parser.add_argument("--port", type=int, default=8080, help="port of the gateway")
    parser.add_argument("--grpc-port", type=int, default=8081, help="port of the gateway's gRPC service")
    parser.add_argument("--triton-http", type=int, default=Ports.http, metavar="PORT")
    parser.add_argument("--triton-grpc", type=int, default=Ports.grpc, metavar="PORT")
    parser.add_argument("--triton-metrics", type=int, default=Ports.metrics, metavar="PORT")
    parser.add_argument("--threads", type=int, help="intra-op threads of torch in each model instance")
    return parser


def _trace_url(environment: Mapping[str, str]) -> str | None:
    """Return where OpenTelemetry's standard variables have traces sent; the gateway reads them, too."""
    if url := environment.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        return url
    base = environment.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    return f"{base.rstrip('/')}/v1/traces" if base else None


@contextlib.contextmanager
def _gateway(arguments: argparse.Namespace, server: TritonServer) -> Iterator[subprocess.Popen[bytes]]:
    """Run the gateway in front of `server` as a child; on the way out it ends what it has begun."""
    environment = {
        "SIMAHAND_LOG_FORMAT": "text",
        **os.environ,
        "SIMAHAND_HOST": arguments.host,
        "SIMAHAND_PORT": str(arguments.port),
        "SIMAHAND_GRPC_PORT": str(arguments.grpc_port),
        "SIMAHAND_TRITON_URL": server.grpc_url,
        "SIMAHAND_MODEL_REPOSITORY": str(arguments.repository.resolve()),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "service"], env=environment, cwd=CHECKOUT, start_new_session=True
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(GATEWAY_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(
    server: TritonServer, gateway: subprocess.Popen[bytes], *, host: str, port: int, tls: bool
) -> None:
    deadline_s = time.monotonic() + GATEWAY_READY_TIMEOUT_S
    while not answers_ok(host, port, "/readyz", tls=tls):
        _check_alive(server, gateway)
        if time.monotonic() > deadline_s:
            raise GatewayError(f"the gateway is not ready after {GATEWAY_READY_TIMEOUT_S:.0f} s")
        time.sleep(POLL_S)


def _check_alive(server: TritonServer, gateway: subprocess.Popen[bytes]) -> None:
    """Raise if a part has ended by itself."""
    if server.poll() is not None:
        raise TritonError(f"Triton ended with {server.poll()}, see {server.log}")
    if gateway.poll() is not None:
        raise GatewayError(f"the gateway ended with {gateway.returncode}")


if __name__ == "__main__":
    sys.exit(main())

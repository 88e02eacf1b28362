"""What Triton and the gateway cost on top of the network that they serve."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sima_hand_client import HandClient

from deploy.bench.deployment import Deployment
from deploy.bench.load import HttpTarget, measure_http
from deploy.bench.photo import make_photo
from deploy.bench.statistics import Sample
from deploy.bench.triton_load import measure_triton
from deploy.bench.wire import post

BATCHES = (1, 2, 4, 8, 16, 32)
CONCURRENCIES = (1, 8, 32)
CLIENT_PHOTOS_PX = ((224, 224), (1920, 1080))


@dataclass(frozen=True, kw_only=True)
class NetworkRounds:
    """All rounds of each measurement.

    Attributes:
        model: what was served, in words.
        bare_per_s: images a second by batch size.
        triton: by concurrency.
        gateway: by concurrency; its CPU time is the gateway's own, without Triton's.
        client: one caller of the Python client, by the photo's width and height in pixels.
    """

    model: str
    bare_per_s: dict[int, list[float]]
    triton: dict[int, list[Sample]]
    gateway: dict[int, list[Sample]]
    client: dict[tuple[int, int], list[Sample]]


def compare_network(
    deployment: Deployment,
    *,
    rounds: int,
    seconds: float,
    progress: Callable[[str], None],
    batches: Sequence[int] = BATCHES,
    concurrencies: Sequence[int] = CONCURRENCIES,
) -> NetworkRounds:
    """Measure bare network, Triton and gateway in turn, `rounds` times, `seconds` each."""
    results = NetworkRounds(
        model=deployment.model.describe(),
        bare_per_s=defaultdict(list),
        triton=defaultdict(list),
        gateway=defaultdict(list),
        client=defaultdict(list),
    )
    photo = make_photo(width_px=224, height_px=224)
    target = HttpTarget(
        port=deployment.gateway_port,
        request=post("/v1/reconstruct?hand=right", photo, content_type="image/jpeg"),
        server=deployment.gateway,
    )
    for number in range(1, rounds + 1):
        progress(f"network, round {number} of {rounds}: bare TorchScript")
        for batch in batches:
            results.bare_per_s[batch].append(deployment.bare.images_per_second(batch=batch, seconds=seconds))
        for concurrency in concurrencies:
            progress(
                f"network, round {number} of {rounds}: Triton, then the gateway, concurrency {concurrency}"
            )
            results.triton[concurrency].append(
                measure_triton(
                    deployment.triton_url,
                    deployment.model.name,
                    server=deployment.triton,
                    concurrency=concurrency,
                    seconds=seconds,
                )
            )
            results.gateway[concurrency].append(
                measure_http(target, concurrency=concurrency, seconds=seconds)
            )
        progress(f"network, round {number} of {rounds}: the Python client")
        for size_px in CLIENT_PHOTOS_PX:
            results.client[size_px].append(measure_client(deployment, size_px, seconds=seconds))
    return results


def measure_client(deployment: Deployment, size_px: tuple[int, int], *, seconds: float) -> Sample:
    """Let one caller of the Python client ask again and again: what a user sees, arrays in hand."""
    photo = make_photo(width_px=size_px[0], height_px=size_px[1])
    latencies_s = []
    with HandClient(f"http://127.0.0.1:{deployment.gateway_port}") as client:
        client.reconstruct(photo)
        cpu_before_s = deployment.gateway.cpu_s()
        start_s = asked_s = time.perf_counter()
        while asked_s < start_s + seconds:
            client.reconstruct(photo)
            answered_s = time.perf_counter()
            latencies_s.append(answered_s - asked_s)
            asked_s = answered_s
    return Sample(
        latencies_s=tuple(latencies_s),
        elapsed_s=asked_s - start_s,
        server_cpu_s=deployment.gateway.cpu_s() - cpu_before_s,
    )

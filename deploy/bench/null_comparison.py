"""The gateway beside plain FastAPI and LitServe, all with a network that costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import NamedTuple

from deploy.bench.cores import Cores, pinned_to
from deploy.bench.load import HttpTarget, measure_http
from deploy.bench.photo import make_photo
from deploy.bench.processes import ProcessTree, free_port, running
from deploy.bench.statistics import Sample
from deploy.bench.wire import Request, post, post_multipart

GATEWAY = "gateway: raw JPEG → JSON"
PLAIN_FASTAPI = "plain FastAPI: multipart → JSON"
LITSERVE = "LitServe: multipart → JSON"
CEILING = "fixed reply: the load generator's ceiling"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One server asked in one way; `module` is a name in `contenders`."""

    name: str
    module: str
    request: Request


class _Server(NamedTuple):
    port: int
    tree: ProcessTree


def null_cases() -> tuple[Case, ...]:
    """Return what is compared, ours first."""
    photo = make_photo(width_px=224, height_px=224)
    path = "/v1/reconstruct?hand=right"
    to_json = post(path, photo, content_type="image/jpeg")
    to_glb = post(path, photo, content_type="image/jpeg", accept="model/gltf-binary")
    return (
        Case(name=GATEWAY, module="gateway", request=to_json),
        Case(name="gateway: raw JPEG → GLB", module="gateway", request=to_glb),
        Case(name="gateway: multipart → JSON", module="gateway", request=post_multipart(path, photo)),
        Case(name=PLAIN_FASTAPI, module="plain_fastapi", request=post_multipart("/reconstruct", photo)),
        Case(
            name="FastAPI with a reply model: multipart → JSON",
            module="plain_fastapi",
            request=post_multipart("/typed", photo),
        ),
        Case(name=LITSERVE, module="litserve_api", request=post_multipart("/predict", photo)),
        Case(name=CEILING, module="fixed_reply", request=to_json),
    )


def compare_null(
    cases: Sequence[Case],
    cores: Cores,
    *,
    concurrency: int,
    rounds: int,
    seconds: float,
    progress: Callable[[str], None],
) -> dict[str, list[Sample]]:
    """Measure every case once a round, so that whatever else the machine does hits all alike.

    All servers share one core, and all but the one being measured are suspended.

    Returns:
        The rounds of each case, by its name.
    """
    samples: dict[str, list[Sample]] = {case.name: [] for case in cases}
    with ExitStack() as stack:
        with pinned_to(cores.server):
            servers = {name: _start(stack, name) for name in dict.fromkeys(case.module for case in cases)}
        stack.enter_context(pinned_to(cores.load))
        for number in range(1, rounds + 1):
            for case in cases:
                progress(f"null engine, concurrency {concurrency}, round {number} of {rounds}: {case.name}")
                port, tree = servers[case.module]
                with tree.awake():
                    target = HttpTarget(port=port, request=case.request, server=tree)
                    samples[case.name].append(measure_http(target, concurrency=concurrency, seconds=seconds))
    return samples


def _start(stack: ExitStack, name: str) -> _Server:
    port = free_port()
    tree = stack.enter_context(running(["-m", f"deploy.bench.contenders.{name}", str(port)], port=port))
    return _Server(port, tree)

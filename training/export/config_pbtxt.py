"""Triton's `config.pbtxt` as typed data: a model's configuration, and its text.

The dataclasses carry the names of Triton's `ModelConfig` message (model_config.proto), and only the
fields that this project sets; `to_text` writes any of them in protobuf's text format. Times are in
microseconds, as Triton's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from training import contract

BATCH_PICTURES = 16
"""Pictures that one forward looks at, at most; in 16 a picture costs a CPU core 10 ms, alone 18."""

QUEUE_PICTURES = 64
"""Pictures that wait at most; the next request is refused, and the gateway answers 429."""

WARMUP_RUNS = 2
"""Torch's profiling executor observes the first run and compiles in the second (pytorch#33354)."""


class Token(str):
    """An enum value: written without quotes."""

    __slots__ = ()


@dataclass(frozen=True, kw_only=True)
class ModelTensor:
    """One input or output; `dims` without the batch."""

    name: str
    data_type: Token
    dims: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Latest:
    """Serve the newest versions."""

    num_versions: int


@dataclass(frozen=True, kw_only=True)
class VersionPolicy:
    """Which of the repository's versions are served."""

    latest: Latest


@dataclass(frozen=True, kw_only=True)
class QueuePolicy:
    """How many requests may wait. How long, their callers say: Triton drops a call that has ended.

    It has no timeout of its own: with one, the batcher waits until the instance says that it is idle, and has
    two faults. It sleeps for 500 ms when it looks a moment too early (one caller alone met that now and
    then), and every joining of batches makes it trust the instance less, until it is reloaded
    (triton-inference-server/server#8870).
    """

    max_queue_size: int


@dataclass(frozen=True, kw_only=True)
class DynamicBatching:
    """How requests are joined; there is no delay, since the queue fills by itself while a batch runs."""

    max_queue_delay_microseconds: int
    default_queue_policy: QueuePolicy


@dataclass(frozen=True, kw_only=True)
class WarmupInput:
    """A made-up input; `dims` without the batch."""

    data_type: Token
    dims: tuple[int, ...]
    random_data: bool


@dataclass(frozen=True, kw_only=True)
class Warmup:
    """Runs that the server makes before it calls the model ready."""

    name: str
    batch_size: int
    count: int
    inputs: Mapping[str, WarmupInput]


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The whole configuration. It names no `instance_group`: Triton takes the GPU where there is one."""

    name: str
    backend: str
    platform: str
    max_batch_size: int
    input: tuple[ModelTensor, ...]
    output: tuple[ModelTensor, ...]
    version_policy: VersionPolicy
    dynamic_batching: DynamicBatching
    model_warmup: tuple[Warmup, ...] = field(default_factory=tuple)


def max_batch_size(views: int) -> int:
    """Return how many requests of `views` pictures one forward serves at most."""
    return max(1, BATCH_PICTURES // views)


def model_config(*, model: str, vertex_count: int, views: int = 1) -> ModelConfig:
    """Return the configuration of a model that keeps the contract.

    Args:
        model: Its name, which is also its folder's.
        vertex_count: Vertices of its mesh.
        views: Pictures of one moment that it looks at.
    """
    inputs = contract.inputs(views)
    return ModelConfig(
        name=model,
        backend="pytorch",
        platform="pytorch_libtorch",
        max_batch_size=max_batch_size(views),
        input=tuple(_tensor(spec) for spec in inputs),
        output=tuple(_tensor(spec) for spec in contract.outputs(vertex_count)),
        # Two, so that a new version can be compared with the one that it replaces.
        version_policy=VersionPolicy(latest=Latest(num_versions=2)),
        dynamic_batching=DynamicBatching(
            max_queue_delay_microseconds=0,
            default_queue_policy=QueuePolicy(
                max_queue_size=max(1, QUEUE_PICTURES // views),
            ),
        ),
        model_warmup=tuple(_warmup(inputs, batch_size=size) for size in _warmup_sizes(views)),
    )


def to_text(message: object) -> str:
    """Return a message, given as a dataclass, in protobuf's text format."""
    return "".join(line + "\n" for line in _lines(message))


def _tensor(spec: contract.TensorSpec) -> ModelTensor:
    return ModelTensor(name=spec.name, data_type=Token(f"TYPE_{spec.dtype}"), dims=spec.shape)


def _warmup_sizes(views: int) -> Iterator[int]:
    """Yield powers of two: one size warms all on a CPU, on a GPU libraries choose their kernels by size."""
    size = 1
    while size <= max_batch_size(views):
        yield size
        size *= 2


def _warmup(inputs: tuple[contract.TensorSpec, ...], *, batch_size: int) -> Warmup:
    made_up = {
        spec.name: WarmupInput(data_type=Token(f"TYPE_{spec.dtype}"), dims=spec.shape, random_data=True)
        for spec in inputs
    }
    return Warmup(name=f"batch_{batch_size}", batch_size=batch_size, count=WARMUP_RUNS, inputs=made_up)


def _lines(message: Any) -> Iterator[str]:  # noqa: ANN401  (any dataclass)
    for entry in dataclasses.fields(message):
        yield from _field_lines(entry.name, getattr(message, entry.name))


def _field_lines(name: str, value: Any) -> Iterator[str]:  # noqa: ANN401  (what a message may hold)
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield f"{name} {{"
            yield from _indented(_field_lines("key", key))
            yield from _indented(_field_lines("value", item))
            yield "}"
    elif isinstance(value, tuple) and all(isinstance(item, int) for item in value):
        yield f"{name}: [{', '.join(map(str, value))}]"
    elif isinstance(value, tuple):
        for item in value:
            yield from _field_lines(name, item)
    elif dataclasses.is_dataclass(value):
        yield f"{name} {{"
        yield from _indented(_lines(value))
        yield "}"
    else:
        yield f"{name}: {_scalar(value)}"


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _scalar(value: str | bool | int) -> str:
    if isinstance(value, Token):
        return str(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return str(value)

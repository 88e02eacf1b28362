"""The generated configuration, read by Triton's own message."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import pytest
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import DataType, ModelConfig, ModelQueuePolicy

from training import contract
from training.export.config_pbtxt import MAX_BATCH_SIZE, model_config, to_text

VERTEX_COUNT = 778


@pytest.fixture(scope="module")
def parsed() -> Any:  # noqa: ANN401  (a generated message)
    return text_format.Parse(
        to_text(model_config(model="svr_hand", vertex_count=VERTEX_COUNT)), ModelConfig()
    )


def test_tensors_are_the_contracts(parsed: Any) -> None:  # noqa: ANN401
    tensors = [*parsed.input, *parsed.output]
    specs = [contract.INPUT, *contract.outputs(VERTEX_COUNT)]
    assert [(t.name, DataType.Name(t.data_type), tuple(t.dims)) for t in tensors] == [
        (spec.name, f"TYPE_{spec.dtype}", spec.shape) for spec in specs
    ]


def test_a_full_queue_refuses(parsed: Any) -> None:  # noqa: ANN401
    policy = parsed.dynamic_batching.default_queue_policy
    assert policy.timeout_action == ModelQueuePolicy.REJECT
    assert policy.max_queue_size >= parsed.max_batch_size
    assert policy.allow_timeout_override
    # Triton ignores the timeout of a request where the default is 0.
    assert policy.default_timeout_microseconds > 0


def test_one_file_serves_cpu_and_gpu(parsed: Any) -> None:  # noqa: ANN401
    assert list(parsed.instance_group) == []


def test_first_and_largest_batch_are_warm(parsed: Any) -> None:  # noqa: ANN401
    sizes = [warmup.batch_size for warmup in parsed.model_warmup]
    assert {1, MAX_BATCH_SIZE} <= set(sizes)
    assert sizes == sorted(set(sizes))
    for warmup in parsed.model_warmup:
        assert tuple(warmup.inputs[contract.INPUT.name].dims) == contract.INPUT.shape


def test_nothing_is_lost_in_the_text(parsed: Any) -> None:  # noqa: ANN401
    """Every field of the dataclasses arrives: the message has no other fields, and all of them."""
    config = model_config(model="svr_hand", vertex_count=VERTEX_COUNT)
    assert {entry.name for entry in dataclasses.fields(config)} == {
        descriptor.name for descriptor, _ in parsed.ListFields()
    }


@dataclass(frozen=True)
class Named:
    """A message with nothing but a string."""

    name: str


@pytest.mark.parametrize("name", ["plain", 'with "quotes"', "back\\slash", "ü"])
def test_strings_survive(name: str) -> None:
    assert text_format.Parse(to_text(Named(name)), ModelConfig()).name == name

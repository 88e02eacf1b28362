"""The generated configuration, read by Triton's own message."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import pytest
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import DataType, ModelConfig

from training import contract
from training.export.config_pbtxt import max_batch_size, model_config, to_text

VERTEX_COUNT = 778


@pytest.fixture(scope="module", params=[1, 8])
def views(request: pytest.FixtureRequest) -> int:
    """How many pictures the model looks at."""
    count: int = request.param
    return count


@pytest.fixture(scope="module")
def parsed(views: int) -> Any:  # noqa: ANN401  (a generated message)
    config = model_config(model="some_hand", vertex_count=VERTEX_COUNT, views=views)
    return text_format.Parse(to_text(config), ModelConfig())


def test_tensors_are_the_contracts(parsed: Any, views: int) -> None:  # noqa: ANN401
    tensors = [*parsed.input, *parsed.output]
    specs = [*contract.inputs(views), *contract.outputs(VERTEX_COUNT)]
    assert [(t.name, DataType.Name(t.data_type), tuple(t.dims)) for t in tensors] == [
        (spec.name, f"TYPE_{spec.dtype}", spec.shape) for spec in specs
    ]


def test_a_full_queue_refuses(parsed: Any) -> None:  # noqa: ANN401
    policy = parsed.dynamic_batching.default_queue_policy
    assert policy.max_queue_size >= parsed.max_batch_size


def test_the_queue_has_no_timeout_of_its_own(parsed: Any) -> None:  # noqa: ANN401
    """With one the batcher would sleep beside an idle instance (server#8870)."""
    assert parsed.dynamic_batching.default_queue_policy.default_timeout_microseconds == 0


def test_one_file_serves_cpu_and_gpu(parsed: Any) -> None:  # noqa: ANN401
    assert list(parsed.instance_group) == []


def test_first_and_largest_batch_are_warm(parsed: Any, views: int) -> None:  # noqa: ANN401
    sizes = [warmup.batch_size for warmup in parsed.model_warmup]
    assert {1, max_batch_size(views), parsed.max_batch_size} <= set(sizes)
    assert sizes == sorted(set(sizes))
    for warmup in parsed.model_warmup:
        dims = {name: tuple(made_up.dims) for name, made_up in warmup.inputs.items()}
        assert dims == {spec.name: spec.shape for spec in contract.inputs(views)}


def test_a_forward_looks_at_as_many_pictures_whatever_a_request_holds() -> None:
    assert [max_batch_size(views) * views for views in (1, 2, 4, 8, 16, 20)] == [16, 16, 16, 16, 16, 20]


def test_nothing_is_lost_in_the_text(parsed: Any, views: int) -> None:  # noqa: ANN401
    """Every field of the dataclasses arrives: the message has no other fields, and all of them."""
    config = model_config(model="some_hand", vertex_count=VERTEX_COUNT, views=views)
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

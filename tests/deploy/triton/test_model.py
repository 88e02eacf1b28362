"""`svr_hand` in the real Triton: what it reports, and that it answers what the file computes."""

from __future__ import annotations

import concurrent.futures
from typing import Any

import numpy as np
import pytest
import torch
from google.protobuf import text_format
from tritonclient.grpc import InferenceServerClient, InferenceServerException
from tritonclient.grpc.model_config_pb2 import ModelConfig

from deploy.triton.server import TritonServer
from tests.deploy.triton.conftest import outputs, pictures, tensor
from training import contract
from training.export.config_pbtxt import MAX_BATCH_SIZE, model_config, to_text
from training.export.graph import load
from training.hand.template import load_template

MODEL = "svr_hand"
VERTEX_COUNT = load_template().topology.vertex_count
NAMES = [spec.name for spec in contract.outputs(VERTEX_COUNT)]
TOLERANCE = 1e-4
"""Between batch sizes: a CPU's kernels add in another order."""

pytestmark = pytest.mark.triton


def test_reported_configuration_is_the_contracts(client: InferenceServerClient) -> None:
    reported = client.get_model_config(MODEL).config
    # Triton fills in the largest size as the preferred one.
    del reported.dynamic_batching.preferred_batch_size[:]
    wanted: Any = text_format.Parse(
        to_text(model_config(model=MODEL, vertex_count=VERTEX_COUNT)), ModelConfig()
    )
    for descriptor, value in wanted.ListFields():
        assert getattr(reported, descriptor.name) == value, descriptor.name


def test_reported_tensors_are_the_contracts(client: InferenceServerClient) -> None:
    metadata = client.get_model_metadata(MODEL)
    specs = [contract.INPUT, *contract.outputs(VERTEX_COUNT)]
    reported = [(t.name, t.datatype, tuple(t.shape)) for t in [*metadata.inputs, *metadata.outputs]]
    assert reported == [(spec.name, spec.dtype, (-1, *spec.shape)) for spec in specs]


def test_answers_are_the_modules(client: InferenceServerClient, triton: TritonServer) -> None:
    images = pictures(3, seed=1)
    answers = outputs(client.infer(MODEL, [tensor(images)]), NAMES)
    module = load(triton.repository / MODEL / "1" / "model.pt")
    with torch.inference_mode():
        wanted = module(torch.from_numpy(images))
    for name, output in zip(NAMES, wanted, strict=True):
        np.testing.assert_allclose(answers[name], output.numpy(), atol=TOLERANCE, rtol=0.0, err_msg=name)


def test_batch_equals_singles(client: InferenceServerClient) -> None:
    images = pictures(5, seed=2)
    together = outputs(client.infer(MODEL, [tensor(images)]), NAMES)
    for index in range(len(images)):
        alone = outputs(client.infer(MODEL, [tensor(images[index : index + 1])]), NAMES)
        for name in NAMES:
            np.testing.assert_allclose(
                together[name][index], alone[name][0], atol=TOLERANCE, rtol=0.0, err_msg=name
            )


def test_requests_that_arrive_together_get_each_its_own(
    client: InferenceServerClient, triton: TritonServer
) -> None:
    images = pictures(24, seed=3)
    expected = np.concatenate(
        [
            client.infer(MODEL, [tensor(images[first : first + 8])]).as_numpy("vertices__0")
            for first in (0, 8, 16)
        ]
    )
    before = _counts(client)
    with (
        InferenceServerClient(triton.grpc_url) as shared,
        concurrent.futures.ThreadPoolExecutor(len(images)) as pool,
    ):
        answers = list(pool.map(lambda image: shared.infer(MODEL, [tensor(image[None])]), images))
    for answer, vertices_m in zip(answers, expected, strict=True):
        np.testing.assert_allclose(answer.as_numpy("vertices__0")[0], vertices_m, atol=TOLERANCE, rtol=0.0)
    inferences, executions = (after - earlier for after, earlier in zip(_counts(client), before, strict=True))
    assert inferences == len(images)
    assert executions < inferences, "the server joined no requests"


@pytest.mark.parametrize(
    ("images", "reason"),
    [
        (np.zeros((1, 64, 64, 3), np.uint8), "unexpected shape"),
        (np.zeros((1, 128, 128, 4), np.uint8), "unexpected shape"),
        (np.zeros((MAX_BATCH_SIZE + 1, 128, 128, 3), np.uint8), "batch-size"),
    ],
    ids=["small", "rgba", "too many"],
)
def test_wrong_input_is_refused_and_named(
    client: InferenceServerClient, images: np.ndarray[Any, Any], reason: str
) -> None:
    with pytest.raises(InferenceServerException, match=reason):
        client.infer(MODEL, [tensor(images)])
    assert client.is_model_ready(MODEL)


def _counts(client: InferenceServerClient) -> tuple[int, int]:
    """Return how many inferences, and how many executions, the model has made."""
    statistics = client.get_inference_statistics(MODEL).model_stats[0]
    return statistics.inference_count, statistics.execution_count

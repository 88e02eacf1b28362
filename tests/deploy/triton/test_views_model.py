"""`mvr_hand` in the real Triton: what it reports, and that it answers what the file computes."""

from __future__ import annotations

import concurrent.futures
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn
from tritonclient.grpc import InferenceServerClient, InferenceServerException, InferInput

from deploy.triton.server import TritonServer
from tests.deploy.triton.conftest import outputs
from tests.deploy.triton.test_model import assert_reported_configuration
from tests.untrained import SMALL_VIEWS
from training import contract
from training.export.config_pbtxt import max_batch_size
from training.export.graph import ServedViews, load
from training.hand.template import load_template

MODEL = "mvr_hand"
VIEWS = SMALL_VIEWS.views
VERTEX_COUNT = load_template().topology.vertex_count
SPECS = contract.inputs(VIEWS)
NAMES = [spec.name for spec in contract.outputs(VERTEX_COUNT)]
TOLERANCE = 1e-4
COUNTED_TIMEOUT_S = 10.0

pytestmark = pytest.mark.triton

Arrays = list[NDArray[Any]]


@pytest.fixture
def client(views_triton: TritonServer) -> Iterator[InferenceServerClient]:
    with InferenceServerClient(views_triton.grpc_url) as opened:
        yield opened


def groups(count: int, *, seed: int) -> Arrays:
    """Return views, which there are, and targets."""
    return [tensor.numpy() for tensor in ServedViews(nn.Identity(), views=VIEWS).samples(count, seed=seed)]


def tensors(arrays: Arrays) -> list[InferInput]:
    """Return the inputs that carry them."""
    carried = [
        InferInput(spec.name, list(array.shape), spec.dtype)
        for spec, array in zip(SPECS, arrays, strict=True)
    ]
    for tensor, array in zip(carried, arrays, strict=True):
        tensor.set_data_from_numpy(array)
    return carried


def test_reported_configuration_is_the_contracts(client: InferenceServerClient) -> None:
    assert_reported_configuration(client, model=MODEL, views=VIEWS)


def test_reported_tensors_are_the_contracts(client: InferenceServerClient) -> None:
    metadata = client.get_model_metadata(MODEL)
    reported = [(t.name, t.datatype, tuple(t.shape)) for t in [*metadata.inputs, *metadata.outputs]]
    specs = [*SPECS, *contract.outputs(VERTEX_COUNT)]
    assert reported == [(spec.name, spec.dtype, (-1, *spec.shape)) for spec in specs]


def test_answers_are_the_modules(client: InferenceServerClient, views_triton: TritonServer) -> None:
    arrays = groups(max_batch_size(VIEWS), seed=1)
    answers = outputs(client.infer(MODEL, tensors(arrays)), NAMES)
    module = load(views_triton.repository / MODEL / "1" / "model.pt")
    with torch.inference_mode():
        wanted = module(*map(torch.from_numpy, arrays))
    for name, output in zip(NAMES, wanted, strict=True):
        np.testing.assert_allclose(answers[name], output.numpy(), atol=TOLERANCE, rtol=0.0, err_msg=name)


def test_requests_that_arrive_together_get_each_its_own(
    client: InferenceServerClient, views_triton: TritonServer
) -> None:
    requests = [[array[row : row + 1] for array in groups(7, seed=2)] for row in range(7)]
    alone = [client.infer(MODEL, tensors(request)).as_numpy("vertices__0") for request in requests]
    before = _counts(client)
    with (
        InferenceServerClient(views_triton.grpc_url) as shared,
        concurrent.futures.ThreadPoolExecutor(len(requests)) as pool,
    ):
        answers = list(pool.map(lambda request: shared.infer(MODEL, tensors(request)), requests))
    for answer, vertices_m in zip(answers, alone, strict=True):
        np.testing.assert_allclose(answer.as_numpy("vertices__0"), vertices_m, atol=TOLERANCE, rtol=0.0)
    executions = _executions_of(client, len(requests), since=before)
    assert executions < len(requests), "the server joined no requests"


def test_wrong_inputs_are_refused_and_named(client: InferenceServerClient) -> None:
    images, valid, target = groups(1, seed=3)
    for arrays, reason in (
        ([images[:, 1:], valid, target], "unexpected shape"),
        ([images, valid[:, 1:], target], "unexpected shape"),
        (groups(max_batch_size(VIEWS) + 1, seed=3), "batch-size"),
    ):
        with pytest.raises(InferenceServerException, match=reason):
            client.infer(MODEL, tensors(arrays))
    with pytest.raises(InferenceServerException, match="expected 3 inputs"):
        client.infer(MODEL, tensors([images, valid, target])[:2])
    assert client.is_model_ready(MODEL)


def _executions_of(client: InferenceServerClient, inferences: int, *, since: tuple[int, int]) -> int:
    """Return in how many executions so many inferences were made; Triton counts after it has answered."""
    deadline_s = time.monotonic() + COUNTED_TIMEOUT_S
    while (counts := _counts(client))[0] < since[0] + inferences:
        assert time.monotonic() < deadline_s, f"{counts[0] - since[0]} of {inferences} were counted"
        time.sleep(0.02)
    return counts[1] - since[1]


def _counts(client: InferenceServerClient) -> tuple[int, int]:
    """Return how many inferences, and how many executions, the model has made."""
    statistics = client.get_inference_statistics(MODEL).model_stats[0]
    return statistics.inference_count, statistics.execution_count

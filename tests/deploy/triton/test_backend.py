"""The TorchScript backend and its queue, with a model that fails or dawdles when told to."""

from __future__ import annotations

import queue
import time
from typing import TypeAlias

import numpy as np
import pytest
from tritonclient.grpc import InferenceServerClient, InferenceServerException, InferResult

from tests.deploy.triton.conftest import POISON, SLOW, UNRULY, UNRULY_QUEUE, Images, ordered, tensor

pytestmark = pytest.mark.triton

Answer: TypeAlias = InferResult | InferenceServerException
ANSWER_TIMEOUT_S = 60.0


def send(
    client: InferenceServerClient, images: list[Images], *, client_timeout_s: float | None = None
) -> list[Answer]:
    """Send one request for each of `images` while a slow one runs, so that they wait together."""
    answers: queue.Queue[tuple[int, Answer]] = queue.Queue()

    def keep(index: int, result: InferResult | None, error: InferenceServerException | None) -> None:
        answers.put((index, error if result is None else result))

    client.async_infer(UNRULY, [tensor(ordered(SLOW)[0])], lambda result, error: None)
    time.sleep(0.1)
    for index, image in enumerate(images):
        client.async_infer(
            UNRULY,
            [tensor(image)],
            lambda result, error, index=index: keep(index, result, error),
            client_timeout=client_timeout_s,
        )
    collected = dict(answers.get(timeout=ANSWER_TIMEOUT_S) for _ in images)
    return [collected[index] for index in range(len(images))]


def reason(answer: Answer) -> str:
    """Return why a request failed; empty if it did not."""
    return str(answer) if isinstance(answer, InferenceServerException) else ""


def test_a_poisoned_request_fails_alone(unruly_client: InferenceServerClient) -> None:
    images = ordered(0, POISON, 0)
    before = executions(unruly_client)
    answers = send(unruly_client, images)
    assert ["poisoned" in reason(answer) for answer in answers] == [False, True, False]
    for image, answer in zip(images[::2], answers[::2], strict=True):
        assert isinstance(answer, InferResult)
        np.testing.assert_allclose(answer.as_numpy("means__0"), image.mean(axis=(1, 2)), rtol=1e-6)
    assert executions(unruly_client) - before == 2, "the three were not joined into one batch"


def test_pictures_of_different_size_are_answered(unruly_client: InferenceServerClient) -> None:
    images = [*ordered(0, size_px=8), *ordered(0, size_px=12), *ordered(0, size_px=8)]
    for image, answer in zip(images, send(unruly_client, images), strict=True):
        assert isinstance(answer, InferResult), reason(answer)
        np.testing.assert_allclose(answer.as_numpy("means__0"), image.mean(axis=(1, 2)), rtol=1e-6)


def test_a_full_queue_refuses_and_the_rest_is_served(unruly_client: InferenceServerClient) -> None:
    answers = send(unruly_client, ordered(*[0] * (UNRULY_QUEUE + 2)))
    refused = [answer for answer in answers if isinstance(answer, InferenceServerException)]
    assert len(refused) == 2
    for refusal in refused:
        assert "Exceeds maximum queue size" in refusal.message()
        assert refusal.status() == "StatusCode.UNAVAILABLE"


def test_a_request_whose_caller_has_gone_is_dropped(unruly_client: InferenceServerClient) -> None:
    before = inferences(unruly_client)
    (answer,) = send(unruly_client, ordered(0), client_timeout_s=0.05)
    assert "Deadline Exceeded" in reason(answer)
    (behind,) = send(unruly_client, ordered(0))
    assert isinstance(behind, InferResult), reason(behind)
    assert inferences(unruly_client) - before == 3, "the two slow ones, and the one that was waited for"


def executions(client: InferenceServerClient) -> int:
    """Return how often the model has run."""
    return int(client.get_inference_statistics(UNRULY).model_stats[0].execution_count)


def inferences(client: InferenceServerClient) -> int:
    """Return how many pictures it has looked at."""
    return int(client.get_inference_statistics(UNRULY).model_stats[0].inference_count)

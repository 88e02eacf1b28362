"""The averaged weights are the average that they claim to be."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from training.engine.averaging import FIRST_UPDATES, AveragedWeights


def module() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


def disturbed(network: nn.Module) -> None:
    with torch.no_grad():
        for value in network.state_dict().values():
            value.add_(torch.ones_like(value))


def test_it_is_the_recurrence_with_a_rising_decay() -> None:
    network = module()
    average = AveragedWeights(network, decay=0.3)
    expected = copy.deepcopy(network.state_dict()["0.weight"])
    for update in range(7):
        disturbed(network)
        decay = min(0.3, (1 + update) / (FIRST_UPDATES + update))
        expected = decay * expected + (1 - decay) * network.state_dict()["0.weight"]
        average.update(network)
        torch.testing.assert_close(average.weights["0.weight"], expected)
    assert average.updates == 7


def test_the_average_of_what_does_not_move_stays() -> None:
    network = module()
    average = AveragedWeights(network, decay=0.9)
    for _ in range(5):
        average.update(network)
    for name, value in network.state_dict().items():
        torch.testing.assert_close(average.weights[name], value)


def test_without_decay_it_is_the_last_state() -> None:
    network = module()
    average = AveragedWeights(network, decay=0.0)
    disturbed(network)
    average.update(network)
    for name, value in network.state_dict().items():
        assert torch.equal(average.weights[name], value)


def test_counters_are_copied_not_averaged() -> None:
    network = module()
    average = AveragedWeights(network, decay=0.9)
    disturbed(network)
    average.update(network)
    assert average.weights["1.num_batches_tracked"].item() == 1
    assert average.weights["1.num_batches_tracked"].dtype == torch.int64


def test_it_does_not_follow_the_module_between_updates() -> None:
    network = module()
    average = AveragedWeights(network, decay=0.5)
    before = average.weights["0.weight"].clone()
    disturbed(network)
    assert torch.equal(average.weights["0.weight"], before)


def test_it_goes_on_from_what_was_saved() -> None:
    network = module()
    one, other = AveragedWeights(network, decay=0.9), AveragedWeights(network, decay=0.9)
    disturbed(network)
    one.update(network)
    other.restore({name: value.clone() for name, value in one.weights.items()}, updates=one.updates)
    disturbed(network)
    one.update(network)
    other.update(network)
    for name, value in one.weights.items():
        assert torch.equal(other.weights[name], value)


def test_weights_of_another_module_are_refused() -> None:
    average = AveragedWeights(module(), decay=0.9)
    with pytest.raises(ValueError, match="averaged weights differ"):
        average.restore(dict(nn.Linear(3, 4).state_dict()), updates=1)


@pytest.mark.parametrize("decay", [-0.1, 1.0, float("nan")])
def test_a_decay_out_of_range_is_refused(decay: float) -> None:
    with pytest.raises(ValueError, match="decay must be in"):
        AveragedWeights(module(), decay=decay)

"""Which device a name means, also where torchrun starts several processes."""

from __future__ import annotations

import pytest
import torch

from training.device import available_device


@pytest.mark.parametrize(("local_rank", "index"), [(None, 0), ("0", 0), ("1", 1), ("3", 1)])
def test_each_process_of_a_team_has_a_gpu_of_its_own(
    monkeypatch: pytest.MonkeyPatch, local_rank: str | None, index: int
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    if local_rank is None:
        monkeypatch.delenv("LOCAL_RANK", raising=False)
    else:
        monkeypatch.setenv("LOCAL_RANK", local_rank)
    assert available_device("cuda") == torch.device("cuda", index)
    assert available_device("cuda:0") == torch.device("cuda", 0)
    assert available_device("cpu") == torch.device("cpu")


def test_a_device_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(ValueError, match="there is no cuda: torch sees 0 CUDA devices"):
        available_device("cuda")

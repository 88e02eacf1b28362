"""Where a run computes, by the name that a user gives."""

from __future__ import annotations

import os

import torch


def available_device(name: str) -> torch.device:
    """Return a device that there is; of `cuda`, each process that torchrun starts gets one of its own.

    Raises:
        ValueError: The name is not that of a processor or a CUDA device, or there is no such device.
    """
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"--device must be cpu, cuda or cuda:N, got {name!r}") from error
    if device.type not in {"cpu", "cuda"}:
        raise ValueError(f"--device must be cpu, cuda or cuda:N, got {name!r}")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(f"there is no {name}: torch sees {torch.cuda.device_count()} CUDA devices")
    if device.type == "cuda":
        # Batches keep their size: the fastest convolutions are worth the looking for.
        torch.backends.cudnn.benchmark = True
    if device == torch.device("cuda"):
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
    return device

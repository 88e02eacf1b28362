"""The network alone, in a loop: what no server can beat.

`python -m deploy.bench.contenders.bare_torchscript MODEL` reads lines `{"batch": 8, "seconds": 2}` and
answers each with the images a second that it reached.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch

from training.contract import IMAGE_SIZE_PX


def images_per_second(network: Any, *, batch: int, seconds: float) -> float:  # noqa: ANN401 - TorchScript is untyped
    """Run one batch again and again, on one thread, after two runs that do not count."""
    images = torch.randint(0, 256, (batch, IMAGE_SIZE_PX, IMAGE_SIZE_PX, 3), dtype=torch.uint8)
    with torch.inference_mode():
        for _ in range(2):
            network(images)
        runs, start_s = 0, time.perf_counter()
        while time.perf_counter() < start_s + seconds:
            network(images)
            runs += 1
        return runs * batch / (time.perf_counter() - start_s)


def main(model: Path) -> None:
    """Serve orders from stdin until it closes."""
    torch.set_num_threads(1)
    network = torch.jit.load(model, map_location="cpu").eval()  # type: ignore[no-untyped-call]
    for line in sys.stdin:
        order = json.loads(line)
        rate = images_per_second(network, batch=order["batch"], seconds=order["seconds"])
        print(json.dumps(rate), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""`python -m deploy.images`: build the images without an engine, run the gateway's, and print their sizes.

Needs root and Debian's packages buildah and mmdebstrap. Everything it makes lies in `.cache/images`.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path

from deploy.images.builder import Builder, ImageError, Layer
from deploy.images.trial import try_gateway, try_models
from deploy.triton.install import CHECKOUT, TritonError

NOT_PROVED = """\
Not proved by this:
  - The base is no python:3.11-slim-bookworm (which cannot be had without a registry of images), but Debian
    bookworm with its own Python 3.11 and pip. Its size says nothing about the real one's, and is left out.
  - Buildah ran the steps, not BuildKit. Layers are packed by gzip, as a registry's are.
  - No engine ran the image: no seccomp filter, no limits of memory, no published ports, no network of its
    own; the health check's command ran once, its schedule never.
  - Triton's image was built on the same base, for its COPY step; NVIDIA's own was never here. That Triton
    takes the flags is shown by the tests, with the wheel's version.
  - x86-64 alone."""


def main(argv: list[str] | None = None) -> int:
    """Build and try; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m deploy.images", description=__doc__)
    parser.add_argument("--store", type=Path, default=CHECKOUT / ".cache" / "images")
    arguments = parser.parse_args(argv)
    try:
        builder = Builder(arguments.store)
        base = builder.base()
        print("Dockerfile, every step:", flush=True)
        gateway = builder.build(CHECKOUT / "Dockerfile", context=CHECKOUT, arguments={"PYTHON_IMAGE": base})
        print_layers(builder.layers(gateway))
        with tempfile.TemporaryDirectory() as scratch:
            for line in try_gateway(builder, gateway, log=Path(scratch) / "gateway.log"):
                print(f"  ok  {line}", flush=True)
        print("deploy/triton/Dockerfile, on the same base:", flush=True)
        triton = builder.build(
            CHECKOUT / "deploy" / "triton" / "Dockerfile", context=CHECKOUT, arguments={"TRITON_IMAGE": base}
        )
        print_layers(builder.layers(triton))
        for line in try_models(builder, triton):
            print(f"  ok  {line}", flush=True)
    except (ImageError, TritonError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(NOT_PROVED)
    return 0


def print_layers(layers: list[Layer]) -> None:
    """Print what each layer above the base weighs, and what they weigh together."""
    print("   packed  unpacked")
    for layer in layers[1:]:
        step = re.sub(r".*#\(nop\) | (dir|file|multi):\w+", "", layer.step).strip()
        print(f"{layer.packed_bytes / 1e6:7.2f} MB {layer.unpacked_bytes / 1e6:7.2f} MB  {step[:60]}")
    packed = sum(layer.packed_bytes for layer in layers[1:])
    unpacked = sum(layer.unpacked_bytes for layer in layers[1:])
    print(f"{packed / 1e6:7.2f} MB {unpacked / 1e6:7.2f} MB  above the base", flush=True)


if __name__ == "__main__":
    sys.exit(main())

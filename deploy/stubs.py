"""`make stubs`: the gRPC messages as Python classes, made from the proto by the pinned compiler."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from grpc_tools import protoc

from deploy.triton.install import CHECKOUT

PROTO = CHECKOUT / "service" / "rpc" / "hand_mesh.proto"


def generate(proto: Path) -> Mapping[str, str]:
    """Return the generated files' text by their names: the messages, and their types.

    The service's own classes are not made: `service.rpc.servicer` parses bytes itself, so that what is no
    message gets its proper status.

    Raises:
        ValueError: The compiler refused the proto; it has said why on stderr.
    """
    with tempfile.TemporaryDirectory() as folder:
        # The file's name inside the descriptor is relative to -I, so every copy calls it the same.
        arguments = ["", f"-I{proto.parent}", f"--python_out={folder}", f"--pyi_out={folder}", proto.name]
        if protoc.main(arguments) != 0:
            raise ValueError(f"protoc refused {proto}")
        return {path.name: path.read_text(encoding="utf-8") for path in sorted(Path(folder).iterdir())}


def main() -> int:
    """Write the files beside the proto."""
    for name, text in generate(PROTO).items():
        (PROTO.parent / name).write_text(text, encoding="utf-8")
        print(PROTO.parent / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())

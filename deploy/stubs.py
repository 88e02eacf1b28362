"""`make stubs`: the gRPC messages as Python classes, made from the proto by the pinned compiler.

The service and the Python client import nothing of each other: each has the proto and its classes.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from grpc_tools import protoc

from deploy.triton.install import CHECKOUT

PROTO = CHECKOUT / "service" / "rpc" / "hand_mesh.proto"
COPIES = (CHECKOUT / "clients" / "python" / "sima_hand_client" / "rpc",)
"""Folders that hold the proto and its classes as well."""


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


def committed() -> Mapping[Path, str]:
    """Return all files that are made of the proto, as they should be."""
    classes = generate(PROTO)
    copies = {PROTO.name: PROTO.read_text(encoding="utf-8"), **classes}
    own = {PROTO.parent / name: text for name, text in classes.items()}
    return own | {folder / name: text for folder in COPIES for name, text in copies.items()}


def main() -> int:
    """Write the files."""
    for path, text in committed().items():
        path.write_text(text, encoding="utf-8")
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())

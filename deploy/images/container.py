"""Run an image's command as a runtime would: its root, read-only, its user, no privileges, process 1."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from deploy.images.builder import ImageError, Recipe

# A read-only view of the files, /tmp as memory, /proc of the new process space, this machine's devices.
ENTER = """
set -e
mount --bind "$ROOT" "$ROOT"
mount -o remount,bind,ro "$ROOT"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$ROOT/tmp"
mount -t proc proc "$ROOT/proc"
mount --rbind /dev "$ROOT/dev"
cd "$ROOT"
exec chroot "$ROOT" setpriv --reuid "$WHO" --regid "$GROUP" --clear-groups --no-new-privs \
    --inh-caps=-all --bounding-set=-all env -i --chdir="$FOLDER" "$@"
"""

STOP_TIMEOUT_S = 30.0


class Container:
    """An unpacked image and how it wants to be run."""

    def __init__(self, root: Path, recipe: Recipe, *, settings: Mapping[str, str]) -> None:
        """Use the files at `root`; `settings` are added to the image's environment."""
        self._root = root
        self._recipe = recipe
        self._settings = settings

    def run(self, *command: str, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self._words(command), env=self._outside(), check=False, capture_output=True, text=True,
            timeout=timeout_s,
        )  # fmt: skip

    @contextlib.contextmanager
    def running(self, log: Path) -> Iterator[int]:
        """Run the image's own command during the body, which gets its process id; then end it in order.

        Raises:
            ImageError: It did not start, or did not end by itself within half a minute of SIGTERM.
        """
        with log.open("wb") as sink:
            outer = subprocess.Popen(
                self._words(self._recipe.command), env=self._outside(), stdout=sink, stderr=sink
            )
        try:
            pid = _only_child(outer, log)
            yield pid
            os.kill(pid, signal.SIGTERM)
            try:
                outer.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired as error:
                raise ImageError(f"still there {STOP_TIMEOUT_S:.0f} s after SIGTERM") from error
        finally:
            outer.kill()
            outer.wait()

    def _words(self, command: Sequence[str]) -> list[str]:
        environment = {**self._recipe.environment, **self._settings}
        settings = [f"{name}={value}" for name, value in environment.items()]
        alone = ["unshare", "--mount", "--pid", "--ipc", "--fork", "--kill-child"]
        return [*alone, "sh", "-c", ENTER, "sh", *settings, *command]

    def _outside(self) -> dict[str, str]:
        user, _, group = self._recipe.user.partition(":")
        own = {"ROOT": str(self._root), "WHO": user, "GROUP": group or user, "FOLDER": self._recipe.folder}
        return {"PATH": os.environ["PATH"], **own}


def _only_child(outer: subprocess.Popen[bytes], log: Path) -> int:
    children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
    while outer.poll() is None:
        if words := children.read_text().split():
            return int(words[0])
    raise ImageError(f"it ended at once with {outer.returncode}:\n{log.read_text(errors='replace')[-2000:]}")

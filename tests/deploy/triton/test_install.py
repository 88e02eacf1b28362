"""Assembling Triton."""

from __future__ import annotations

import platform
import sysconfig
from pathlib import Path

import pytest

from deploy.triton.install import DEFAULT_ROOT, PYTORCH_BACKEND, TritonInstallError, install


def test_installing_again_changes_nothing() -> None:
    first = install()
    before = {path: path.lstat().st_mtime_ns for path in DEFAULT_ROOT.glob("*") if path != first.logs}
    assert install() == first
    assert {path: path.lstat().st_mtime_ns for path in before} == before


def test_checkouts_backend_is_the_one_that_runs() -> None:
    backends = install().backends
    assert (backends / "pytorch" / "model.py").samefile(PYTORCH_BACKEND / "model.py")
    assert (backends / "python" / "triton_python_backend_stub").is_file()


def test_another_machine_is_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(TritonInstallError, match="SIMAHAND_ENGINE=embedded"):
        install(tmp_path / "triton")
    assert list(tmp_path.iterdir()) == []


def test_python_without_shared_library_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    known = sysconfig.get_config_var
    monkeypatch.setattr(
        sysconfig, "get_config_var", lambda name: str(tmp_path) if name == "LIBDIR" else known(name)
    )
    with pytest.raises(TritonInstallError, match="--enable-shared"):
        install(tmp_path / "triton")

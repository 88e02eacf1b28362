"""The house rules that a reader relies on: who imports whom, how large a thing may grow, what is there."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("training", "service", "clients", "deploy", "tests")
TOP_LEVEL = {
    "training", "service", "model_repository", "clients", "deploy", "tests", "docs", ".ci",
    "README.md", "pyproject.toml", "constraints.txt", "Makefile", "Dockerfile", "CHANGELOG.md",
    "CONTRIBUTING.md", "LICENSE", "NOTICE", ".gitignore", ".dockerignore",
}  # fmt: skip

FOREIGN = {
    "training": {"service", "sima_hand_client", "deploy", "tests", "fastapi", "tritonclient"},
    "service": {"training", "sima_hand_client", "deploy", "tests", "torch"},
    "clients": {"training", "service", "deploy", "tests", "torch", "tritonclient"},
}
"""Roots that a room must not import; rooms meet at files and wires."""

MAY_IMPORT_TORCH_LAZILY = {Path("service/engines/embedded.py")}

RUN_THE_GATEWAY_S_CODE = {"fuzz", "bulk"}
"""Parts of deploy that try or use the gateway's own decoding, without a gateway."""

LAYERS = (
    {"contract"},
    {"tensors", "compiler", "device", "files", "toml_tables"},
    {"config"},
    {"hand"},
    {"data", "synthetic", "networks", "losses", "metrics"},
    {"engine", "checkpoint"},
    {"train", "evaluate", "export"},
    {"study"},
    {"__main__"},
)
"""Inside training, a room imports only rooms of an earlier layer, and itself."""

MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 60


def tracked(pattern: str) -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", pattern],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return [Path(line) for line in listing.splitlines() if (ROOT / line).is_file()]


PYTHON_FILES = tracked("*.py")


def parse(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), filename=str(path))


def imported(tree: ast.AST) -> set[str]:
    """Return the dotted names of all modules that are imported anywhere below `tree`."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            base = node.module or ""
            names |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return names


def imported_at_top(tree: ast.Module) -> set[str]:
    return set().union(
        *(imported(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom))
    )


@pytest.mark.parametrize("room", FOREIGN)
def test_a_room_imports_nothing_of_another(room: str) -> None:
    for path in PYTHON_FILES:
        if path.parts[0] != room:
            continue
        tree = parse(path)
        names = imported_at_top(tree) if path in MAY_IMPORT_TORCH_LAZILY else imported(tree)
        roots = {name.split(".")[0] for name in names}
        assert not roots & FOREIGN[room], f"{path} imports {roots & FOREIGN[room]}"


def test_only_tests_and_the_benchmark_import_everything() -> None:
    for path in PYTHON_FILES:
        if path.parts[0] != "deploy" or path.parts[1] == "bench":
            continue
        others = {"training", "service", "sima_hand_client"}
        if path.parts[1] in RUN_THE_GATEWAY_S_CODE:
            others.remove("service")
        roots = {name.split(".")[0] for name in imported(parse(path))}
        assert not roots & others, f"{path} imports {roots}"


def training_layer(room: str) -> int:
    matches = [index for index, layer in enumerate(LAYERS) if room in layer]
    assert matches, f"training/{room} stands in no layer of {Path(__file__).name}"
    return matches[0]


def test_imports_inside_training_run_one_way() -> None:
    for path in PYTHON_FILES:
        if path.parts[0] != "training" or path == Path("training/__init__.py"):
            continue
        own = Path(path.parts[1]).stem
        for name in imported(parse(path)):
            parts = name.split(".")
            if parts[0] != "training" or len(parts) < 2 or parts[1] == own:
                continue
            assert training_layer(parts[1]) < training_layer(own), f"{path} imports {name}"


def test_the_model_repository_holds_no_python() -> None:
    assert not [path for path in PYTHON_FILES if path.parts[0] == "model_repository"]


def test_the_top_level_is_the_agreed_one() -> None:
    assert {path.parts[0] for path in tracked("*")} <= TOP_LEVEL


@pytest.mark.parametrize("path", PYTHON_FILES, ids=str)
def test_files_and_functions_stay_small(path: Path) -> None:
    if path.stem.endswith("_pb2"):
        return  # made by a compiler
    tree = parse(path)
    lines = (ROOT / path).read_text(encoding="utf-8").count("\n")
    assert lines <= MAX_FILE_LINES, f"{path} has {lines} lines"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            size = node.end_lineno - node.lineno + 1
            assert size <= MAX_FUNCTION_LINES, f"{path}:{node.lineno} {node.name} has {size} lines"


def test_no_network_opens_a_file_or_reads_a_run() -> None:
    for path in PYTHON_FILES:
        if path.parts[:2] != ("training", "networks") or path.name in {"build.py", "summary.py"}:
            continue
        names = imported(parse(path))
        assert not {name for name in names if name.startswith(("training.config", "pathlib"))}, path
        calls = [
            n.func.id
            for n in ast.walk(parse(path))
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
        ]
        assert "open" not in calls, path


def test_no_branch_in_a_forward() -> None:
    for path in PYTHON_FILES:
        if path.parts[:2] != ("training", "networks"):
            continue
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.FunctionDef) and node.name == "forward":
                branches = [child for child in ast.walk(node) if isinstance(child, ast.If | ast.IfExp)]
                assert not branches, f"{path}:{node.lineno} forward branches"

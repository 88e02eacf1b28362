"""The paper's chain, by the commands that a user types: encoder, teacher, student, and what comes of them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from training.__main__ import main
from training.checkpoint import load_checkpoint
from training.config import load_recipe, with_data
from training.data.order import Course
from training.losses.criterion import Criterion
from training.tensors import ViewsBatch
from training.train.logbook import Logbook
from training.train.stop import StopRequest
from training.train.trainer import Trainer

FEW = """
base = "smoke"
[data]
workers = 0
min_visible_vertices = 0.0
"""
ENCODER = (
    FEW
    + """
[[stages]]
name = "encoder"
scope = "shape"
steps = 2
batch_size = 4
[stages.losses]
joints_uv = 1.0
"""
)
TEACHER = (
    FEW
    + """
[network]
views = 2
"""
)
STUDENT = (
    FEW
    + """
[adaptation]
shape = "lifted"
orientation = "fused"
"""
)


@pytest.fixture(scope="module")
def runs(drawn_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train encoder, teacher and student one after the other; return the folder of their runs."""
    root = tmp_path_factory.mktemp("chain")
    steps = {
        "encoder": (ENCODER, []),
        "teacher": (TEACHER, ["--init", root / "encoder" / "last.pt"]),
        "student": (
            STUDENT,
            ["--init", root / "encoder" / "last.pt", "--teacher", root / "teacher" / "last.pt"],
        ),
    }
    for name, (recipe, arguments) in steps.items():
        path = root / f"{name}.toml"
        path.write_text(recipe, encoding="utf-8")
        words = ["train", path, "--data", drawn_data, "--out", root / name, *arguments]
        assert main([str(word) for word in words]) == 0
    return root


def test_each_run_ends_and_counts_every_picture(runs: Path) -> None:
    seen = {
        name: load_checkpoint(runs / name / "last.pt").images_seen
        for name in ("encoder", "teacher", "student")
    }
    # Two steps of 4 pictures; then two stages of four steps with 4 groups of 2 views each.
    assert seen == {"encoder": 8, "teacher": 8 + 64, "student": 8 + 64}


def test_the_teacher_starts_from_the_encoder(
    runs: Path, drawn_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    encoder = load_checkpoint(runs / "encoder" / "last.pt")
    recipe = load_recipe(str(runs / "teacher.toml"))
    config = dataclasses.replace(recipe, data=dataclasses.replace(recipe.data, root=str(drawn_data)))
    with Logbook(tmp_path) as logbook:
        teacher = Trainer(config, out=tmp_path, logbook=logbook)
        fresh = {name: value.clone() for name, value in teacher.network.state_dict().items()}
        teacher.start_from(encoder)
    assert "fresh: orientation.fuse_joints\n" in "".join(capsys.readouterr())
    for name, value in teacher.network.state_dict().items():
        if name.startswith("orientation.fuse_joints."):
            assert value.equal(fresh[name]), name
        elif not name.startswith("orientation.fuse_images."):
            assert value.equal(encoder.best_weights[name]), name


def test_the_card_of_a_student_names_its_teacher(runs: Path) -> None:
    teacher = load_checkpoint(runs / "student" / "last.pt").data["teacher"]
    assert (teacher["stage"], teacher["images_seen"]) == ("full", 72)


def test_the_student_is_exported_as_any_single_view_network(runs: Path, tmp_path: Path) -> None:
    assert main(["export", str(runs / "student" / "last.pt"), "--repository", str(tmp_path)]) == 0
    card = json.loads((tmp_path / "svr_hand" / "1" / "card.json").read_text())
    assert card["data"]["teacher"]["stage"] == "full"


@pytest.mark.parametrize("name", ["teacher", "student"])
def test_both_are_measured_on_every_view(name: str, runs: Path, drawn_data: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores.json"
    words = ["evaluate", runs / name / "last.pt", "--data", drawn_data, "--json", out]
    assert main([str(word) for word in words]) == 0
    assert json.loads(out.read_text())["scores"]["landmarks"]["hands"] == 12


def test_a_run_with_a_teacher_goes_on_where_it_was(runs: Path, drawn_data: Path, tmp_path: Path) -> None:
    words = ["train", runs / "student.toml", "--data", drawn_data, "--out", tmp_path / "again"]
    words += ["--teacher", runs / "teacher" / "last.pt"]
    first = [*map(str, words), "--init", str(runs / "encoder" / "last.pt"), "--steps", "5"]
    assert main(first) == 0
    assert main([*map(str, words), "--resume"]) == 0
    whole, halves = (load_checkpoint(path / "last.pt") for path in (runs / "student", tmp_path / "again"))
    assert whole.images_seen == halves.images_seen
    for name, value in whole.weights.items():
        assert halves.weights[name].equal(value), name


def test_a_run_does_not_go_on_beside_another_teacher(
    runs: Path, drawn_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", runs / "student.toml", "--data", drawn_data, "--out", tmp_path / "again"]
    words += ["--resume", runs / "student" / "last.pt", "--teacher", runs / "teacher" / "shape.pt"]
    assert main([str(word) for word in words]) == 2
    assert "has another teacher: --teacher names the same one again" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["student.toml"], "give its checkpoint with --teacher"),
        (["teacher.toml", "--teacher", "teacher/last.pt"], "a multi-view network has no teacher"),
        (["student.toml", "--teacher", "student/last.pt"], "looks at 1 view; several are wanted"),
        (
            ["svr_compact", "--init", "encoder/last.pt"],
            "the checkpoint has trunk_channels 8, the recipe's network 64",
        ),
    ],
)
def test_what_does_not_fit_is_refused(
    arguments: list[str],
    complaint: str,
    runs: Path,
    drawn_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = [str(runs / word) if (runs / word).exists() else word for word in arguments]
    assert main(["train", *words, "--data", str(drawn_data), "--out", str(tmp_path / "out")]) == 2
    assert complaint in capsys.readouterr().err


def test_a_multi_view_network_is_not_measured_on_photos(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(runs / "teacher" / "last.pt"), "--photos", str(tmp_path)]) == 2
    assert "show one view each" in capsys.readouterr().err


def test_the_teacher_is_exported_as_a_model_of_its_views(runs: Path, tmp_path: Path) -> None:
    assert main(["export", str(runs / "teacher" / "last.pt"), "--repository", str(tmp_path)]) == 0
    assert json.loads((tmp_path / "mvr_hand" / "contract.json").read_text())["views"] == 2


@pytest.mark.parametrize(
    ("network", "fresh"),
    [
        ("mesh_convolution = 'separable'\nframe = 'camera'", "shape.decode_mesh."),
        ("views = 2\nfusion.vertices = 'cat'", "shape.fuse_vertices."),
    ],
)
def test_a_part_of_another_kind_starts_fresh(
    network: str, fresh: str, runs: Path, drawn_data: Path, tmp_path: Path
) -> None:
    recipe = tmp_path / "kind.toml"
    recipe.write_text(f"{FEW}[network]\n{network}\n", encoding="utf-8")
    config = with_data(load_recipe(str(recipe)), root=drawn_data)
    encoder = load_checkpoint(runs / "encoder" / "last.pt").best_weights
    with Logbook(tmp_path) as logbook:
        trainer = Trainer(config, out=tmp_path, logbook=logbook)
        before = {name: value.clone() for name, value in trainer.network.state_dict().items()}
        trainer.start_from(load_checkpoint(runs / "encoder" / "last.pt"))
    shape = {name: it for name, it in trainer.network.state_dict().items() if name.startswith("shape.")}
    assert any(not value.equal(before[name]) for name, value in shape.items())
    for name, value in shape.items():
        assert value.equal(before[name] if name.startswith(fresh) else encoder[name]), name


def test_a_single_view_run_may_see_the_pictures_in_groups(drawn_data: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "grouped.toml"
    recipe.write_text(FEW.replace("[data]", "[data]\nviews = 2"), encoding="utf-8")
    config = with_data(load_recipe(str(recipe)), root=drawn_data)
    with Logbook(tmp_path) as logbook:
        trainer = Trainer(config, out=tmp_path, logbook=logbook)
        trainer.run(StopRequest(steps=1))
    assert trainer.images_seen == 2 * config.stages[0].batch_size
    batches = trainer.feed.training(Course(batch_size=4, seed=0))
    groups = next(iter(batches))
    assert isinstance(groups, ViewsBatch)
    criterion = Criterion(config.stages[0].losses, trainer.topology)
    trainer.network.eval()
    with torch.no_grad():
        one, other = (trainer.lesson.losses(it, criterion, "shape") for it in (groups, groups.every_view()))
    assert one == other


@pytest.mark.parametrize("rival", ["mobrecon", "h2onet"])
def test_a_rival_is_trained_and_exported(rival: str, drawn_data: Path, tmp_path: Path) -> None:
    losses = load_recipe(rival).stages[-1].losses
    recipe = tmp_path / "rival.toml"
    recipe.write_text(
        f"""
base = "{rival}"
validation_views = 4
[network]
trunk_channels = 8
latent_channels = 16
decoder_channels = [16, 16, 16, 16]
[data]
workers = 0
[[stages]]
name = "full"
scope = "full"
steps = 1
batch_size = 4
losses = {{ {", ".join(f"{name} = {weight}" for name, weight in losses.items())} }}
""",
        encoding="utf-8",
    )
    words = ["train", recipe, "--data", drawn_data, "--out", tmp_path / "run"]
    assert main([str(word) for word in words]) == 0
    last = tmp_path / "run" / "last.pt"
    assert main(["export", str(last), "--repository", str(tmp_path / "models")]) == 0
    assert (tmp_path / "models" / "svr_hand" / "1" / "model.pt").is_file()

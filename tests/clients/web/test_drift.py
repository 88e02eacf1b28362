"""What is written twice agrees: the built page, the types, the stream's messages, the words for errors."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from google.protobuf.message import Message

from service import errors
from service.app import create_app
from service.rpc import hand_mesh_pb2 as pb
from service.settings import Settings
from tests.clients.web.conftest import WEB

MESSAGES = (WEB / "src" / "client" / "messages.ts").read_text()
MOST_BYTES = 800_000


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_built_page_is_that_of_the_sources(npm_folder: Path, tmp_path: Path) -> None:
    build = ["node_modules/.bin/vite", "build", "--outDir", str(tmp_path / "dist"), "--logLevel", "error"]
    subprocess.run(build, cwd=npm_folder, check=True)
    assert files_in(tmp_path / "dist") == files_in(WEB / "dist"), "run `make web`"


def test_the_built_page_is_small_and_holds_no_source_map() -> None:
    files = files_in(WEB / "dist")
    assert sum(map(len, files.values())) < MOST_BYTES
    assert not [name for name in files if name.endswith(".map")]


def test_the_types_are_those_of_the_gateway(npm_folder: Path, tmp_path: Path, model_repository: Path) -> None:
    document = create_app(Settings(model_repository=model_repository)).openapi()
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    generate = ["node_modules/.bin/openapi-typescript", "-o", str(tmp_path / "openapi.ts")]
    subprocess.run(
        [*generate, str(tmp_path / "openapi.json")], cwd=npm_folder, check=True, capture_output=True
    )
    committed = (WEB / "src" / "client" / "openapi.ts").read_text()
    assert (tmp_path / "openapi.ts").read_text() == committed, "run `make web`"


def interface_fields(name: str) -> set[str]:
    """Return the field names of an interface of messages.ts, without the `type` that tags it."""
    match = re.search(rf"export interface {name}\b[^{{]*{{\n(.*?)\n}}", MESSAGES, re.DOTALL)
    assert match, f"messages.ts has no interface {name}"
    return set(re.findall(r"^  (\w+)\??:", match[1], re.MULTILINE)) - {"type"}


def proto_fields(*messages: type[Message]) -> set[str]:
    return {field.name for message in messages for field in message.DESCRIPTOR.fields}


@pytest.mark.parametrize(
    ("interfaces", "fields"),
    [
        ({"OptionsMessage"}, proto_fields(pb.StreamOptions, pb.Outputs) - {"outputs"}),
        ({"FrameMessage"}, proto_fields(pb.Frame)),
        (
            {"HandMessage", "ReplyHead"},
            proto_fields(pb.StreamReply, pb.Hand) - {"problem"},
        ),
        (
            {"ProblemMessage", "ReplyHead"},
            proto_fields(pb.StreamReply, pb.Problem) - {"hand", "problem", "box"},
        ),
        ({"NamedJoint"}, proto_fields(pb.NamedJoint)),
    ],
    ids=["options", "frame", "hand", "problem", "joint"],
)
def test_the_streams_messages_are_those_of_the_proto(interfaces: set[str], fields: set[str]) -> None:
    assert set().union(*map(interface_fields, interfaces)) == fields


def kinds_of(kind: type[errors.GatewayError]) -> set[type[errors.GatewayError]]:
    return {kind}.union(*map(kinds_of, kind.__subclasses__()))


def test_every_problem_has_plain_words() -> None:
    source = (WEB / "src" / "viewer" / "words.ts").read_text()
    table = re.search(r"const WORDS[^{]*{\n(.*?)\n};", source, re.DOTALL)
    assert table
    words = set(re.findall(r'^  "?([\w-]+)"?:', table[1], re.MULTILINE))
    assert words == {kind.slug for kind in kinds_of(errors.GatewayError)}

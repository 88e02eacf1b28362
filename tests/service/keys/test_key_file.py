"""The file of keys and the command that writes it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.keys.__main__ import main
from service.keys.key_file import (
    KeyFile,
    StoredKey,
    digest_of,
    new_key,
    read_key_file,
    write_key_file,
)
from service.keys.ring import KeyRing

DIGEST = "0" * 64


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def make(path: Path, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Make a key by the command and return it."""
    assert main(["--file", str(path), "new", *words]) == 0
    return capsys.readouterr().out.strip()


def test_a_key_that_is_made_opens_and_is_kept_nowhere(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = make(path, capsys, "studio"), make(path, capsys, "phone")
    assert first != second
    ring = KeyRing(path)
    assert [ring.caller_of(key).name for key in (first, second)] == ["studio", "phone"]
    text = path.read_text()
    assert first.removeprefix("simahand_") not in text and second.removeprefix("simahand_") not in text
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path], "no draft is left behind"


def test_keys_are_long_and_fit_into_headers_and_subprotocols() -> None:
    keys = {new_key() for _ in range(200)}
    assert len(keys) == 200
    for key in keys:
        assert len(key) == len("simahand_") + 43, "32 bytes in base64"
        assert key.replace("-", "").replace("_", "").isalnum()


def test_limits_are_what_the_command_was_told(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make(path, capsys, "studio", "--requests-per-s", "2.5", "--burst", "9", "--max-streams", "3")
    limits = read_key_file(path).keys["studio"].limits
    assert (limits.requests_per_s, limits.burst, limits.max_streams) == (2.5, 9, 3)
    assert main(["--file", str(path), "list"]) == 0
    assert capsys.readouterr().out == "studio: requests_per_s 2.5, burst 9, max_streams 3\n"


def test_a_key_is_taken_back(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make(path, capsys, "studio")
    make(path, capsys, "phone")
    path.chmod(0o640)
    assert main(["--file", str(path), "remove", "studio"]) == 0
    assert list(read_key_file(path).keys) == ["phone"]
    assert path.stat().st_mode & 0o777 == 0o640, "whom its owner let read it may read it still"


@pytest.mark.parametrize(
    "words",
    [
        ["new", "studio"],
        ["new", ""],
        ["new", "two words"],
        ["new", "-x/../y", "--burst", "1"],
        ["new", "x" * 65],
        ["new", "phone", "--requests-per-s", "0"],
        ["new", "phone", "--requests-per-s", "nan"],
        ["new", "phone", "--requests-per-s", "inf"],
        ["new", "phone", "--burst", "-1"],
        ["new", "phone", "--max-streams", "0"],
        ["remove", "phone"],
    ],
)
def test_what_makes_no_sense_changes_nothing(
    words: list[str], path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(path, capsys, "studio")
    before = path.read_bytes()
    try:
        code = main(["--file", str(path), *words])
    except SystemExit as usage:
        code = int(str(usage.code))
    assert code == 2
    said = capsys.readouterr()
    assert said.out == "" and "Traceback" not in said.err
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"keys": []},
        {"keys": {"a": {"sha256": DIGEST, "rate": 1}}},
        {"keys": {"a": {}}},
        {"keys": {"a b": {"sha256": DIGEST}}},
        {"keys": {"a": {"sha256": DIGEST.upper() + "Z"}}},
        {"keys": {"a": {"sha256": "A" * 64}}},
        {"keys": {"a": {"sha256": DIGEST, "burst": 0}}},
        {"keys": {"a": {"sha256": DIGEST}, "b": {"sha256": DIGEST}}},
        {"keyes": {}},
        {"keys": {}},
    ],
)
def test_what_is_no_file_of_keys_starts_no_gateway(document: object, path: Path) -> None:
    path.write_text(json.dumps(document))
    with pytest.raises(ValueError, match=str(path)) as refusal:
        KeyRing(path)
    assert DIGEST not in str(refusal.value)


def test_a_file_that_is_not_there_starts_no_gateway(path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        KeyRing(path)


def test_a_file_is_read_back_as_it_was_written(path: Path) -> None:
    file = KeyFile(keys={"a": StoredKey(sha256=digest_of("x")), "b": StoredKey(sha256=DIGEST, burst=2)})
    write_key_file(path, file)
    assert read_key_file(path) == file


def test_the_file_may_be_a_link_that_turns(tmp_path: Path) -> None:
    keys = [new_key(), new_key()]
    for number, key in enumerate(keys):
        write_key_file(tmp_path / str(number), KeyFile(keys={"a": StoredKey(sha256=digest_of(key))}))
    link = tmp_path / "keys.json"
    link.symlink_to("0")
    ring = KeyRing(link)
    assert ring.caller_of(keys[0]).name == "a"
    (tmp_path / "new").symlink_to("1")
    (tmp_path / "new").replace(link)  # as Kubernetes renews a secret
    ring.look()
    assert ring.caller_of(keys[1]).name == "a"


def test_the_command_reads_the_gateways_setting(path: Path) -> None:
    environment = os.environ | {"SIMAHAND_KEYS_FILE": str(path)}
    words = [sys.executable, "-m", "service.keys", "new", "studio"]
    made = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    assert KeyRing(path).caller_of(made.stdout.strip()).name == "studio"
    assert made.stdout.strip() not in made.stderr

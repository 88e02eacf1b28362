"""The Dockerfiles and the compose file, by the linter and by compose itself."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy.triton.install import CHECKOUT, install
from deploy.triton.server import TritonServer
from service.exposure import keys_of
from service.keys.ring import NoKeys
from service.settings import Settings

TOOLS = Path(sys.executable).parent
GATEWAY = CHECKOUT / "Dockerfile"
TRITON = CHECKOUT / "deploy" / "triton" / "Dockerfile"
COMPOSE = CHECKOUT / "deploy" / "compose.yaml"
KEYS = CHECKOUT / "deploy" / "compose.keys.yaml"

ADDRESSES_OF_THIS_MACHINE = {"--metrics-port", "--model-repository", "--exit-timeout-secs"}
"""Flags whose values a launcher here chooses for itself."""


def printed(*command: str | Path) -> str:
    outcome = subprocess.run(command, capture_output=True, text=True, cwd=CHECKOUT)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return outcome.stdout


@pytest.mark.parametrize("dockerfile", [GATEWAY, TRITON], ids=["gateway", "triton"])
def test_hadolint_finds_nothing(dockerfile: Path) -> None:
    assert printed(TOOLS / "hadolint", dockerfile) == ""


def test_hadolint_would_find_something(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python\nRUN cd /tmp && apt-get install curl\n")
    outcome = subprocess.run([TOOLS / "hadolint", tmp_path / "Dockerfile"], capture_output=True, text=True)
    assert outcome.returncode != 0


@pytest.mark.parametrize("dockerfile", [GATEWAY, TRITON], ids=["gateway", "triton"])
def test_what_is_copied_is_there(dockerfile: Path) -> None:
    copies = re.findall(r"^COPY (?!--from)(.+)$", dockerfile.read_text(), re.M)
    assert copies
    for copy in copies:
        for source in copy.split()[:-1]:
            assert (CHECKOUT / source).exists(), source


def compose(profile: str, *more: Path) -> dict[str, Any]:
    files = [word for file in (COMPOSE, *more) for word in ("-f", file)]
    shown = printed(TOOLS / "docker-compose", *files, "--profile", profile, "config", "--format", "json")
    document: dict[str, Any] = json.loads(shown)
    return document


@pytest.mark.parametrize(("profile", "engine"), [("cpu", "triton-cpu"), ("gpu", "triton")])
def test_compose_runs_one_triton_that_only_others_of_its_network_reach(profile: str, engine: str) -> None:
    document = compose(profile)
    services = document["services"]
    assert services.keys() == {"gateway", "prometheus", "grafana", engine}
    assert services[engine]["networks"] == {"engine": {"aliases": ["triton"]}}
    assert document["networks"]["engine"]["internal"]
    assert "ports" not in services[engine]
    for service in services.values():
        assert service["read_only"] and service["cap_drop"] == ["ALL"]
        # Nothing here asks who calls.
        assert {port["host_ip"] for port in service.get("ports", [])} <= {"127.0.0.1"}


def test_compose_opens_no_port_without_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMAHAND_PUBLISH", "0.0.0.0")
    for files, address in (((), "127.0.0.1"), ((KEYS,), "0.0.0.0")):
        ports = compose("cpu", *files)["services"]["gateway"]["ports"]
        assert [(port["host_ip"], port["target"]) for port in ports] == [(address, 8080), (address, 8081)]


def test_compose_with_keys_lets_nobody_in_without() -> None:
    settings = compose("cpu")["services"]["gateway"]["environment"]
    assert isinstance(keys_of(settings_of(settings)), NoKeys), "its ports are this machine's alone"
    guarded = compose("cpu", KEYS)["services"]["gateway"]
    with pytest.raises(ValueError, match=r"/keys/keys\.json"):  # it would not start without the file
        keys_of(settings_of(guarded["environment"]))
    assert not settings_of(guarded["environment"]).allow_anyone
    (mount,) = guarded["volumes"]
    assert (mount["source"], mount["target"], mount["read_only"]) == (str(CHECKOUT / "keys"), "/keys", True)


def settings_of(environment: dict[str, str]) -> Settings:
    """Return what the image's gateway reads: it listens to everyone."""
    named = {name.removeprefix("SIMAHAND_").lower(): value for name, value in environment.items()}
    return Settings.model_validate({"host": "0.0.0.0", **named})


def test_compose_lets_both_end_what_they_have_begun() -> None:
    services = compose("cpu")["services"]
    settings = services["gateway"]["environment"]
    assert seconds(services["gateway"]["stop_grace_period"]) > int(settings["SIMAHAND_SHUTDOWN_TIMEOUT_S"])
    (exit_timeout,) = re.findall(r"--exit-timeout-secs=(\d+)", TRITON.read_text())
    assert seconds(services["triton-cpu"]["stop_grace_period"]) > int(exit_timeout)


def seconds(duration: str) -> int:
    assert duration.endswith("s")
    return int(duration.removesuffix("s"))


def test_the_images_flags_are_those_of_the_launcher(tmp_path: Path) -> None:
    """So that every test with a Triton shows that it takes them."""
    command = json.loads(
        re.sub(r"\\\n", "", re.findall(r"^ENTRYPOINT (\[.*?\])$", TRITON.read_text(), re.M | re.S)[0])
    )
    launched = set(TritonServer(install(), repository=tmp_path).command())
    for flag in command[1:]:
        if flag.split("=")[0] in ADDRESSES_OF_THIS_MACHINE:
            assert flag.split("=")[0] in {own.split("=")[0] for own in launched}
        else:
            assert flag in launched

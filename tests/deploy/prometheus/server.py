"""A real Prometheus, configured by the repository's own files."""

from __future__ import annotations

import math
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from deploy.bench.processes import free_port

FOLDER = Path(__file__).parents[3] / "deploy" / "prometheus"
SCRAPE_INTERVAL = "500ms"
TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Sample:
    """One series of an answer, now."""

    labels: dict[str, str]
    value: float


@dataclass(frozen=True)
class Prometheus:
    """A running server."""

    http: httpx.Client

    def get(self, path: str, **parameters: str) -> Any:  # noqa: ANN401
        """Return the data of an answer of the HTTP API."""
        answer = self.http.get(f"/api/v1/{path}", params=parameters).json()
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, expression: str) -> list[Sample]:
        """Return what an expression is now."""
        vector = self.get("query", query=expression)["result"]
        return [Sample(series["metric"], float(series["value"][1])) for series in vector]

    def value(self, expression: str) -> float:
        """Return the one number that an expression is now; NaN where it is none."""
        samples = self.query(expression)
        return samples[0].value if len(samples) == 1 else math.nan

    def health(self) -> dict[str, str]:
        """Return how the last scrape of each target went, by `job instance`."""
        targets = self.get("targets")["activeTargets"]
        return {f"{t['labels']['job']} {t['labels']['instance']}": t["health"] for t in targets}

    def rules(self) -> list[dict[str, Any]]:
        """Return every rule with its state."""
        return [rule for group in self.get("rules")["groups"] for rule in group["rules"]]


def eventually(holds: Callable[[], bool], *, timeout_s: float = TIMEOUT_S) -> None:
    """Wait until something holds."""
    deadline_s = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline_s, f"it did not come about within {timeout_s} s"
        time.sleep(0.1)


@contextmanager
def prometheus(targets: Mapping[str, list[str]], folder: Path) -> Iterator[Prometheus]:
    """Run Prometheus with the committed configuration, but quicker, and with `targets` by job."""
    config = yaml.safe_load((FOLDER / "prometheus.yaml").read_text())
    config["global"] = dict.fromkeys(config["global"], SCRAPE_INTERVAL)
    config["rule_files"] = [str(FOLDER / name) for name in config["rule_files"]]
    assert {job["job_name"] for job in config["scrape_configs"]} == set(targets)
    for job in config["scrape_configs"]:
        (static,) = job["static_configs"]
        static["targets"] = targets[job["job_name"]]
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{free_port()}"
    command = ["prometheus", f"--web.listen-address={address}", f"--storage.tsdb.path={folder / 'data'}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--config.file={folder / 'prometheus.yaml'}"], stdout=log, stderr=log
        )
    try:
        with httpx.Client(base_url=f"http://{address}", timeout=TIMEOUT_S) as http:
            eventually(lambda: _is_ready(http, process, folder / "log"))
            yield Prometheus(http)
    finally:
        process.terminate()
        process.wait(TIMEOUT_S)


def _is_ready(http: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    try:
        return http.get("/-/ready").status_code == httpx.codes.OK
    except httpx.ConnectError:
        return False

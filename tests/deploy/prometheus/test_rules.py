"""The rules, by Prometheus' own tester."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
import yaml

from service.telemetry import BUCKETS_S, HAND_ROUTES
from tests.deploy.prometheus.server import FOLDER

RULES = yaml.safe_load((FOLDER / "rules.yaml").read_text())
TESTS = yaml.safe_load((FOLDER / "rules_test.yaml").read_text())


def rules(kind: str) -> list[dict[str, Any]]:
    return [rule for group in RULES["groups"] for rule in group["rules"] if kind in rule]


def promtool(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *words], cwd=FOLDER, capture_output=True, text=True)


@pytest.mark.parametrize(
    "words", [("check", "config", "prometheus.yaml"), ("test", "rules", "rules_test.yaml")]
)
def test_promtool_finds_nothing_wrong(words: tuple[str, ...]) -> None:
    run = promtool(*words)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("alert", [rule["alert"] for rule in rules("alert")])
def test_each_alert_is_seen_to_fire_and_seen_not_to(alert: str) -> None:
    cases = [
        case for test in TESTS["tests"] for case in test["alert_rule_test"] if case["alertname"] == alert
    ]
    assert {bool(case["exp_alerts"]) for case in cases} == {False, True}


def test_the_rules_know_the_gateway_s_routes_and_buckets() -> None:
    text = (FOLDER / "rules.yaml").read_text()
    assert 0.5 in BUCKETS_S
    assert text.count(f'route=~"{"|".join(HAND_ROUTES)}"') == text.count("route=~")

"""docs/observability.md names what there is, all of it, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from prometheus_client.parser import text_string_to_metric_families

from service.app import create_app
from service.errors import ForeignOriginError, UnauthorizedError
from service.settings import Settings
from service.streams.errors import StreamEndError
from tests.service.conftest import served

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "observability.md").read_text()


def rows() -> dict[str, set[str]]:
    """Return the labels that the page gives each metric."""
    table = {}
    for names, labels in re.findall(r"^\| (`[^|]+`) \| ([^|]*)\|[^|]+\|$", PAGE, re.MULTILINE):
        for name in re.findall(r"`(\w+)`", names):
            table[name] = set(re.findall(r"`(\w+)`", labels))
    return table


def test_every_metric_is_described_with_its_labels(embedded_settings: Settings) -> None:
    app = create_app(embedded_settings)
    with served(app) as client:
        client.get("/livez")
        text = client.get("/metrics").text
    exposed = {
        family.name + ("_total" if family.type == "counter" else "") for family in
        text_string_to_metric_families(text)
    }  # fmt: skip
    labels = {
        metric._name + ("_total" if metric._type == "counter" else ""): set(metric._labelnames)
        for metric in set(app.state.gateway.telemetry.registry._collector_to_names)
        if hasattr(metric, "_labelnames")
    }
    described = rows()
    # A histogram's time of birth, and that of a counter, are samples of the format, not metrics.
    assert {name for name in exposed if not name.removesuffix("_total").endswith("_created")} == set(
        described
    )
    assert {name: described[name] for name in labels} == labels


def test_every_end_of_a_stream_is_described() -> None:
    (row,) = re.findall(r"^\| `simahand_streams_total` \|[^|]+\|([^|]+)\|$", PAGE, re.MULTILINE)
    ends = {kind.slug for kind in StreamEndError.__subclasses__()}
    at_the_door = {UnauthorizedError.slug, ForeignOriginError.slug}
    assert set(re.findall(r"`([^`]+)`", row)) == {"ok", "disconnected"} | ends | at_the_door


def test_every_alert_says_what_to_do() -> None:
    rules = yaml.safe_load((ROOT / "deploy" / "prometheus" / "rules.yaml").read_text())
    alerts = [rule for group in rules["groups"] for rule in group["rules"] if "alert" in rule]
    sections = re.findall(r"^### (\w+)\n\n(Page|Ticket)\.", PAGE, re.MULTILINE)
    assert sections == [(rule["alert"], rule["labels"]["severity"].title()) for rule in alerts]
    for rule in alerts:
        assert rule["annotations"]["runbook"] == f"docs/observability.md#{rule['alert'].lower()}"


def test_the_settings_that_the_page_names_exist() -> None:
    named = set(re.findall(r"SIMAHAND_([A-Z_]+)", PAGE))
    assert named <= {name.upper() for name in Settings.model_fields}

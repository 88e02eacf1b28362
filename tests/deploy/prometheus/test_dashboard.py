"""The dashboard, each of whose queries is put to a real Prometheus."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.prometheus.conftest import Observed
from tests.deploy.prometheus.server import eventually

FOLDER = Path(__file__).parents[3] / "deploy" / "grafana"
DASHBOARD = json.loads((FOLDER / "dashboards" / "simahand.json").read_text())
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
VARIABLES = {"$__rate_interval": "1m", "$job": "simahand", "$instance": ".*"}


def queries(panel: dict[str, Any]) -> list[str]:
    """Return what a panel asks, as Grafana asks it with all its variables at their defaults."""
    asked = []
    for target in panel["targets"]:
        expression: str = target["expr"]
        for name, value in VARIABLES.items():
            expression = expression.replace(name, value)
        assert "$" not in expression
        asked.append(expression)
    return asked


@pytest.mark.triton
@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_no_panel_is_empty(panel: dict[str, Any], observed: Observed) -> None:
    for query in queries(panel):

        def shows_numbers() -> bool:
            samples = observed.prometheus.query(query)  # noqa: B023
            return any(math.isfinite(sample.value) for sample in samples)

        eventually(shows_numbers, timeout_s=20)


def test_panels_lie_beside_one_another() -> None:
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert x < 24
                assert (x, y) not in taken, f"{panel['title']} covers another panel"
                taken.add((x, y))
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)


def test_provisioning_names_the_source_that_the_dashboard_asks() -> None:
    provisioning = FOLDER / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text())["datasources"]
    (chosen,) = [v for v in DASHBOARD["templating"]["list"] if v["name"] == "datasource"]
    assert chosen["current"]["value"] == source["uid"]
    assert all(panel["datasource"]["uid"] == "${datasource}" for panel in PANELS)
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "simahand.yaml").read_text())["providers"]
    assert provider["options"]["path"] == "/etc/grafana/simahand/dashboards"

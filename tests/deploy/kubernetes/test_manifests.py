"""The manifests against Kubernetes' schemas, and the laws that a schema cannot state."""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from deploy.triton.server import TritonServer
from service.settings import Settings
from tests.deploy.kubernetes.conftest import FOLDER, Cluster, Resource

SCHEMAS = Path(__file__).parent / "schemas"
KUBERNETES = "1.34"
"""The first in which a container's `preStop.sleep` is settled; it runs from 1.30 on."""
PARTS = ("gateway", "triton")


def check(resource: Resource) -> None:
    group, _, version = resource["apiVersion"].rpartition("/")
    own = SCHEMAS / f"{resource['kind'].lower()}_{version}.json"
    if own.is_file():
        jsonschema.validate(resource, json.loads(own.read_text()))
    else:
        assert group.split(".")[-1] in {"", "apps", "policy", "autoscaling", "io"}, resource["apiVersion"]
        kubernetes_validate.validate(resource, KUBERNETES, strict=True)


def test_every_resource_keeps_its_schema(cluster: Cluster) -> None:
    for resource in cluster.resources:
        check(resource)


def test_the_schemas_know_what_is_wrong(cluster: Cluster) -> None:
    for resource in cluster.resources:
        if resource["kind"] in {"Namespace", "ConfigMap"}:
            continue
        with pytest.raises((jsonschema.ValidationError, kubernetes_validate.ValidationError)):
            check({**resource, "spec": {**resource["spec"], "mistyped": 1}})


def test_kserve_keeps_its_schema_and_its_containers_that_of_a_pod(kserve: Cluster) -> None:
    for resource in kserve.resources:
        check(resource)
    runtime = kserve.one("ServingRuntime", "simahand-triton")["spec"]
    spec = {"containers": runtime["containers"], "volumes": runtime["volumes"]}
    check({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "runtime"}, "spec": spec})
    assert (
        kserve.one("InferenceService", "svr-hand")["spec"]["predictor"]["model"]["runtime"]
        == "simahand-triton"
    )


@pytest.mark.parametrize("part", PARTS)
def test_pods_are_restricted(cluster: Cluster, part: str) -> None:
    spec = cluster.pod(part)["spec"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    for container in spec["containers"]:
        own = container["securityContext"]
        assert own["readOnlyRootFilesystem"] and not own["allowPrivilegeEscalation"]
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize("part", PARTS)
def test_a_rollout_never_has_fewer_pods(cluster: Cluster, part: str) -> None:
    deployment = cluster.one("Deployment", part)["spec"]
    assert deployment["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    (container,) = deployment["template"]["spec"]["containers"]
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys()
    budget = cluster.one("PodDisruptionBudget", part)["spec"]
    assert budget["selector"]["matchLabels"].items() <= cluster.pod(part)["metadata"]["labels"].items()


def test_a_pod_may_end_its_longest_request(cluster: Cluster) -> None:
    """Settings that the cluster does not name have their defaults."""
    named = {name.removeprefix("SIMAHAND_").lower(): value for name, value in cluster.settings().items()}
    settings = Settings.model_validate(named)
    longest_s = settings.body_timeout_s + settings.deadline_s + settings.send_timeout_s
    assert settings.shutdown_timeout_s > longest_s
    assert grace_s(cluster, "gateway") > drain_s(cluster, "gateway") + settings.shutdown_timeout_s
    dockerfile = (FOLDER.parent / "triton" / "Dockerfile").read_text()
    (exit_timeout,) = re.findall(r"--exit-timeout-secs=(\d+)", dockerfile)
    assert int(exit_timeout) > settings.deadline_s
    (connection_age_ms,) = re.findall(r"--grpc-max-connection-age=(\d+)", dockerfile)
    # gRPC adds up to a tenth. A gateway that was told of the pod once more stays for a second connection.
    assert drain_s(cluster, "triton") > 2 * 1.1 * int(connection_age_ms) / 1e3
    assert grace_s(cluster, "triton") > drain_s(cluster, "triton") + int(exit_timeout)


def grace_s(cluster: Cluster, part: str) -> int:
    seconds: int = cluster.pod(part)["spec"]["terminationGracePeriodSeconds"]
    return seconds


def drain_s(cluster: Cluster, part: str) -> int:
    seconds: int = cluster.pod(part)["spec"]["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    return seconds


def test_the_cluster_names_only_settings_that_there_are(cluster: Cluster) -> None:
    known = {f"SIMAHAND_{name.upper()}" for name in Settings.model_fields}
    assert cluster.settings().keys() <= known


def test_the_gateway_asks_for_the_keys_of_its_secret(cluster: Cluster) -> None:
    settings, spec = cluster.settings(), cluster.pod("gateway")["spec"]
    assert "SIMAHAND_ALLOW_ANYONE" not in settings
    (container,) = spec["containers"]
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    (volume,) = (volume for volume in spec["volumes"] if volume["name"] == "keys")
    mount = mounts[volume["name"]]
    assert settings["SIMAHAND_KEYS_FILE"].startswith(mount["mountPath"] + "/")
    assert "optional" not in volume["secret"], "without it no pod starts"
    assert "subPath" not in mount


def test_the_gateway_takes_turns_among_tritons_pods(cluster: Cluster) -> None:
    host, port = cluster.settings()["SIMAHAND_TRITON_URL"].split(":")
    service = cluster.one("Service", host)["spec"]
    assert service["clusterIP"] == "None"
    assert int(port) in {entry["port"] for entry in service["ports"]}
    assert service["selector"].items() <= cluster.pod("triton")["metadata"]["labels"].items()


def test_only_the_gateway_may_ask_triton(cluster: Cluster) -> None:
    assert cluster.one("NetworkPolicy", "default-deny")["spec"]["podSelector"] == {}
    policy = cluster.one("NetworkPolicy", "triton")["spec"]
    assert policy["podSelector"]["matchLabels"].items() <= cluster.pod("triton")["metadata"]["labels"].items()
    assert "egress" not in policy and "Egress" in policy["policyTypes"]
    for rule in policy["ingress"]:
        (peer,), (port,) = rule["from"], rule["ports"]
        if port == {"port": "grpc"}:
            gateways = peer["podSelector"]["matchLabels"].items()
            assert gateways <= cluster.pod("gateway")["metadata"]["labels"].items()
            assert "namespaceSelector" not in peer
        else:
            assert port == {"port": "metrics"}


def test_overlays_differ_in_the_gpu(cluster: Cluster, request: pytest.FixtureRequest) -> None:
    (container,) = cluster.pod("triton")["spec"]["containers"]
    on_gpu = "nvidia.com/gpu" in container["resources"]["limits"]
    assert on_gpu == ("'gpu'" in request.node.callspec.id)
    assert on_gpu == ("--allow-gpu-metrics=false" not in container.get("args", []))


def test_an_autoscaler_is_the_only_one_to_count_pods(cluster: Cluster) -> None:
    scaled = {
        resource["spec"]["scaleTargetRef"]["name"]
        for resource in cluster.resources
        if resource["kind"] in {"HorizontalPodAutoscaler", "ScaledObject"}
    }
    for part in PARTS:
        assert ("replicas" in cluster.one("Deployment", part)["spec"]) == (part not in scaled)


def metric_names(text: str) -> set[str]:
    return set(re.findall(r"\bnv_\w+", text))


@pytest.mark.triton
def test_autoscalers_ask_for_metrics_that_triton_has(triton: TritonServer) -> None:
    with urllib.request.urlopen(f"http://{triton.metrics_url}/metrics", timeout=30) as page:
        offered = metric_names(page.read().decode())
    files = [FOLDER / "components" / name for name in
             ("hpa/prometheus-adapter-values.yaml", "keda/scaled-object.yaml")]  # fmt: skip
    for file in files:
        asked = metric_names(file.read_text())
        assert asked
        assert asked <= offered, file


def test_the_adapter_offers_what_the_autoscaler_asks_for() -> None:
    values = yaml.safe_load((FOLDER / "components" / "hpa" / "prometheus-adapter-values.yaml").read_text())
    offered = {rule["name"].get("as", rule["name"]["matches"]) for rule in values["rules"]["custom"]}
    scalers: list[Any] = list(yaml.safe_load_all((FOLDER / "components" / "hpa" / "hpa.yaml").read_text()))
    metrics = [metric for scaler in scalers for metric in scaler["spec"]["metrics"]]
    assert {m["pods"]["metric"]["name"] for m in metrics if m["type"] == "Pods"} == offered


def test_probes_speak_as_the_gateway_does(cluster: Cluster) -> None:
    (container,) = cluster.pod("gateway")["spec"]["containers"]
    given = {entry["name"]: entry["value"] for entry in container.get("env", ())}
    certificate = given.get("SIMAHAND_TLS_CERTIFICATE")
    wanted = "HTTP" if certificate is None else "HTTPS"
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"].get("scheme", "HTTP") == wanted
        assert container[probe]["httpGet"].keys() >= {"path", "port"}
    if certificate is not None:
        assert str(Path(certificate).parent) in {mount["mountPath"] for mount in container["volumeMounts"]}
        assert {port.get("appProtocol") for port in cluster.one("Service", "gateway")["spec"]["ports"]} == {
            "https",
            None,
        }

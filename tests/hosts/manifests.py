"""The manifests under k8s/, and the environment that their pods would get."""

import base64
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.hosts.knative_schemas import SCHEMAS
from tps.host.stack import ROOT, load_stack

K8S = ROOT / "k8s"
KUBERNETES = "1.34"
OF_KUSTOMIZE = {"kustomization.yaml", "references.yaml"}
KNATIVE_SERVICE = ("serving.knative.dev/v1", "Service")
Manifest = dict[str, Any]


@cache
def manifests() -> tuple[Manifest, ...]:
    """Return every manifest under k8s/, and the ConfigMaps that kustomize generates, under names without a hash."""
    files = [path for path in sorted(K8S.rglob("*.yaml")) if path.name not in OF_KUSTOMIZE]
    written = (found for path in files for found in yaml.safe_load_all(path.read_text()) if found)
    return (*written, *map(_config_map, kustomization("base")["configMapGenerator"]))


def kustomization(folder: str) -> Manifest:
    return dict(yaml.safe_load((K8S / folder / "kustomization.yaml").read_text()))


def _config_map(generator: Manifest) -> Manifest:
    data = {path.rpartition("/")[2]: (K8S / "base" / path).read_text() for path in generator.get("files", [])}
    for path in generator.get("envs", []):
        lines = [line for line in (K8S / "base" / path).read_text().splitlines() if not line.startswith("#")]
        data |= dict(line.split("=", 1) for line in lines)
    metadata = {"name": generator["name"], "namespace": generator["namespace"]}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def kind(manifest: Manifest) -> tuple[str, str]:
    return manifest["apiVersion"], manifest["kind"]


def name(manifest: Manifest) -> str:
    return str(manifest["metadata"]["name"])


def of_kind(wanted: str, *, api_version: str | None = None) -> dict[str, Manifest]:
    """Return the manifests of one kind, by name."""
    found = (m for m in manifests() if m["kind"] == wanted and api_version in (None, m["apiVersion"]))
    return {name(manifest): manifest for manifest in found}


def services() -> dict[str, Manifest]:
    return of_kind("Service", api_version=KNATIVE_SERVICE[0])


def validate(manifest: Manifest) -> None:
    """Validate with the strict schemas of Kubernetes, or with ours for kinds that Kubernetes does not know."""
    if kind(manifest) in SCHEMAS:
        jsonschema.Draft202012Validator(SCHEMAS[kind(manifest)]).validate(manifest)
    else:
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def pod_of(manifest: Manifest) -> Manifest:
    return dict(manifest["spec"]["template"]["spec"])


def workloads() -> list[Manifest]:
    """Return the manifests that run pods."""
    return [
        manifest
        for manifest in manifests()
        if "containers" in manifest.get("spec", {}).get("template", {}).get("spec", {})
    ]


def ours() -> list[Manifest]:
    """Return the functions and event delivery, which run our image."""
    return [manifest for manifest in workloads() if pod_of(manifest)["containers"][0]["image"] == "tps"]


def secrets_of(pod: Manifest) -> set[str]:
    """Return the names of the Secrets that a pod reads, by environment or volume."""
    return set(_values_below("secretRef", pod)) | set(_values_below("secretKeyRef", pod)) | set(_volume_secrets(pod))


def config_maps_of(pod: Manifest) -> set[str]:
    return set(_values_below("configMapRef", pod)) | set(_values_below("configMap", pod))


def _values_below(key: str, node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get(key), dict):
            yield node[key]["name"]
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from _values_below(key, item)


def _volume_secrets(pod: Manifest) -> Iterator[str]:
    for volume in pod.get("volumes", []):
        if "secret" in volume:
            yield volume["secret"]["secretName"]
        yield from _values_below("secret", volume.get("projected", {}))


def environment_of(manifest: Manifest) -> dict[str, str]:
    """Return a process's environment: settings, its Secrets with every empty value filled in, its own variables."""
    container = pod_of(manifest)["containers"][0]
    told: dict[str, str] = {}
    for source in container["envFrom"]:
        told |= _data_of(source)
    return told | {variable["name"]: variable["value"] for variable in container["env"]}


def _data_of(source: Manifest) -> dict[str, str]:
    if "configMapRef" in source:
        return dict(of_kind("ConfigMap")[source["configMapRef"]["name"]]["data"])
    keys = of_kind("Secret")[source["secretRef"]["name"]]["stringData"]
    return {key: base64.urlsafe_b64encode(bytes(32)).decode() for key in keys}


def groups_of_secrets(names: Iterable[str]) -> set[str]:
    return {word.removeprefix("tps-group-") for word in names if word.startswith("tps-group-")}


named = pytest.mark.parametrize("manifest", manifests(), ids=lambda m: f"{m['kind']}-{name(m)}")
each_entry = pytest.mark.parametrize("entry", load_stack(), ids=lambda entry: entry.name)
each_of_ours = pytest.mark.parametrize("manifest", ours(), ids=name)
each_workload = pytest.mark.parametrize("manifest", workloads(), ids=name)

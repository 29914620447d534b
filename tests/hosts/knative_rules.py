"""The rules of Knative Serving's validating webhook, with the feature flags and limits that Knative has by default.

A custom resource definition does not contain these rules, so a service can fit every schema and still be refused.

Source: knative/serving, `pkg/apis/serving/k8s_validation.go`, `fieldmask.go` and `metadata_validation.go`, and
`pkg/apis/autoscaling/annotation_validation.go`.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any

from tests.hosts.manifests import Manifest

DNS_1035_LABEL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
DNS_1123_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
AUTOSCALING = "autoscaling.knative.dev/"
VISIBILITY = "networking.knative.dev/visibility"
MAX_INT32 = 2**31 - 1
MAX_CONCURRENCY = 1000
MAX_TIMEOUT_S = 600

# Fields of a pod that need no feature flag, and those of a revision.
POD_FIELDS = {
    "automountServiceAccountToken",
    "containers",
    "enableServiceLinks",
    "imagePullSecrets",
    "serviceAccountName",
    "volumes",
    "containerConcurrency",
    "idleTimeoutSeconds",
    "responseStartTimeoutSeconds",
    "timeoutSeconds",
}
CONTAINER_FIELDS = {
    "args",
    "command",
    "env",
    "envFrom",
    "image",
    "imagePullPolicy",
    "livenessProbe",
    "name",
    "ports",
    "readinessProbe",
    "resources",
    "securityContext",
    "startupProbe",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "volumeMounts",
    "workingDir",
}
SECURITY_FIELDS = {
    "allowPrivilegeEscalation",
    "capabilities",
    "readOnlyRootFilesystem",
    "runAsGroup",
    "runAsNonRoot",
    "runAsUser",
    "seccompProfile",
}
VOLUME_KINDS = {"configMap", "emptyDir", "projected", "secret"}
PROBE_HANDLERS = {"exec", "grpc", "httpGet", "tcpSocket"}
PORT_FIELDS = {"containerPort", "name", "protocol"}
PORT_NAMES = {"", "h2c", "http1"}
# Ports of the sidecar: calls, its administration, its metrics and its profile.
RESERVED_PORTS = {8008, 8012, 8013, 8022, 9090, 9091}
RESERVED_PATHS = {"/", "/dev", "/dev/log"}
RESERVED_VARIABLES = {"K_CONFIGURATION", "K_REVISION", "K_SERVICE", "PORT"}
RESERVED_CONTAINER_NAME = "queue-proxy"
# `add` is allowed for this capability alone.
ADDED_CAPABILITIES = {"NET_BIND_SERVICE"}


def refusals(service: Manifest) -> list[str]:
    """Return the reasons for which the webhook refuses a service; an empty list if the webhook admits the service."""
    template = service["spec"]["template"]
    pod = template["spec"]
    container = pod["containers"][0]
    return [
        *_of_metadata(service["metadata"]),
        *_of_scale(template.get("metadata", {}).get("annotations", {})),
        *_of_pod(pod),
        *_of_volumes(pod),
        *(reason for rule in CONTAINER_RULES for reason in rule(container)),
        *_of_mounts(container.get("volumeMounts", []), pod),
    ]


def _of_metadata(metadata: Manifest) -> Iterator[str]:
    if not DNS_1035_LABEL.fullmatch(metadata["name"]):
        yield f"name {metadata['name']} is not a DNS-1035 label"
    if metadata.get("labels", {}).get(VISIBILITY, "cluster-local") != "cluster-local":
        yield "visibility must be cluster-local"
    if any(key.startswith(AUTOSCALING) for key in metadata.get("annotations", {})):
        yield "autoscaling annotations belong to the template"


def _of_scale(annotations: dict[str, Any]) -> Iterator[str]:
    scale = {key.removeprefix(AUTOSCALING): value for key, value in annotations.items() if key.startswith(AUTOSCALING)}
    for key, value in scale.items():
        if key in ("min-scale", "max-scale") and not _is_count(value):
            yield f"{key} must be a count in quotes"
            return
    minimum, maximum = int(scale.get("min-scale", 0)), int(scale.get("max-scale", 0))
    if 0 < maximum < minimum:
        yield "max-scale is less than min-scale"


def _is_count(value: Any) -> bool:
    return isinstance(value, str) and value.isdecimal() and int(value) <= MAX_INT32


def _of_pod(pod: Manifest) -> Iterator[str]:
    yield from _disallowed("pod", pod, POD_FIELDS)
    if pod.get("automountServiceAccountToken") is True:
        yield "automountServiceAccountToken may only be false"
    if len(pod["containers"]) != 1:
        yield "exactly one container serves"
    if not 0 <= pod.get("containerConcurrency", 0) <= MAX_CONCURRENCY:
        yield f"containerConcurrency must be at most {MAX_CONCURRENCY}"
    if not 0 <= pod.get("timeoutSeconds", 0) <= MAX_TIMEOUT_S:
        yield f"timeoutSeconds must be at most {MAX_TIMEOUT_S}"


def _of_volumes(pod: Manifest) -> Iterator[str]:
    volumes = pod.get("volumes", [])
    names = [volume["name"] for volume in volumes]
    mounted = {mount["name"] for container in pod["containers"] for mount in container.get("volumeMounts", [])}
    if len(names) != len(set(names)):
        yield "duplicate volume name"
    yield from (f"volume {name} is not mounted" for name in names if name not in mounted)
    for volume in volumes:
        if not DNS_1123_LABEL.fullmatch(volume["name"]):
            yield f"volume name {volume['name']} is not a DNS-1123 label"
        yield from _disallowed("volume", volume, VOLUME_KINDS | {"name"})
        if len(VOLUME_KINDS & volume.keys()) != 1:
            yield f"volume {volume['name']} must have exactly one source"


def _of_mounts(mounts: list[Manifest], pod: Manifest) -> Iterator[str]:
    volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
    paths = [str(PurePosixPath(mount["mountPath"])) for mount in mounts]
    yield from (f"path {path} is reserved" for path in paths if path in RESERVED_PATHS)
    yield from (f"path {path} must be absolute" for path in paths if not path.startswith("/"))
    if len(paths) != len(set(paths)):
        yield "mountPath must be unique"
    for mount in mounts:
        yield from _disallowed("mount", mount, {"name", "readOnly", "mountPath", "subPath"})
        if mount["name"] not in volumes:
            yield f"mount {mount['name']} has no volume"
        elif "emptyDir" not in volumes[mount["name"]] and not mount.get("readOnly"):
            yield f"mount {mount['name']} must be read-only"


def _of_container(container: Manifest) -> Iterator[str]:
    yield from _disallowed("container", container, CONTAINER_FIELDS)
    if not container.get("image"):
        yield "image is missing"
    if container.get("name") == RESERVED_CONTAINER_NAME:
        yield f"container name {RESERVED_CONTAINER_NAME} is reserved"


def _of_environment(container: Manifest) -> Iterator[str]:
    for variable in container.get("env", []):
        if variable["name"] in RESERVED_VARIABLES:
            yield f"variable {variable['name']} is reserved"
        # fieldRef and resourceFieldRef need a feature flag.
        yield from _disallowed("valueFrom", variable.get("valueFrom", {}), {"configMapKeyRef", "secretKeyRef"})
    for source in container.get("envFrom", []):
        if len({"configMapRef", "secretRef"} & source.keys()) != 1:
            yield "envFrom must have exactly one of configMapRef and secretRef"


def _of_ports(container: Manifest) -> Iterator[str]:
    ports = container.get("ports", [])
    if len(ports) > 1:
        yield "more than one port"
    for port in ports:
        yield from _disallowed("port", port, PORT_FIELDS)
        if port["containerPort"] in RESERVED_PORTS:
            yield f"port {port['containerPort']} is reserved"
        if not 0 <= port["containerPort"] <= 65535:
            yield "containerPort is out of bounds"
        if port.get("name", "") not in PORT_NAMES:
            yield f"port name {port['name']} is not allowed"
        if port.get("protocol", "TCP") != "TCP":
            yield "protocol must be TCP"


def _of_security(container: Manifest) -> Iterator[str]:
    context = container.get("securityContext", {})
    yield from _disallowed("securityContext", context, SECURITY_FIELDS)
    if not set(context.get("capabilities", {}).get("add", [])) <= ADDED_CAPABILITIES:
        yield "only the capability NET_BIND_SERVICE may be added"
    for field in ("runAsUser", "runAsGroup"):
        if not 0 <= context.get(field, 0) <= MAX_INT32:
            yield f"{field} is out of bounds"


def _of_probes(container: Manifest) -> Iterator[str]:
    port_name = next((port.get("name") for port in container.get("ports", [])), None) or "http"
    for name in ("livenessProbe", "readinessProbe"):
        if name in container:
            yield from _of_handler(container[name], port_name)
    yield from _of_readiness(container.get("readinessProbe", {}))


def _of_handler(probe: Manifest, port_name: str) -> Iterator[str]:
    handlers = PROBE_HANDLERS & probe.keys()
    # The defaulting webhook adds a check of the TCP port to a probe that has no handler.
    if len(handlers) > 1:
        yield "a probe must have one handler"
    for handler in handlers & {"httpGet", "tcpSocket"}:
        port = probe[handler].get("port", 0)
        if isinstance(port, str) and port != port_name:
            yield f"probe port {port} is not the container's port"


def _of_readiness(probe: Manifest) -> Iterator[str]:
    """Yield the violations of a readiness probe's times.

    Without periodSeconds, Knative probes every few milliseconds, and a timeout or a threshold has no meaning. With
    periodSeconds, the rules are those of Kubernetes.
    """
    negative = [field for field in ("periodSeconds", "initialDelaySeconds") if probe.get(field, 0) < 0]
    yield from (f"{field} is out of bounds" for field in negative)
    if probe.get("successThreshold", 1) < 1:
        yield "successThreshold must be at least 1"
    for field in ("failureThreshold", "timeoutSeconds"):
        if not probe.get("periodSeconds") and probe.get(field):
            yield f"{field} is disallowed when periodSeconds is zero"
        if probe.get("periodSeconds") and probe.get(field, 1) < 0:
            yield f"{field} must be at least 1"


def _of_resources(container: Manifest) -> Iterator[str]:
    yield from _disallowed("resources", container.get("resources", {}), {"requests", "limits"})


CONTAINER_RULES: tuple[Callable[[Manifest], Iterator[str]], ...] = (
    _of_container,
    _of_environment,
    _of_ports,
    _of_security,
    _of_probes,
    _of_resources,
)


def _disallowed(part: str, fields: Manifest, allowed: set[str]) -> Iterator[str]:
    yield from (f"{part}: {field} is not allowed" for field in fields if field not in allowed)

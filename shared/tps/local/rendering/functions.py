"""Manifests of the functions: a Knative Service for each, and its routes."""

from tps.host.stack import FunctionEntry
from tps.local.rendering import pods
from tps.local.rendering.pods import Manifest
from tps.local.rendering.scaling import Scale

# A REST call may wait 55 s (docs/rest.md, "Waiting"). The rest is time for its answer.
REQUEST_TIMEOUT_S = 75
# Equal to the time that event delivery waits for an answer.
EVENT_TIMEOUT_S = 300
# Simultaneous calls per replica. A waiting call costs a thread and hardly any CPU. tps.host.services reserves 32 of
# TPS_THREADS for other calls.
WAITING_CONCURRENCY = 64
WORKING_CONCURRENCY = 32

GATEWAY = "tps"
# Inside the cluster, Knative receives all calls at this Service, and selects the function by host name.
KNATIVE_DOOR = {
    "group": "",
    "kind": "Service",
    "name": "knative-local-gateway",
    "namespace": "istio-system",
    "port": 80,
}


def service(entry: FunctionEntry, scale: Scale) -> Manifest:
    """Return the Knative Service of a function. It is public only through its routes."""
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": pods.metadata(entry.deployed_name, labels={"networking.knative.dev/visibility": "cluster-local"}),
        "spec": {"template": {"metadata": _template_metadata(entry, scale), "spec": _pod(entry)}},
    }


def route(entry: FunctionEntry) -> Manifest:
    """Return the route from the gateway to a function: by its routes, and by /function/NAME as in OpenFaaS."""
    direct = f"/function/{entry.deployed_name}"
    without_prefix = {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}
    rules = [_rule(entry, list(entry.routes), {}), _rule(entry, [direct], without_prefix)]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": pods.metadata(entry.deployed_name),
        "spec": {"parentRefs": [{"name": GATEWAY}], "rules": rules},
    }


def disruption_budget(entry: FunctionEntry) -> Manifest:
    """Return the budget by which a drain of nodes evicts one replica of a function at a time.

    A budget of available replicas would block the drain of a function that has scaled down to one.
    """
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": pods.metadata(entry.deployed_name),
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": {"serving.knative.dev/service": entry.deployed_name}},
        },
    }


def _template_metadata(entry: FunctionEntry, scale: Scale) -> Manifest:
    groups = {pods.group_label(group): "true" for group in entry.groups}
    return {
        "labels": {"tps.part": "function", **groups},
        "annotations": {
            "autoscaling.knative.dev/min-scale": str(scale.minimum),
            "autoscaling.knative.dev/max-scale": str(scale.maximum),
        },
    }


def _pod(entry: FunctionEntry) -> Manifest:
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "containerConcurrency": WAITING_CONCURRENCY if entry.waits else WORKING_CONCURRENCY,
        "timeoutSeconds": REQUEST_TIMEOUT_S if entry.routes else EVENT_TIMEOUT_S,
        "containers": [_container(entry)],
        **pods.volumes(entry.groups),
    }


def _container(entry: FunctionEntry) -> Manifest:
    return {
        "image": pods.IMAGE,
        "ports": [{"containerPort": 8080}],
        "env": [
            {"name": "TPS_FUNCTION", "value": entry.name},
            pods.groups_variable(entry.groups),
            *pods.authority_variable(entry.groups),
        ],
        "envFrom": pods.settings_of(entry.groups),
        "readinessProbe": _readiness(),
        "livenessProbe": {"httpGet": {"path": "/health/liveness"}, "periodSeconds": 10, "timeoutSeconds": 5},
        # Measured in containers at rest: each of the 15 functions uses 83 MB. The limit leaves room for parallel calls.
        "resources": pods.resources("20m", "96Mi", "768Mi"),
        "securityContext": pods.confinement(),
        **pods.mounts(entry.groups),
    }


def _readiness() -> Manifest:
    """Return the readiness probe.

    Without periodSeconds, Knative probes many times a second and refuses timeoutSeconds. Each probe asks the stores,
    so probes must be rare.
    """
    return {"httpGet": {"path": "/health/readiness"}, "periodSeconds": 2, "timeoutSeconds": 5}


def _rule(entry: FunctionEntry, prefixes: list[str], rewrite: Manifest) -> Manifest:
    host = f"{entry.deployed_name}.{pods.NAMESPACE}.svc.cluster.local"
    return {
        "matches": [{"path": {"type": "PathPrefix", "value": prefix}} for prefix in prefixes],
        "filters": [{"type": "URLRewrite", "urlRewrite": {"hostname": host, **rewrite}}],
        "backendRefs": [KNATIVE_DOOR.copy()],
        "timeouts": {"request": f"{REQUEST_TIMEOUT_S}s"},
    }

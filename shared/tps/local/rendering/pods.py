"""What every process of ours has in a cluster: its image, settings, secrets, confinement."""

from collections.abc import Iterable
from typing import Any

NAMESPACE = "tps"
IMAGE = "tps"
USER_ID = 10001
SETTINGS = "tps-settings"
KEY_SET = "tps-jwks"
KEY_SET_FOLDER = "/etc/tps/jwks"
# The certificate authority's certificate: what endpoints believe certificates by.
TRUST = "tps-trust"
TRUST_FOLDER = "/etc/tps/trust"
DELIVERY_SECRET = "tps-delivery"
# The certificate authority's certificate and key: for the Component Directory alone.
AUTHORITY_SECRET = "tps-authority"
AUTHORITY_FOLDER = "/etc/tps/authority"

Manifest = dict[str, Any]


def group_secret(group: str) -> str:
    """The Secret that holds what one group may use, and nothing of another."""
    return f"tps-group-{group}"


def postgres_name(group: str) -> str:
    """The group's own Postgres."""
    return f"postgres-{group}"


def group_label(group: str) -> str:
    """A pod with this label is let into the group's database."""
    return f"tps.group/{group}"


def metadata(name: str, **more: Any) -> Manifest:
    """Name and namespace of a manifest, and more of its metadata."""
    return {"name": name, "namespace": NAMESPACE, **more}


def settings_of(groups: Iterable[str]) -> list[Manifest]:
    """Where a process reads its settings: what all share, and the secrets of its groups only."""
    secrets = [DELIVERY_SECRET, *(group_secret(group) for group in groups)]
    return [{"configMapRef": {"name": SETTINGS}}, *({"secretRef": {"name": name}} for name in secrets)]


def groups_variable(groups: Iterable[str]) -> Manifest:
    """TPS_GROUPS, as tps.host.settings reads it."""
    return {"name": "TPS_GROUPS", "value": ",".join(groups)}


def confinement() -> Manifest:
    """No root, no privileges, nothing to write to but /tmp."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "runAsUser": USER_ID,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def volumes(groups: Iterable[str] = ()) -> Manifest:
    """A writable /tmp, what tokens and certificates are checked with, and what only `ecp` has; for a pod's spec."""
    shared: list[Manifest] = [
        {"name": "tmp", "emptyDir": {}},
        {"name": "jwks", "configMap": {"name": KEY_SET}},
        {"name": "trust", "configMap": {"name": TRUST}},
    ]
    authority = {"name": "authority", "secret": {"secretName": AUTHORITY_SECRET}}
    return {"volumes": [*shared, authority] if "ecp" in groups else shared}


def mounts(groups: Iterable[str] = ()) -> Manifest:
    """Where the volumes are seen; goes into a container."""
    shared: list[Manifest] = [
        {"name": "tmp", "mountPath": "/tmp"},
        {"name": "jwks", "mountPath": KEY_SET_FOLDER, "readOnly": True},
        {"name": "trust", "mountPath": TRUST_FOLDER, "readOnly": True},
    ]
    authority = {"name": "authority", "mountPath": AUTHORITY_FOLDER, "readOnly": True}
    return {"volumeMounts": [*shared, authority] if "ecp" in groups else shared}


def authority_variable(groups: Iterable[str]) -> list[Manifest]:
    """TPS_AUTHORITY_FOLDER, where it is mounted."""
    return [{"name": "TPS_AUTHORITY_FOLDER", "value": AUTHORITY_FOLDER}] if "ecp" in groups else []


def resources(cpu: str, memory: str, memory_limit: str) -> Manifest:
    """What a container is promised, and where its memory ends; CPU is not capped, so that a burst is not throttled."""
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory_limit}}

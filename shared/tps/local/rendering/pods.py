"""Common parts of our pods in a cluster: image, settings, secrets and security context."""

from collections.abc import Iterable
from typing import Any

NAMESPACE = "tps"
IMAGE = "tps"
USER_ID = 10001
SETTINGS = "tps-settings"
KEY_SET = "tps-jwks"
KEY_SET_FOLDER = "/etc/tps/jwks"
# The certificate of the certificate authority, with which endpoints verify certificates.
TRUST = "tps-trust"
TRUST_FOLDER = "/etc/tps/trust"
DELIVERY_SECRET = "tps-delivery"
# The certificate and key of the certificate authority, for the component directory only.
AUTHORITY_SECRET = "tps-authority"
AUTHORITY_FOLDER = "/etc/tps/authority"

Manifest = dict[str, Any]


def group_secret(group: str) -> str:
    """Return the name of the Secret with the credentials of one group."""
    return f"tps-group-{group}"


def postgres_name(group: str) -> str:
    """Return the name of the group's Postgres."""
    return f"postgres-{group}"


def group_label(group: str) -> str:
    """Return the label of pods that may connect to the group's database."""
    return f"tps.group/{group}"


def metadata(name: str, **more: Any) -> Manifest:
    """Return name, namespace and further metadata of a manifest."""
    return {"name": name, "namespace": NAMESPACE, **more}


def settings_of(groups: Iterable[str]) -> list[Manifest]:
    """Return the sources of a process's settings: the shared settings, and the secrets of its groups only."""
    secrets = [DELIVERY_SECRET, *(group_secret(group) for group in groups)]
    return [{"configMapRef": {"name": SETTINGS}}, *({"secretRef": {"name": name}} for name in secrets)]


def groups_variable(groups: Iterable[str]) -> Manifest:
    """Return the variable TPS_GROUPS, which tps.host.settings reads."""
    return {"name": "TPS_GROUPS", "value": ",".join(groups)}


def confinement() -> Manifest:
    """Return the security context: no root, no privileges, a read-only file system."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "runAsUser": USER_ID,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def volumes(groups: Iterable[str] = ()) -> Manifest:
    """Return the volumes of a pod: a writable /tmp, public keys and trust, and the authority for `ecp`."""
    shared: list[Manifest] = [
        {"name": "tmp", "emptyDir": {}},
        {"name": "jwks", "configMap": {"name": KEY_SET}},
        {"name": "trust", "configMap": {"name": TRUST}},
    ]
    authority = {"name": "authority", "secret": {"secretName": AUTHORITY_SECRET}}
    return {"volumes": [*shared, authority] if "ecp" in groups else shared}


def mounts(groups: Iterable[str] = ()) -> Manifest:
    """Return the mounts of these volumes in a container."""
    shared: list[Manifest] = [
        {"name": "tmp", "mountPath": "/tmp"},
        {"name": "jwks", "mountPath": KEY_SET_FOLDER, "readOnly": True},
        {"name": "trust", "mountPath": TRUST_FOLDER, "readOnly": True},
    ]
    authority = {"name": "authority", "mountPath": AUTHORITY_FOLDER, "readOnly": True}
    return {"volumeMounts": [*shared, authority] if "ecp" in groups else shared}


def authority_variable(groups: Iterable[str]) -> list[Manifest]:
    """Return the variable TPS_AUTHORITY_FOLDER for the group `ecp`."""
    return [{"name": "TPS_AUTHORITY_FOLDER", "value": AUTHORITY_FOLDER}] if "ecp" in groups else []


def resources(cpu: str, memory: str, memory_limit: str) -> Manifest:
    """Return requests and the memory limit of a container. There is no CPU limit, so that bursts are not throttled."""
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory_limit}}

"""What every process of ours has in a cluster: its image, settings, secrets, confinement."""

from collections.abc import Iterable
from typing import Any

NAMESPACE = "tps"
IMAGE = "tps"
USER_ID = 10001
SETTINGS = "tps-settings"
KEY_SET = "tps-jwks"
KEY_SET_FOLDER = "/etc/tps/jwks"
DELIVERY_SECRET = "tps-delivery"

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
    """TPS_GROUPS, as tps.runtime.settings reads it."""
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


def volumes() -> Manifest:
    """A writable /tmp, and the public keys that tokens are checked with; goes into a pod's spec."""
    return {
        "volumes": [
            {"name": "tmp", "emptyDir": {}},
            {"name": "jwks", "configMap": {"name": KEY_SET}},
        ]
    }


def mounts() -> Manifest:
    """Where the volumes are seen; goes into a container."""
    return {
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},
            {"name": "jwks", "mountPath": KEY_SET_FOLDER, "readOnly": True},
        ]
    }


def resources(cpu: str, memory: str, memory_limit: str) -> Manifest:
    """What a container is promised, and where its memory ends; CPU is not capped, so that a burst is not throttled."""
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory_limit}}

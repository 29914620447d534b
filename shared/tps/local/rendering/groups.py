"""Manifests of each group: its Postgres, its event delivery, and templates of its secrets."""

from tps.local.rendering import pods
from tps.local.rendering.pods import Manifest

POSTGRES_PORT = 5432
# The user of the image's own `postgres` account.
POSTGRES_USER_ID = 70

GROUP_KEYS = ("DATABASE_URL", "NATS_USER", "NATS_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_BUCKET", "KEY")


def postgres(group: str) -> list[Manifest]:
    """Return a group's Postgres, its Service, and the policy that admits only this group's pods (NF3)."""
    return [_postgres_service(group), _postgres_policy(group), _postgres_set(group)]


def delivery(group: str) -> Manifest:
    """Return the Deployment of event delivery for one group. It has the secrets of this group only."""
    name = f"delivery-{group}"
    labels = {"tps.part": "delivery", "tps.delivers": group}
    container = {
        "name": "delivery",
        "image": pods.IMAGE,
        "command": ["python", "-m", "tps.host.delivery"],
        "env": [pods.groups_variable([group])],
        "envFrom": pods.settings_of([group]),
        # Measured in a container: 31 MB after the imports. The rest is for messages in flight.
        "resources": pods.resources("20m", "64Mi", "256Mi"),
        "securityContext": pods.confinement(),
        **pods.mounts(),
    }
    pod = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "containers": [container],
        **pods.volumes(),
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": pods.metadata(name),
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def group_secrets(group: str) -> list[Manifest]:
    """Return templates without values: the secret of a group's processes, and that of its Postgres."""
    prefix = f"TPS_{group.upper()}_"
    return [
        secret_template(pods.group_secret(group), [prefix + key for key in GROUP_KEYS]),
        secret_template(pods.postgres_name(group), ["POSTGRES_PASSWORD", "GROUP_PASSWORD"]),
    ]


def secret_template(name: str, keys: list[str]) -> Manifest:
    """Return a Secret with its keys and without values."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": pods.metadata(name),
        "type": "Opaque",
        "stringData": dict.fromkeys(keys, ""),
    }


def _postgres_labels(group: str) -> dict[str, str]:
    return {"tps.part": "postgres", "tps.keeps": group}


def _postgres_service(group: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": pods.metadata(pods.postgres_name(group)),
        "spec": {
            "clusterIP": "None",
            "selector": _postgres_labels(group),
            "ports": [{"name": "postgres", "port": POSTGRES_PORT}],
        },
    }


def _postgres_policy(group: str) -> Manifest:
    own_pods = {"podSelector": {"matchLabels": {"tps.part": "function", pods.group_label(group): "true"}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": pods.metadata(pods.postgres_name(group)),
        "spec": {
            "podSelector": {"matchLabels": _postgres_labels(group)},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [own_pods], "ports": [{"protocol": "TCP", "port": POSTGRES_PORT}]}],
        },
    }


def _postgres_set(group: str) -> Manifest:
    labels = _postgres_labels(group)
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": pods.metadata(pods.postgres_name(group)),
        "spec": {
            "serviceName": pods.postgres_name(group),
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": _postgres_pod(group)},
            "volumeClaimTemplates": [
                {
                    "metadata": {"name": "data"},
                    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}},
                }
            ],
        },
    }


def _postgres_pod(group: str) -> Manifest:
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"runAsUser": POSTGRES_USER_ID, "runAsGroup": POSTGRES_USER_ID, "fsGroup": POSTGRES_USER_ID},
        "containers": [_postgres_container(group)],
        "volumes": [
            {"name": "init", "configMap": {"name": "postgres-init"}},
            {"name": "run", "emptyDir": {}},
            {"name": "tmp", "emptyDir": {}},
        ],
    }


def _postgres_container(group: str) -> Manifest:
    ready = {"exec": {"command": ["pg_isready", "--host=127.0.0.1", "--username=postgres"]}, "timeoutSeconds": 5}
    return {
        "name": "postgres",
        "image": "postgres",
        "ports": [{"containerPort": POSTGRES_PORT}],
        "env": [{"name": "GROUP_NAME", "value": f"tps_{group}"}],
        "envFrom": [{"secretRef": {"name": pods.postgres_name(group)}}],
        "readinessProbe": ready,
        "resources": pods.resources("100m", "256Mi", "1Gi"),
        "securityContext": {**pods.confinement(), "runAsUser": POSTGRES_USER_ID},
        "volumeMounts": [
            {"name": "data", "mountPath": "/var/lib/postgresql"},
            {"name": "init", "mountPath": "/docker-entrypoint-initdb.d", "readOnly": True},
            {"name": "run", "mountPath": "/var/run/postgresql"},
            {"name": "tmp", "mountPath": "/tmp"},
        ],
    }

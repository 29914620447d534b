"""JSON Schemas for the fields that we use of kinds that Kubernetes itself does not know.

The schemas allow only these fields, so a misspelt field fails here and not in a cluster. Fields and bounds are those
that Knative Serving (v1) and the Gateway API (v1, ReferenceGrant v1beta1) document. The rules that only Knative's
webhook checks are in knative_rules.py.
"""

from typing import Any

Schema = dict[str, Any]


def exactly(required: dict[str, Any], optional: dict[str, Any] | None = None) -> Schema:
    """Return a schema of an object with these properties and no others."""
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


def some(items: Schema, most: int = 1000) -> Schema:
    return {"type": "array", "items": items, "minItems": 1, "maxItems": most}


NAME = {"type": "string", "pattern": r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"}
TEXT = {"type": "string", "minLength": 1}
COUNT = {"type": "integer", "minimum": 0}
STRINGS = {"type": "object", "additionalProperties": {"type": "string"}}
QUANTITIES = {"type": "object", "additionalProperties": {"type": "string", "pattern": r"^\d+(m|Mi|Gi)?$"}}
PATH = {"type": "string", "pattern": "^/"}
DURATION = {"type": "string", "pattern": r"^([0-9]{1,5}(h|m|s|ms)){1,4}$"}
METADATA = exactly({"name": NAME, "namespace": NAME}, {"labels": STRINGS, "annotations": STRINGS})

PROBE = exactly({"httpGet": exactly({"path": PATH})}, {"timeoutSeconds": COUNT, "periodSeconds": COUNT})
SECURITY = exactly(
    {
        "allowPrivilegeEscalation": {"const": False},
        "capabilities": exactly({"drop": {"const": ["ALL"]}}),
        "readOnlyRootFilesystem": {"const": True},
        "runAsNonRoot": {"const": True},
        "runAsUser": {"type": "integer", "minimum": 1},
        "seccompProfile": exactly({"type": {"const": "RuntimeDefault"}}),
    }
)
SOURCE = {
    "oneOf": [exactly({"configMapRef": exactly({"name": NAME})}), exactly({"secretRef": exactly({"name": NAME})})]
}
CONTAINER = exactly(
    {
        "image": TEXT,
        "ports": some(exactly({"containerPort": {"type": "integer", "minimum": 1, "maximum": 65535}}), 1),
        "env": some(exactly({"name": {"type": "string", "pattern": "^[A-Z][A-Z0-9_]*$"}, "value": TEXT})),
        "envFrom": some(SOURCE),
        "readinessProbe": PROBE,
        "livenessProbe": PROBE,
        "resources": exactly({"requests": QUANTITIES, "limits": QUANTITIES}),
        "securityContext": SECURITY,
        "volumeMounts": some(exactly({"name": NAME, "mountPath": PATH}, {"readOnly": {"type": "boolean"}})),
    }
)
VOLUME = {
    "oneOf": [
        exactly({"name": NAME, "emptyDir": exactly({})}),
        exactly({"name": NAME, "configMap": exactly({"name": NAME})}),
        exactly({"name": NAME, "secret": exactly({"secretName": NAME})}),
    ]
}
SCALE = {"type": "string", "pattern": r"^\d+$"}
REVISION = exactly(
    {
        "metadata": exactly(
            {
                "labels": STRINGS,
                "annotations": exactly(
                    {"autoscaling.knative.dev/min-scale": SCALE, "autoscaling.knative.dev/max-scale": SCALE}
                ),
            }
        ),
        "spec": exactly(
            {
                "containers": some(CONTAINER, 1),
                "volumes": some(VOLUME),
                "containerConcurrency": {"type": "integer", "minimum": 0, "maximum": 1000},
                "timeoutSeconds": {"type": "integer", "minimum": 1, "maximum": 600},
                "automountServiceAccountToken": {"const": False},
                "enableServiceLinks": {"const": False},
            }
        ),
    }
)

REWRITE = exactly(
    {},
    {
        "hostname": TEXT,
        "path": {
            "oneOf": [
                exactly({"type": {"const": "ReplacePrefixMatch"}, "replacePrefixMatch": PATH}),
                exactly({"type": {"const": "ReplaceFullPath"}, "replaceFullPath": PATH}),
            ]
        },
    },
)
FILTER = {
    "oneOf": [
        exactly({"type": {"const": "URLRewrite"}, "urlRewrite": REWRITE}),
        exactly(
            {
                "type": {"const": "ResponseHeaderModifier"},
                "responseHeaderModifier": exactly({"set": some(exactly({"name": TEXT, "value": TEXT}), 16)}),
            }
        ),
    ]
}
MATCH = exactly(
    {"path": exactly({"type": {"enum": ["PathPrefix", "Exact"]}, "value": PATH})}, {"method": {"enum": ["GET"]}}
)
RULE = exactly(
    {
        "matches": some(MATCH, 64),
        "filters": some(FILTER, 16),
        "backendRefs": some(
            exactly(
                {"group": {"const": ""}, "kind": {"const": "Service"}, "name": NAME, "namespace": NAME, "port": COUNT}
            ),
            16,
        ),
        "timeouts": exactly({"request": DURATION}),
    }
)
LISTENER = exactly(
    {
        "name": NAME,
        "port": COUNT,
        "protocol": {"enum": ["HTTP", "HTTPS", "TLS"]},
        "allowedRoutes": exactly({"namespaces": exactly({"from": {"enum": ["Same", "All", "Selector"]}})}),
    },
    {"hostname": TEXT, "tls": {"type": "object"}},
)


def _kind(version: str, kind: str, spec: Schema) -> tuple[tuple[str, str], Schema]:
    whole = exactly({"apiVersion": {"const": version}, "kind": {"const": kind}, "metadata": METADATA, "spec": spec})
    return (version, kind), whole


SCHEMAS: dict[tuple[str, str], Schema] = dict(
    [
        _kind("serving.knative.dev/v1", "Service", exactly({"template": REVISION})),
        _kind(
            "gateway.networking.k8s.io/v1",
            "HTTPRoute",
            exactly({"parentRefs": some(exactly({"name": NAME}), 32), "rules": some(RULE, 16)}),
        ),
        _kind(
            "gateway.networking.k8s.io/v1",
            "Gateway",
            exactly({"gatewayClassName": NAME, "listeners": some(LISTENER, 64)}),
        ),
        _kind(
            "gateway.networking.k8s.io/v1beta1",
            "ReferenceGrant",
            exactly(
                {
                    "from": some(exactly({"group": TEXT, "kind": TEXT, "namespace": NAME}), 16),
                    "to": some(exactly({"group": {"type": "string"}, "kind": TEXT, "name": NAME}), 16),
                }
            ),
        ),
    ]
)

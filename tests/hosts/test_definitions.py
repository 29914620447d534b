"""The manifests fit the published custom resource definitions. A field that a definition does not know is an error."""

from functools import cache
from typing import Any

import jsonschema
import pytest
import yaml

from tests.documents.oracle import ORACLE
from tests.hosts.manifests import Manifest, kind, manifests, name

Schema = dict[str, Any]
DEFINITIONS = ORACLE / "crds"
FILES = {"serving.knative.dev": "knative-serving.yaml", "gateway.networking.k8s.io": "gateway-api.yaml"}


def group(manifest: Manifest) -> str:
    return str(manifest["apiVersion"]).partition("/")[0]


CUSTOM = [pytest.param(m, id=f"{m['kind']}-{name(m)}") for m in manifests() if group(m) in FILES]


@cache
def schemas(file: str) -> dict[tuple[str, str], Schema]:
    """Return the schemas of a file of definitions, by apiVersion and kind."""
    path = DEFINITIONS / file
    if not path.exists():
        pytest.skip(f"{file} is absent")
    definitions = [d["spec"] for d in yaml.safe_load_all(path.read_text()) if d and "names" in d.get("spec", {})]
    return {
        (f"{spec['group']}/{version['name']}", spec["names"]["kind"]): strict(version["schema"]["openAPIV3Schema"])
        for spec in definitions
        for version in spec["versions"]
    }


def strict(schema: Any) -> Any:
    """Return a schema that allows no unknown fields, except where its definition preserves them."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    copy = {key: strict(part) for key, part in schema.items()}
    if _is_closed(schema):
        copy["additionalProperties"] = False
    return copy


def _is_closed(schema: Schema) -> bool:
    is_open = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    return schema.get("type") == "object" and "properties" in schema and not is_open


def validate(manifest: Manifest) -> None:
    schema = schemas(FILES[group(manifest)])[kind(manifest)]
    jsonschema.Draft202012Validator(schema).validate(manifest)


@pytest.mark.parametrize("manifest", CUSTOM)
def test_a_manifest_fits_its_definition(manifest: Manifest) -> None:
    validate(manifest)


@pytest.mark.parametrize("wanted", ["Service", "HTTPRoute", "Gateway", "ReferenceGrant"])
def test_an_unknown_field_is_an_error(wanted: str) -> None:
    manifest = next(m for m in manifests() if m["kind"] == wanted and group(m) in FILES)

    with pytest.raises(jsonschema.ValidationError, match="replicass"):
        validate({**manifest, "spec": {**manifest["spec"], "replicass": 1}})

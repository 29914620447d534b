"""`./tps render`: writes the files that derive from stack.yml and from the RAML files, or reports outdated files."""

import sys
from collections.abc import Iterable
from pathlib import Path

from tps.host.stack import ROOT, FunctionEntry, load_stack
from tps.local.rendering import groups, pods
from tps.local.rendering.contract import contract_files
from tps.local.rendering.dataflow import dataflow
from tps.local.rendering.functions import disruption_budget, route, service
from tps.local.rendering.pods import Manifest
from tps.local.rendering.scaling import load_scales

NOTE = "rendered from stack.yml by ./tps render; do not edit"
TEMPLATE_NOTE = (
    "A template: values are empty, and kustomization.yaml leaves it out. Fill a copy outside the repository."
)


def main(check: bool) -> int:
    """Render all files, or with `check` only compare them. Return the exit code: 1 if `check` found a difference."""
    files = {**rendered(), **rendered_contract()}
    drifted = [path for path, text in files.items() if not _holds(ROOT / path, text)]
    for path in drifted:
        if check:
            print(f"{path} is out of date; run ./tps render", file=sys.stderr)
        else:
            _write(ROOT / path, files[path])
            print(f"rendered {path}", file=sys.stderr)
    return 1 if check and drifted else 0


def rendered(stack_file: Path = ROOT / "stack.yml") -> dict[str, str]:
    """Return the text of every file that derives from stack.yml, by its path from the root."""
    stack = load_stack(stack_file)
    scales = load_scales(stack_file)
    base, knative = "k8s/base", "k8s/overlays/knative"
    return {
        f"{base}/postgres.yaml": _yaml(part for group in _groups(stack) for part in groups.postgres(group)),
        f"{base}/delivery.yaml": _yaml(groups.delivery(group) for group in _delivered(stack)),
        f"{base}/secrets.template.yaml": _yaml(_secrets(stack), TEMPLATE_NOTE),
        f"{knative}/services.yaml": _yaml(service(entry, scales[entry.name]) for entry in stack),
        f"{knative}/budgets.yaml": _yaml(disruption_budget(entry) for entry in stack),
        f"{knative}/routes.yaml": _yaml(route(entry) for entry in stack if entry.routes),
        "docs/dataflow.md": f"<!-- {NOTE} -->\n{dataflow(stack)}",
    }


def rendered_contract() -> dict[str, str]:
    """Return the text of every file that derives from the RAML files, by its path from the root."""
    return {f"shared/tps/api/rendered/{name}": text for name, text in contract_files().items()}


def _groups(stack: tuple[FunctionEntry, ...]) -> list[str]:
    return sorted({group for entry in stack for group in entry.groups})


def _delivered(stack: tuple[FunctionEntry, ...]) -> list[str]:
    """Return the groups whose functions are invoked by messages or ticks."""
    return sorted({group for entry in stack if entry.topics or entry.tick_s for group in entry.groups})


def _secrets(stack: tuple[FunctionEntry, ...]) -> list[Manifest]:
    shared = [
        groups.secret_template(pods.DELIVERY_SECRET, ["TPS_DELIVERY_TOKEN"]),
        groups.secret_template("nats-users", ["users.conf"]),
        groups.secret_template("s3-root", ["MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"]),
        groups.secret_template("tps-gui", ["TPS_GUI_S3_ACCESS_KEY", "TPS_GUI_S3_SECRET_KEY"]),
    ]
    if "ecp" in _groups(stack):
        shared.append(groups.secret_template(pods.AUTHORITY_SECRET, ["authority.pem", "authority.key"]))
    return shared + [part for group in _groups(stack) for part in groups.group_secrets(group)]


def _yaml(manifests: Iterable[Manifest], note: str = "") -> str:
    """Return YAML documents without anchors, so that each document can be read and copied alone."""
    import yaml

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, _data: object) -> bool:
            return True

    notes = [NOTE, note] if note else [NOTE]
    header = "".join(f"# {line}\n" for line in notes)
    return header + yaml.dump_all(manifests, Dumper=Plain, sort_keys=False, width=120, explicit_start=True)


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text() == text


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)

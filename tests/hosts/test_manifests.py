"""The image and the manifests: rendered from stack.yml, valid, and giving each process its own groups' secrets only.

Nothing here needs a cluster or a container engine; k8s/README.md says what that leaves unknown.
"""

import base64
import fnmatch
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.hosts.knative_schemas import SCHEMAS
from tps.runtime import render
from tps.runtime.gui import cluster
from tps.runtime.gui.pages import security_of
from tps.runtime.settings import Settings
from tps.runtime.stack import ROOT, FunctionEntry, load_stack

K8S = ROOT / "k8s"
KUBERNETES = "1.34"
KNATIVE_SERVICE = ("serving.knative.dev/v1", "Service")
RESERVED_BY_KNATIVE = {"PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION"}

Manifest = dict[str, Any]


@cache
def manifests() -> tuple[Manifest, ...]:
    """Every manifest under k8s/, kustomizations aside."""
    files = [path for path in sorted(K8S.rglob("*.yaml")) if path.name != "kustomization.yaml"]
    return tuple(found for path in files for found in yaml.safe_load_all(path.read_text()) if found)


def kind(manifest: Manifest) -> tuple[str, str]:
    return manifest["apiVersion"], manifest["kind"]


def name(manifest: Manifest) -> str:
    return str(manifest["metadata"]["name"])


def of_kind(wanted: str, *, api_version: str | None = None) -> dict[str, Manifest]:
    """Manifests of one kind, by name."""
    found = (m for m in manifests() if m["kind"] == wanted and api_version in (None, m["apiVersion"]))
    return {name(manifest): manifest for manifest in found}


def services() -> dict[str, Manifest]:
    return of_kind("Service", api_version=KNATIVE_SERVICE[0])


def validate(manifest: Manifest) -> None:
    """By Kubernetes' own strict schemas, or ours for the kinds it does not know."""
    if kind(manifest) in SCHEMAS:
        jsonschema.Draft202012Validator(SCHEMAS[kind(manifest)]).validate(manifest)
    else:
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def pod_of(manifest: Manifest) -> Manifest:
    return dict(manifest["spec"]["template"]["spec"])


def workloads() -> list[Manifest]:
    """Whatever runs pods."""
    return [
        manifest
        for manifest in manifests()
        if "containers" in manifest.get("spec", {}).get("template", {}).get("spec", {})
    ]


def ours() -> list[Manifest]:
    """Functions and event delivery: what runs the one image."""
    return [manifest for manifest in workloads() if pod_of(manifest)["containers"][0]["image"] == "tps"]


def secrets_of(pod: Manifest) -> set[str]:
    """Names of the Secrets a pod reads, by environment or volume."""
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
    """What a process would be told: settings, its Secrets with every empty value filled in, its own variables."""
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


class TestRendering:
    def test_what_is_rendered_is_what_the_stack_says(self) -> None:
        assert render.main(check=True) == 0, "run ./tps render"

    def test_drift_is_named_and_put_right(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
        monkeypatch.setattr(render, "ROOT", tmp_path)
        render.main(check=False)
        drifted = tmp_path / "k8s/base/delivery.yaml"
        drifted.write_text("edited by hand")
        capsys.readouterr()

        failed = render.main(check=True)

        assert failed == 1
        assert capsys.readouterr().err.splitlines() == [
            "k8s/base/delivery.yaml differs from what it is made of; run ./tps render"
        ]
        assert render.main(check=False) == 0
        assert render.main(check=True) == 0

    def test_another_stack_renders_other_files(self, tmp_path: Path) -> None:
        other = tmp_path / "stack.yml"
        other.write_text(
            (ROOT / "stack.yml").read_text().replace('com.openfaas.scale.max: "20"', 'com.openfaas.scale.max: "21"')
        )

        changed = {path for path, text in render.rendered(other).items() if text != render.rendered()[path]}

        assert changed == {"k8s/overlays/knative/services.yaml"}

    @pytest.mark.parametrize("path", sorted(render.rendered()))
    def test_a_rendered_file_says_so(self, path: str) -> None:
        assert render.NOTE in (ROOT / path).read_text().splitlines()[0]


class TestForm:
    @named
    def test_a_manifest_is_valid(self, manifest: Manifest) -> None:
        validate(manifest)

    @pytest.mark.parametrize(
        "wanted", ["Service", "HTTPRoute", "Gateway", "ReferenceGrant", "Deployment", "StatefulSet"]
    )
    def test_a_misspelt_field_is_seen(self, wanted: str) -> None:
        manifest = next(m for m in manifests() if m["kind"] == wanted)
        misspelt = {**manifest, "spec": {**manifest["spec"], "replicass": 1}}

        with pytest.raises(jsonschema.ValidationError, match="replicass"):
            validate(misspelt)

    def test_no_two_manifests_are_the_same_thing(self) -> None:
        keys = [(*kind(m), m["metadata"].get("namespace"), name(m)) for m in manifests()]

        assert len(keys) == len(set(keys))

    @pytest.mark.parametrize("folder", ["base", "overlays/knative"])
    def test_a_kustomization_lists_every_file_but_the_templates(self, folder: str) -> None:
        listed = yaml.safe_load((K8S / folder / "kustomization.yaml").read_text())["resources"]

        files = {path.name for path in (K8S / folder).glob("*.yaml")} - {"kustomization.yaml", "secrets.template.yaml"}

        assert {word for word in listed if word.endswith(".yaml")} == files
        assert all((K8S / folder / word).exists() for word in listed)

    @pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
    def test_kustomize_builds_all_but_the_templates(self) -> None:
        built = subprocess.run(
            ["kubectl", "kustomize", str(K8S / "overlays/knative")], capture_output=True, text=True, timeout=60
        )

        assert built.returncode == 0, built.stderr
        made = [(m["kind"], name(m)) for m in yaml.safe_load_all(built.stdout)]
        assert sorted(made) == sorted((m["kind"], name(m)) for m in manifests() if m["kind"] != "Secret")


class TestFunctions:
    def test_every_function_has_exactly_one_service(self) -> None:
        made = [name(manifest) for manifest in manifests() if kind(manifest) == KNATIVE_SERVICE]

        assert made == [entry.deployed_name for entry in load_stack()]

    def test_what_is_woken_by_messages_alone_cannot_be_called_from_outside(self) -> None:
        reachable = [name(manifest) for manifest in manifests() if manifest["kind"] == "HTTPRoute"]

        assert set(reachable) == {entry.deployed_name for entry in load_stack() if entry.routes} | {"gui"}

    @each_entry
    def test_a_service_serves_its_function_for_its_groups(self, entry: FunctionEntry) -> None:
        settings = Settings.from_env(environment_of(services()[entry.deployed_name]))

        assert settings.function == entry.name
        assert set(settings.groups) == set(entry.groups)

    @each_entry
    def test_a_service_waits_longer_than_any_call_may(self, entry: FunctionEntry) -> None:
        pod = pod_of(services()[entry.deployed_name])

        assert pod["timeoutSeconds"] > 55
        assert pod["containerConcurrency"] < Settings.from_env(environment_of(services()[entry.deployed_name])).threads

    @each_entry
    def test_a_service_is_not_public_by_itself(self, entry: FunctionEntry) -> None:
        labels = services()[entry.deployed_name]["metadata"]["labels"]

        assert labels["networking.knative.dev/visibility"] == "cluster-local"

    @pytest.mark.parametrize("entry", [entry for entry in load_stack() if entry.routes], ids=lambda entry: entry.name)
    def test_a_service_is_reached_by_its_routes(self, entry: FunctionEntry) -> None:
        route = of_kind("HTTPRoute")[entry.deployed_name]
        rules = route["spec"]["rules"]

        prefixes = [match["path"]["value"] for rule in rules for match in rule["matches"]]
        hosts = {filter_["urlRewrite"]["hostname"] for rule in rules for filter_ in rule["filters"]}

        assert prefixes == [*entry.routes, f"/function/{entry.deployed_name}"]
        assert hosts == {f"{entry.deployed_name}.tps.svc.cluster.local"}

    @each_entry
    def test_a_service_sets_no_variable_that_knative_reserves(self, entry: FunctionEntry) -> None:
        assert not RESERVED_BY_KNATIVE & environment_of(services()[entry.deployed_name]).keys()

    def test_routes_lead_where_a_grant_lets_them(self) -> None:
        doors = {
            (ref["namespace"], ref["name"])
            for route in of_kind("HTTPRoute").values()
            for rule in route["spec"]["rules"]
            for ref in rule["backendRefs"]
            if ref["namespace"] != route["metadata"]["namespace"]
        }
        granted = {
            (grant["metadata"]["namespace"], to["name"])
            for grant in of_kind("ReferenceGrant").values()
            for to in grant["spec"]["to"]
        }

        assert doors == granted


class TestDelivery:
    def test_every_group_that_is_woken_has_its_own(self) -> None:
        woken = {group for entry in load_stack() if entry.topics or entry.tick_s for group in entry.groups}

        assert set(of_kind("Deployment")) == {f"delivery-{group}" for group in woken}

    @pytest.mark.parametrize("manifest", of_kind("Deployment").values(), ids=name)
    def test_it_holds_one_group(self, manifest: Manifest) -> None:
        settings = Settings.from_env(environment_of(manifest))

        assert [f"delivery-{group}" for group in settings.groups] == [name(manifest)]
        assert settings.function is None

    @pytest.mark.parametrize("manifest", of_kind("Deployment").values(), ids=name)
    def test_it_finds_every_function(self, manifest: Manifest) -> None:
        pattern = Settings.from_env(environment_of(manifest)).function_url

        hosts = {pattern.format(function=entry.deployed_name) for entry in load_stack()}

        assert hosts == {f"http://{service}.tps.svc.cluster.local/" for service in services()}


class TestPages:
    def test_they_come_with_the_headers_that_one_machine_gives_them_and_are_only_read(self) -> None:
        for rule in of_kind("HTTPRoute")["gui"]["spec"]["rules"]:
            (added,) = [each["responseHeaderModifier"] for each in rule["filters"] if "responseHeaderModifier" in each]
            headers = {each["name"]: each["value"] for each in added["set"]}
            settings = Settings.from_env(environment_of(of_kind("Deployment")["delivery-tps"]))

            assert settings.gui.client_id == "tps-gui"
            assert headers == security_of(settings)
            assert {match["method"] for match in rule["matches"]} == {"GET"}
            assert all(match["path"]["value"].startswith("/gui/") for match in rule["matches"])

    def test_the_job_has_all_that_publishing_asks_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        said: dict[str, Any] = {}
        monkeypatch.setattr(cluster, "_open_to_readers", lambda bucket: said.update(bucket=bucket))
        monkeypatch.setattr(cluster, "publish", lambda _bucket, config: said.update(config=config))

        cluster.publish_there(environment_of(of_kind("Job")["publish-gui"]))

        assert said["bucket"].url == "http://s3:9000"
        assert said["config"] == {"sign_in": "oidc", "issuer": "https://login.example", "client_id": "tps-gui"}


class TestSecrets:
    @each_workload
    def test_each_secret_and_config_map_that_is_read_exists(self, manifest: Manifest) -> None:
        assert secrets_of(pod_of(manifest)) <= of_kind("Secret").keys()
        assert config_maps_of(pod_of(manifest)) <= of_kind("ConfigMap").keys()

    def test_each_template_is_read_by_something(self) -> None:
        read = set().union(*(secrets_of(pod_of(manifest)) for manifest in workloads()))

        assert read == of_kind("Secret").keys()

    @pytest.mark.parametrize("secret", of_kind("Secret").values(), ids=name)
    def test_a_template_holds_no_secret(self, secret: Manifest) -> None:
        assert set(secret["stringData"].values()) == {""}
        assert "data" not in secret

    @each_of_ours
    def test_a_process_gets_its_own_groups_secrets_only(self, manifest: Manifest) -> None:
        told = environment_of(manifest)

        groups = {group for group in told.get("TPS_GROUPS", "").split(",") if group}
        assert groups_of_secrets(secrets_of(pod_of(manifest))) == groups

    def test_the_directory_alone_has_the_certificate_authoritys_key(self) -> None:
        holders = {name(manifest) for manifest in workloads() if "tps-authority" in secrets_of(pod_of(manifest))}

        assert holders == {"component-directory"}
        told = environment_of(services()["component-directory"])["TPS_AUTHORITY_FOLDER"]
        (mount,) = (
            mount["mountPath"]
            for mount in pod_of(services()["component-directory"])["containers"][0]["volumeMounts"]
            if mount["name"] == "authority"
        )
        assert told == mount

    def test_only_a_groups_functions_reach_its_postgres(self) -> None:
        for group in {group for entry in load_stack() for group in entry.groups}:
            policy = of_kind("NetworkPolicy")[f"postgres-{group}"]["spec"]
            (rule,) = policy["ingress"]
            (source,) = rule["from"]
            let_in = {
                word for word, service in services().items() if _has(service, source["podSelector"]["matchLabels"])
            }

            assert let_in == {entry.deployed_name for entry in load_stack() if group in entry.groups}
            assert _has(of_kind("StatefulSet")[f"postgres-{group}"], policy["podSelector"]["matchLabels"])

    def test_what_no_policy_lets_in_stays_out(self) -> None:
        everything = [m for m in of_kind("NetworkPolicy").values() if m["spec"]["podSelector"] == {}]

        assert [(m["spec"]["policyTypes"], m["spec"].get("ingress")) for m in everything] == [(["Ingress"], None)]


def _has(manifest: Manifest, labels: dict[str, str]) -> bool:
    borne: dict[str, str] = manifest["spec"]["template"]["metadata"]["labels"]
    return labels.items() <= borne.items()


class TestImages:
    @pytest.mark.parametrize("folder", ["base", "overlays/knative"])
    def test_every_image_is_set_once_by_tag(self, folder: str) -> None:
        images = yaml.safe_load((K8S / folder / "kustomization.yaml").read_text())["images"]

        assert all(image["newTag"] != "latest" for image in images)

    def test_manifests_name_images_and_no_tags(self) -> None:
        settings = yaml.safe_load((K8S / "base/kustomization.yaml").read_text())["images"]
        used = {pod_of(manifest)["containers"][0]["image"] for manifest in workloads()}

        assert used == {image["name"] for image in settings}

    def test_the_base_and_the_overlay_run_the_same_image(self) -> None:
        settings = [
            next(
                image
                for image in yaml.safe_load((K8S / folder / "kustomization.yaml").read_text())["images"]
                if image["name"] == "tps"
            )
            for folder in ("base", "overlays/knative")
        ]

        assert settings[0] == settings[1]

    @each_workload
    def test_no_container_runs_as_root_or_gains_privileges(self, manifest: Manifest) -> None:
        pod = pod_of(manifest)
        context = pod["containers"][0]["securityContext"]

        assert context["runAsNonRoot"]
        assert {**pod.get("securityContext", {}), **context}["runAsUser"] > 0
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}


def instructions() -> list[tuple[str, str]]:
    """(instruction, rest) of the Dockerfile, continued lines joined."""
    joined = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())
    lines = (line for line in joined.splitlines() if line and not line.startswith("#"))
    return [(word.upper(), rest) for word, _, rest in (line.partition(" ") for line in lines)]


def copied() -> list[tuple[str, str]]:
    """(source, target) of what is copied from the repository."""
    copies = (rest.split() for word, rest in instructions() if word == "COPY" and not rest.startswith("--from"))
    return [(source, words[-1]) for words in copies for source in words[:-1]]


def is_ignored(path: str) -> bool:
    """Whether .dockerignore keeps a top-level path out: the last line that matches decides."""
    ignored = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line and not line.startswith("#") and fnmatch.fnmatch(path, line.removeprefix("!")):
            ignored = not line.startswith("!")
    return ignored


class TestDockerfile:
    @pytest.mark.parametrize("source", [source for source, _ in copied()])
    def test_what_is_copied_exists_and_is_not_ignored(self, source: str) -> None:
        assert (ROOT / source).exists()
        assert not is_ignored(source)

    @pytest.mark.parametrize("path", [".git", ".tps", ".env", "tests", "docs"])
    def test_nothing_else_reaches_the_engine(self, path: str) -> None:
        assert is_ignored(path)

    def test_the_last_user_is_a_number_other_than_root_and_the_manifests_agree(self) -> None:
        user = [rest for word, rest in instructions() if word == "USER"][-1].partition(":")[0]

        assert int(user) > 0
        assert {pod_of(m)["containers"][0]["securityContext"]["runAsUser"] for m in ours()} == {int(user)}

    def test_the_python_is_the_one_the_project_is_made_for(self) -> None:
        bases = {rest.split()[0] for word, rest in instructions() if word == "FROM"}

        assert bases == {"python:3.11-slim"}

    def test_packages_are_installed_by_hash_only(self) -> None:
        installs = [rest for word, rest in instructions() if word == "RUN" and "pip install" in rest]

        assert installs
        assert all("--require-hashes -r requirements.lock" in rest for rest in installs)

    def test_it_starts_the_worker(self) -> None:
        assert instructions()[-1] == ("CMD", '["python", "-m", "tps.runtime.worker"]')

    def test_what_is_copied_is_enough_to_find_every_function(self, tmp_path: Path) -> None:
        for source, target in copied():
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, tmp_path / target, dirs_exist_ok=True)
            elif target == "./" and source != "requirements.lock":
                shutil.copy(ROOT / source, tmp_path)
        looking = (
            "from tps.runtime.stack import ROOT, load_stack;"
            "missing = [e.name for e in load_stack() if not (ROOT / 'functions' / e.name / 'func.py').is_file()];"
            "print(ROOT, missing)"
        )

        said = subprocess.run(
            [sys.executable, "-c", looking],
            env={**os.environ, "PYTHONPATH": str(tmp_path / "shared")},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )

        assert said.stdout.strip() == f"{tmp_path} []", said.stderr


class TestServers:
    def test_nats_understands_its_configuration(self, tmp_path: Path) -> None:
        server = shutil.which("nats-server", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        if server is None:
            pytest.skip("nats-server is not installed")
        (tmp_path / "nats.conf").write_text(of_kind("ConfigMap")["nats"]["data"]["nats.conf"])
        (tmp_path / "users.conf").write_text("authorization { users: [{user: a, password: b}] }\n")

        said = subprocess.run([server, "-t", "--config", str(tmp_path / "nats.conf")], capture_output=True, text=True)

        assert said.returncode == 0, said.stderr
        assert "is valid" in said.stderr

    @each_workload
    def test_each_mounted_volume_is_declared(self, manifest: Manifest) -> None:
        pod = pod_of(manifest)
        declared = {volume["name"] for volume in pod.get("volumes", [])}
        declared |= {claim["metadata"]["name"] for claim in manifest["spec"].get("volumeClaimTemplates", [])}

        assert {mount["name"] for mount in pod["containers"][0]["volumeMounts"]} == declared

    @each_workload
    def test_each_workload_selects_its_own_pods(self, manifest: Manifest) -> None:
        if kind(manifest) == KNATIVE_SERVICE:
            pytest.skip("Knative makes the selector")
        if manifest["kind"] == "Job":
            pytest.skip("Kubernetes makes a job's selector")

        assert manifest["spec"]["selector"]["matchLabels"] == manifest["spec"]["template"]["metadata"]["labels"]

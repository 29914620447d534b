"""The manifests: rendered from stack.yml, valid, and with routes to each function.

These tests need neither a cluster nor a container engine; k8s/README.md lists what they cannot check.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.hosts.knative_rules import RESERVED_VARIABLES
from tests.hosts.manifests import (
    K8S,
    KNATIVE_SERVICE,
    OF_KUSTOMIZE,
    Manifest,
    config_maps_of,
    each_entry,
    environment_of,
    kind,
    kustomization,
    manifests,
    name,
    named,
    of_kind,
    ours,
    pod_of,
    services,
    validate,
)
from tps.host.settings import Settings
from tps.host.stack import ROOT, FunctionEntry, load_stack
from tps.local import render
from tps.local.gui import cluster
from tps.local.gui.pages import security_of

KNATIVE = K8S / "overlays/knative"


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
        assert capsys.readouterr().err.splitlines() == ["k8s/base/delivery.yaml is out of date; run ./tps render"]
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

        files = {path.name for path in (K8S / folder).glob("*.yaml")} - {*OF_KUSTOMIZE, "secrets.template.yaml"}

        assert {word for word in listed if word.endswith(".yaml")} == files
        assert all((K8S / folder / word).exists() for word in listed)

    def test_every_file_of_configuration_is_in_a_config_map(self) -> None:
        generators = kustomization("base")["configMapGenerator"]
        used = {path for generator in generators for path in generator.get("files", []) + generator.get("envs", [])}

        assert used == {f"config/{path.name}" for path in (K8S / "base/config").iterdir()}


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
class TestKustomize:
    def test_it_builds_all_but_the_templates(self) -> None:
        made = [(m["kind"], plain(name(m)) if m["kind"] == "ConfigMap" else name(m)) for m in built(KNATIVE)]

        assert sorted(made) == sorted((m["kind"], name(m)) for m in manifests() if m["kind"] != "Secret")

    def test_every_pod_names_config_maps_with_the_hash_of_their_content(self) -> None:
        made = built(KNATIVE)
        hashed = {name(m) for m in made if m["kind"] == "ConfigMap"}

        assert all(plain(word) != word for word in hashed)
        assert hashed == set().union(*(config_maps_of(m) for m in made))

    def test_a_changed_setting_makes_new_pods_of_every_process(self, tmp_path: Path) -> None:
        patch = '[{"op": "replace", "path": "/data/TPS_ISSUER", "value": "https://login.your.example"}]'
        own = {
            "resources": [os.path.relpath(KNATIVE, tmp_path.resolve())],
            "patches": [{"target": {"kind": "ConfigMap", "name": "tps-settings"}, "patch": patch}],
        }
        (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(own))

        before, after = settings_names(built(KNATIVE)), settings_names(built(tmp_path))

        assert before.keys() == after.keys() == {name(m) for m in ours()}
        assert not set(before.values()) & set(after.values())


def built(folder: Path) -> list[Manifest]:
    """Return what kustomize makes of a folder."""
    said = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, timeout=60)
    assert said.returncode == 0, said.stderr
    return list(yaml.safe_load_all(said.stdout))


def plain(hashed: str) -> str:
    """Return the name of a ConfigMap without the hash of its content."""
    return re.sub("-[a-z0-9]{10}$", "", hashed)


def settings_names(made: list[Manifest]) -> dict[str, str]:
    """Return the name of the settings' ConfigMap, by the name of the process that reads it."""
    return {name(m): word for m in made for word in config_maps_of(m) if plain(word) == "tps-settings"}


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
        assert not RESERVED_VARIABLES & environment_of(services()[entry.deployed_name]).keys()

    @each_entry
    def test_a_drain_evicts_one_replica_at_a_time_and_never_waits(self, entry: FunctionEntry) -> None:
        budget = of_kind("PodDisruptionBudget")[entry.deployed_name]["spec"]

        assert budget["maxUnavailable"] == 1
        assert "minAvailable" not in budget
        assert budget["selector"]["matchLabels"] == {"serving.knative.dev/service": entry.deployed_name}

    def test_requests_of_all_functions_fit_a_small_node(self) -> None:
        requests = [pod_of(m)["containers"][0]["resources"]["requests"] for m in services().values()]

        assert sum(int(request["cpu"].removesuffix("m")) for request in requests) <= 500
        assert sum(int(request["memory"].removesuffix("Mi")) for request in requests) <= 1536

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

    def test_the_job_can_be_applied_again_with_another_template(self) -> None:
        assert of_kind("Job")["publish-gui"]["spec"]["ttlSecondsAfterFinished"] <= 300

    def test_the_job_has_all_that_publishing_asks_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        said: dict[str, Any] = {}
        monkeypatch.setattr(cluster, "_open_to_readers", lambda bucket: said.update(bucket=bucket))
        monkeypatch.setattr(cluster, "publish", lambda _bucket, config: said.update(config=config))

        cluster.publish_there(environment_of(of_kind("Job")["publish-gui"]))

        assert said["bucket"].url == "http://s3:9000"
        assert said["config"] == {"sign_in": "oidc", "issuer": "https://login.example", "client_id": "tps-gui"}

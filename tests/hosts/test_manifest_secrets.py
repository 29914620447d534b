"""The manifests give each process only the secrets of its own groups, and the rights and volumes that it needs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hosts.manifests import (
    KNATIVE_SERVICE,
    Manifest,
    config_maps_of,
    each_of_ours,
    each_workload,
    environment_of,
    groups_of_secrets,
    kind,
    name,
    of_kind,
    pod_of,
    secrets_of,
    services,
    workloads,
)
from tps.host.stack import load_stack


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

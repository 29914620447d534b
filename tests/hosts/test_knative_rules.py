"""Every function's service passes Knative's webhook, and every rule of the webhook refuses a service that breaks it."""

from collections.abc import Callable
from copy import deepcopy

import pytest

from tests.hosts.knative_rules import AUTOSCALING, VISIBILITY, refusals
from tests.hosts.manifests import Manifest, each_entry, services
from tps.host.stack import FunctionEntry

Change = Callable[[Manifest], object]


def _metadata(**fields: object) -> Change:
    return lambda service: service["metadata"].update(fields)


def _scale(**annotations: object) -> Change:
    keys = {AUTOSCALING + name.replace("_", "-"): value for name, value in annotations.items()}
    return lambda service: service["spec"]["template"]["metadata"]["annotations"].update(keys)


def _pod(**fields: object) -> Change:
    return lambda service: service["spec"]["template"]["spec"].update(fields)


def _container(**fields: object) -> Change:
    return lambda service: service["spec"]["template"]["spec"]["containers"][0].update(fields)


def _security(**fields: object) -> Change:
    return lambda service: service["spec"]["template"]["spec"]["containers"][0]["securityContext"].update(fields)


def _volume(volume: Manifest, mount: Manifest | None) -> Change:
    def add(service: Manifest) -> None:
        pod = service["spec"]["template"]["spec"]
        pod["volumes"].append(volume)
        pod["containers"][0]["volumeMounts"].extend([mount] if mount else [])

    return add


def _mount(name: str, path: str, **fields: object) -> Manifest:
    return {"name": name, "mountPath": path, **fields}


def _ready(**fields: object) -> Change:
    return _container(readinessProbe={"httpGet": {"path": "/"}, **fields})


SECRET = {"name": "more", "secret": {"secretName": "more"}}
SCRATCH = {"name": "more", "emptyDir": {}}
REFUSED: list[tuple[Change, str]] = [
    (_metadata(name="1st"), "name 1st is not a DNS-1035 label"),
    (_metadata(name="a" * 64), f"name {'a' * 64} is not a DNS-1035 label"),
    (_metadata(labels={VISIBILITY: "public"}), "visibility must be cluster-local"),
    (_metadata(annotations={AUTOSCALING + "min-scale": "1"}), "autoscaling annotations belong to the template"),
    (_scale(min_scale=1), "min-scale must be a count in quotes"),
    (_scale(max_scale="-1"), "max-scale must be a count in quotes"),
    (_scale(min_scale="9", max_scale="8"), "max-scale is less than min-scale"),
    (_pod(hostNetwork=True), "pod: hostNetwork is not allowed"),
    (_pod(nodeSelector={"a": "b"}), "pod: nodeSelector is not allowed"),
    (_pod(securityContext={"fsGroup": 1}), "pod: securityContext is not allowed"),
    (_pod(terminationGracePeriodSeconds=1), "pod: terminationGracePeriodSeconds is not allowed"),
    (_pod(automountServiceAccountToken=True), "automountServiceAccountToken may only be false"),
    (_pod(containerConcurrency=1001), "containerConcurrency must be at most 1000"),
    (_pod(timeoutSeconds=601), "timeoutSeconds must be at most 600"),
    (_volume(SECRET, None), "volume more is not mounted"),
    (_volume({**SECRET, "name": "tmp"}, None), "duplicate volume name"),
    (_volume({**SECRET, "name": "A"}, _mount("A", "/a", readOnly=True)), "volume name A is not a DNS-1123 label"),
    (_volume({"name": "more", "hostPath": {"path": "/"}}, _mount("more", "/a")), "volume: hostPath is not allowed"),
    (_volume({**SECRET, **SCRATCH}, _mount("more", "/a")), "volume more must have exactly one source"),
    (_volume(SECRET, _mount("more", "/more")), "mount more must be read-only"),
    (_volume(SCRATCH, _mount("other", "/more")), "mount other has no volume"),
    (_volume(SCRATCH, _mount("more", "more")), "path more must be absolute"),
    (_volume(SCRATCH, _mount("more", "/dev/")), "path /dev is reserved"),
    (_volume(SCRATCH, _mount("more", "/tmp/")), "mountPath must be unique"),
    (_volume(SCRATCH, _mount("more", "/a", mountPropagation="None")), "mount: mountPropagation is not allowed"),
    (_container(lifecycle={}), "container: lifecycle is not allowed"),
    (_container(image=""), "image is missing"),
    (_container(name="queue-proxy"), "container name queue-proxy is reserved"),
    (_container(env=[{"name": "PORT", "value": "1"}]), "variable PORT is reserved"),
    (_container(env=[{"name": "K_REVISION", "value": "1"}]), "variable K_REVISION is reserved"),
    (_container(env=[{"name": "A", "valueFrom": {"fieldRef": {}}}]), "valueFrom: fieldRef is not allowed"),
    (_container(envFrom=[{}]), "envFrom must have exactly one of configMapRef and secretRef"),
    (_container(ports=[{"containerPort": 1}, {"containerPort": 2}]), "more than one port"),
    (_container(ports=[{"containerPort": 1, "hostPort": 1}]), "port: hostPort is not allowed"),
    (_container(ports=[{"containerPort": 8012}]), "port 8012 is reserved"),
    (_container(ports=[{"containerPort": 65536}]), "containerPort is out of bounds"),
    (_container(ports=[{"containerPort": 1, "name": "rest"}]), "port name rest is not allowed"),
    (_container(ports=[{"containerPort": 1, "protocol": "UDP"}]), "protocol must be TCP"),
    (_container(resources={"claims": []}), "resources: claims is not allowed"),
    (_security(procMount="Default"), "securityContext: procMount is not allowed"),
    (_security(capabilities={"add": ["SYS_TIME"]}), "only the capability NET_BIND_SERVICE may be added"),
    (_security(runAsUser=2**31), "runAsUser is out of bounds"),
    (_ready(timeoutSeconds=5), "timeoutSeconds is disallowed when periodSeconds is zero"),
    (_ready(failureThreshold=3), "failureThreshold is disallowed when periodSeconds is zero"),
    (_ready(periodSeconds=-1), "periodSeconds is out of bounds"),
    (_ready(periodSeconds=1, timeoutSeconds=-1), "timeoutSeconds must be at least 1"),
    (_ready(successThreshold=-1), "successThreshold must be at least 1"),
    (_ready(tcpSocket={}), "a probe must have one handler"),
    (_container(livenessProbe={"tcpSocket": {"port": "rest"}}), "probe port rest is not the container's port"),
]


@each_entry
def test_the_webhook_admits_each_service(entry: FunctionEntry) -> None:
    assert refusals(services()[entry.deployed_name]) == []


@pytest.mark.parametrize(("change", "reason"), REFUSED, ids=[reason for _, reason in REFUSED])
def test_the_webhook_refuses(change: Change, reason: str) -> None:
    service = deepcopy(services()["component-directory"])
    change(service)

    assert reason in refusals(service)


def test_two_containers_are_refused() -> None:
    service = deepcopy(services()["component-directory"])
    containers = service["spec"]["template"]["spec"]["containers"]
    containers.append(containers[0])

    assert refusals(service) == ["exactly one container serves"]

"""The Pod Security Standard `restricted` of Kubernetes, and what we ask beyond it.

Source: Kubernetes documentation, "Pod Security Standards", with the volume type `image`, which admission allows since
1.33 though the page does not list it, and without `host` in probes, which it refuses since 1.34.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.chart.pods import Pod

VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret",
}  # fmt: skip
SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_syncookies",
}
SELINUX_TYPES = {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
HANDLERS = ("startupProbe", "readinessProbe", "livenessProbe")


def violations(pod: Pod) -> list[str]:
    """Why admission would refuse the pod in a namespace with `enforce: restricted`; empty where it would not."""
    found = [*_of_pod(pod.spec), *_of_volumes(pod.spec)]
    for container in pod.containers:
        found += [f"container {container['name']}: {each}" for each in _of_container(container, pod.spec)]
    return [f"{pod.name}: {each}" for each in found]


def beyond(pod: Pod) -> list[str]:
    """Not part of the standard: what a pod of ours has all the same."""
    found = []
    if pod.spec.get("automountServiceAccountToken") is not False and pod.component != "worker":
        found.append("has the token of a service account")
    for container in pod.containers:
        secured = container.get("securityContext") or {}
        if secured.get("readOnlyRootFilesystem") is not True:
            found.append(f"container {container['name']}: its root can be written")
        if not (container.get("resources") or {}).get("requests"):
            found.append(f"container {container['name']}: requests nothing, so that it is the first to be evicted")
        if ":" not in container["image"] or container["image"].endswith(":latest"):
            found.append(f"container {container['name']}: the image {container['image']} is whatever comes")
    return [f"{pod.name}: {each}" for each in found]


def _of_pod(spec: dict[str, Any]) -> Iterator[str]:
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(name):
            yield name
    secured = spec.get("securityContext") or {}
    yield from _of_context(secured)
    for sysctl in secured.get("sysctls") or []:
        if sysctl["name"] not in SYSCTLS:
            yield f"sysctl {sysctl['name']}"


def _of_volumes(spec: dict[str, Any]) -> Iterator[str]:
    for volume in spec.get("volumes") or []:
        if kinds := set(volume) - {"name"} - VOLUMES:
            yield f"volume {volume['name']} is a {kinds.pop()}"


def _of_container(container: dict[str, Any], spec: dict[str, Any]) -> Iterator[str]:
    own = container.get("securityContext") or {}
    both = {**(spec.get("securityContext") or {}), **own}
    yield from _of_context(own)
    if own.get("privileged"):
        yield "privileged"
    if own.get("procMount", "Default") != "Default":
        yield "procMount"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "may gain privileges"
    if both.get("runAsNonRoot") is not True:
        yield "may run as root"
    if "seccompProfile" not in both:
        yield "no seccomp profile"
    capabilities = own.get("capabilities") or {}
    if "ALL" not in (capabilities.get("drop") or []):
        yield "keeps capabilities"
    if set(capabilities.get("add") or []) - {"NET_BIND_SERVICE"}:
        yield "adds capabilities"
    if any(port.get("hostPort") for port in container.get("ports") or []):
        yield "hostPort"
    yield from _of_handlers(container)


def _of_context(context: dict[str, Any]) -> Iterator[str]:
    """What stands at a pod and at a container alike."""
    if context.get("runAsUser") == 0:
        yield "runs as user 0"
    if context.get("runAsNonRoot") is False:
        yield "says that it may run as root"
    if (context.get("seccompProfile") or {}).get("type", "RuntimeDefault") not in ("RuntimeDefault", "Localhost"):
        yield "unconfined seccomp profile"
    if (context.get("appArmorProfile") or {}).get("type", "RuntimeDefault") not in ("RuntimeDefault", "Localhost"):
        yield "unconfined AppArmor profile"
    if (context.get("windowsOptions") or {}).get("hostProcess"):
        yield "hostProcess"
    selinux = context.get("seLinuxOptions") or {}
    if selinux.get("type", "") not in SELINUX_TYPES or selinux.get("user") or selinux.get("role"):
        yield "SELinux options"


def _of_handlers(container: dict[str, Any]) -> Iterator[str]:
    hooks = (container.get("lifecycle") or {}).values()
    for handler in [*(container.get(name) or {} for name in HANDLERS), *hooks]:
        if (handler.get("httpGet") or {}).get("host") or (handler.get("tcpSocket") or {}).get("host"):
            yield "a probe or hook asks another host"

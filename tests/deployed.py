"""What deploy/ says, read as the programs that are to use it read it."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).parents[1] / "deploy"


@dataclass(frozen=True, kw_only=True)
class Process:
    """One process that a file starts."""

    where: str
    command: tuple[str, ...]  # after `mesrai`
    env: Mapping[str, str]
    health: tuple[str, ...] = ()  # after `mesrai`; empty: none
    probes: Mapping[str, tuple[int, str]] = field(default_factory=dict)  # port and path by name
    grace_s: float


def compose_processes(name: str) -> Iterator[Process]:
    """The services of ours."""
    for service, said in yaml.safe_load((DEPLOY / name).read_text())["services"].items():
        if not str(said["image"]).startswith("${MESRAI_IMAGE"):
            continue
        check = said.get("healthcheck", {}).get("test", ["CMD", "mesrai"])
        assert check[:2] == ["CMD", "mesrai"]
        yield Process(
            where=f"{name}: {service}",
            command=tuple(said["command"]),
            env=said["environment"],
            health=tuple(check[2:]),
            grace_s=_seconds(said["stop_grace_period"]),
        )


def manifests() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every document of the Kubernetes manifests."""
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            yield path.name, document


def kubernetes_processes() -> Iterator[Process]:
    """The containers."""
    env = next(each["data"] for _, each in manifests() if each["kind"] == "ConfigMap")
    for name, document in manifests():
        if document["kind"] not in ("Deployment", "Job"):
            continue
        pod = document["spec"]["template"]["spec"]
        [container] = pod["containers"]
        ports = {each["name"]: int(each["containerPort"]) for each in container.get("ports", [])}
        probes = {key: container[key]["httpGet"] for key in container if key.endswith("Probe")}
        yield Process(
            where=f"{name}: {document['metadata']['name']}",
            command=tuple(container["args"]),
            env=env,
            probes={key: (ports[each["port"]], each["path"]) for key, each in probes.items()},
            grace_s=float(pod["terminationGracePeriodSeconds"]),
        )


def units() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """The systemd units: the values of every key, in their order."""
    found: dict[str, dict[str, list[str]]] = {}
    for path in sorted((DEPLOY / "systemd").glob("*.service")):
        values: dict[str, list[str]] = {}
        for line in path.read_text().splitlines():
            key, sign, value = line.partition("=")
            if sign and not line.startswith("#"):
                values.setdefault(key, []).append(value)
        found[path.name] = values
    return found


def unit_processes(instance: str = "1") -> Iterator[Process]:
    """What the units start."""
    for name, values in units().items():
        program, *command = shlex.split(values["ExecStart"][0].replace("%i", instance))
        assert program == "/opt/mesrai/bin/mesrai"
        yield Process(
            where=name,
            command=tuple(command),
            env=dict(each.replace("%i", instance).split("=", 1) for each in values["Environment"]),
            grace_s=float(values.get("TimeoutStopSec", ["90"])[0]),
        )


def image_commands() -> Iterator[tuple[str, ...]]:
    """What the image starts, and how it is asked whether it is well."""
    text = (DEPLOY / "Dockerfile").read_text()
    lists = [tuple(yaml.safe_load(each)) for each in re.findall(r"(?:ENTRYPOINT|CMD) (\[.*\])", text)]
    health, entry, usual = lists
    yield (*entry, *usual)
    yield health


def _seconds(text: str) -> float:
    return float(text.removesuffix("s"))

"""What deploy/ and docs/operate say is what the code does: variables, command lines, ports, metrics, links."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from tests.deployed import (
    DEPLOY,
    Process,
    compose_processes,
    image_commands,
    kubernetes_processes,
    manifests,
    unit_processes,
    units,
)
from tests.operate_pages import ENV_EXAMPLE, METRICS_PAGE, env_template, metrics_page, names_in

from mesrai import __version__
from mesrai.cli.main import cli
from mesrai.domain.figures import OF_THE_DATABASE, OF_THE_PROCESS

OPERATE = DEPLOY.parent / "docs" / "operate"
SOURCE = DEPLOY.parent / "src" / "mesrai"
UID = 10001
# Of the files of deploy/ alone.
OF_THE_FILES = {"MESRAI_IMAGE", "MESRAI_HOST"}


def processes() -> list[Process]:
    return [
        *compose_processes("compose.yml"),
        *compose_processes("compose.scaled.yml"),
        *kubernetes_processes(),
        *unit_processes(),
    ]


def checked(arguments: Sequence[str]) -> None:
    """The command line is one that `mesrai` takes, values and all. Errors: click.ClickException."""
    command: click.Command = cli
    rest = list(arguments)
    while isinstance(command, click.Group) and rest:
        name = rest.pop(0)
        found = command.get_command(click.Context(command), name)
        if found is None:
            raise click.UsageError(f"no such command: {name}")
        command = found
    command.make_context("mesrai", rest)


def test_the_generated_files_are_up_to_date() -> None:
    assert ENV_EXAMPLE.read_text("utf-8") == env_template()
    assert METRICS_PAGE.read_text("utf-8") == metrics_page()


def test_the_template_names_every_variable_that_the_code_reads_once() -> None:
    named = names_in(env_template())
    assert len(set(named)) == len(named)
    # What only a command in a terminal or a pipeline reads is not the service's.
    paths = [path for path in SOURCE.rglob("*.py") if SOURCE / "cli" not in path.parents]
    read = set(re.findall(r'"(MESRAI_[A-Z0-9_]*[A-Z0-9])"', "\n".join(path.read_text("utf-8") for path in paths)))
    assert read <= set(named)
    fixed = {"API_LLM_PROVIDER_MODEL", "API_OPENAI_FORCE_BASE_URL", "API_OPEN_AI_API_KEY", "API_CRYPTO_KEY"}
    assert fixed <= set(named)
    assert {f"MESRAI_FALLBACK_{name}" for name in ("MODEL", "API_KEY")} <= set(named)


def test_every_variable_that_a_file_or_a_page_names_exists() -> None:
    named = {*names_in(env_template()), *OF_THE_FILES}
    texts = [*(path for path in DEPLOY.rglob("*") if path.is_file()), *OPERATE.glob("*.md")]
    variable = re.compile(r"\bMESRAI_[A-Z0-9_]*[A-Z0-9]\b")
    found = {(path.name, name) for path in texts for name in variable.findall(path.read_text())}
    assert len(found) > 20
    assert {each for each in found if each[1] not in named} == set()


@pytest.mark.parametrize("process", processes(), ids=lambda each: each.where)
def test_every_process_is_started_and_asked_by_a_command_line_that_there_is(process: Process) -> None:
    checked(process.command)
    if process.health:
        checked(process.health)
        port = _option(process.health, "--port", "8470")
        assert port in (_option(process.command, "--port", "8470"), str(process.env.get("MESRAI_METRICS_PORT")))
    for number, path in process.probes.values():
        assert path in ("/health/live", "/health/ready")
        assert str(number) in (_option(process.command, "--port", "8470"), process.env["MESRAI_METRICS_PORT"])
    assert process.grace_s >= 30, "a worker gives back what it does, and requests end"


def test_a_command_line_that_there_is_not_is_found_out() -> None:
    for wrong in (["serv"], ["serve", "--prot", "1"], ["worker", "--jobs", "many"], ["health", "--port", "0"]):
        with pytest.raises(click.ClickException):
            checked(wrong)


def test_the_image_starts_what_there_is_without_rights() -> None:
    for program, *arguments in image_commands():
        assert program == "mesrai"
        checked(arguments)
    text = (DEPLOY / "Dockerfile").read_text()
    assert f"USER {UID}:{UID}" in text
    assert text.index(f"USER {UID}") > text.index("apt-get")
    ignored = (DEPLOY.parent / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    copied = {name for line in re.findall(r"COPY (?!--from)(.+) \./", text) for name in line.split()} | {"src"}
    assert {each.removeprefix("!") for each in ignored if each.startswith("!")} == copied
    assert all((DEPLOY.parent / name).exists() for name in copied)


@pytest.mark.parametrize("name", ["compose.yml", "compose.scaled.yml"])
def test_services_have_a_file_system_and_rights_to_read_only(name: str) -> None:
    told = yaml.safe_load((DEPLOY / name).read_text())
    ours = [each for each in told["services"].values() if str(each["image"]).startswith("${MESRAI_IMAGE")]
    for each in ours:
        assert each["image"] == f"${{MESRAI_IMAGE:-mesrai:{__version__}}}"
        assert (each["user"], each["read_only"], each["cap_drop"]) == (f"{UID}:{UID}", True, ["ALL"])
        assert each["security_opt"] == ["no-new-privileges:true"]
        written = [str(mount).split(":")[-1 if "volumes" in mount else 0] for mount in each["tmpfs"]]
        mounted = {str(mount).split(":")[1] for mount in each["volumes"]} | {each.split(":")[0] for each in written}
        assert {"/var/lib/mesrai", "/var/cache/mesrai", "/tmp"} <= mounted
    named = set(told.get("volumes", {}))
    used = {str(each).split(":")[0] for service in told["services"].values() for each in service.get("volumes", [])}
    assert {each for each in used if not each.startswith(".")} == named
    for service in told["services"].values():
        assert set(service.get("secrets", [])) <= set(told.get("secrets", {}))
        assert set(service.get("depends_on", [])) <= set(told["services"])
        for line in (str(each).split(":")[0] for each in service.get("volumes", [])):
            assert not line.startswith(".") or (DEPLOY / line).exists()


def test_only_the_proxy_and_a_port_of_this_machine_are_published() -> None:
    single = yaml.safe_load((DEPLOY / "compose.yml").read_text())["services"]["mesrai"]
    assert single["ports"] == ["127.0.0.1:8470:8470"]
    scaled = yaml.safe_load((DEPLOY / "compose.scaled.yml").read_text())
    assert [name for name, each in scaled["services"].items() if "ports" in each] == ["proxy"]
    assert {name: each["deploy"]["replicas"] for name, each in scaled["services"].items() if "deploy" in each} == {
        "api": 2,
        "worker": 3,
    }
    subnet = scaled["networks"]["outside"]["ipam"]["config"][0]["subnet"]
    assert scaled["services"]["api"]["environment"]["MESRAI_TRUSTED_PROXIES"] == subnet


def test_manifests_belong_together_and_their_pods_have_no_rights() -> None:
    documents = [each for _, each in manifests()]
    kinds = [each["kind"] for each in documents]
    assert sorted(kinds) == sorted(
        ["Deployment", "Deployment", "Job", "Service", "ConfigMap", "Secret", *["PodDisruptionBudget"] * 2]
    )
    config, secret = (next(each for each in documents if each["kind"] == kind) for kind in ("ConfigMap", "Secret"))
    files = {value for name, value in config["data"].items() if name.endswith("_FILE")}
    assert files == {f"/run/secrets/mesrai/{key}" for key in secret["stringData"]}
    labels = {}
    for each in documents:
        if each["kind"] in ("Deployment", "Job"):
            pod = each["spec"]["template"]
            labels[each["metadata"]["name"]] = pod["metadata"]["labels"]
            _check_pod(pod["spec"])
    for each in documents:
        if each["kind"] == "Deployment":
            assert each["spec"]["selector"]["matchLabels"] == labels[each["metadata"]["name"]]
        if each["kind"] == "PodDisruptionBudget":
            assert each["spec"]["selector"]["matchLabels"] == labels[each["metadata"]["name"]]
        if each["kind"] == "Service":
            assert each["spec"]["selector"] == labels["mesrai-api"]
            assert [port["targetPort"] for port in each["spec"]["ports"]] == ["http"], "metrics are not public"


def _check_pod(pod: dict[str, Any]) -> None:
    [container] = pod["containers"]
    assert container["image"] == f"mesrai:{__version__}"
    assert (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"]) == (True, UID)
    assert pod["automountServiceAccountToken"] is False
    context = container["securityContext"]
    assert context["readOnlyRootFilesystem"] is True
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"]["drop"] == ["ALL"]
    assert {each["name"] for each in container["volumeMounts"]} == {each["name"] for each in pod["volumes"]}
    assert pod["volumes"][0]["secret"]["defaultMode"] == 0o440
    assert "memory" in container["resources"]["limits"]


def test_the_units_are_hardened_alike_and_start_in_order() -> None:
    found = units()
    assert set(found) == {"mesrai.service", "mesrai-migrate.service", "mesrai-api@.service", "mesrai-worker@.service"}
    for name, values in found.items():
        for key, value in (("NoNewPrivileges", "yes"), ("ProtectSystem", "strict"), ("CapabilityBoundingSet", "")):
            assert values[key] == [value], name
        assert values["SystemCallFilter"] == ["@system-service"]
        assert values["User"] == ["mesrai"]
        if "@" in name:
            assert values["Requires"] == ["mesrai-migrate.service"]
            assert "mesrai-migrate.service" in values["After"][0]


def test_every_alarm_is_a_rule_and_names_figures_that_there_are() -> None:
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alarms.yml").read_text())["groups"][0]["rules"]
    page = (OPERATE / "alarms.md").read_text()
    told = dict(re.findall(r"^## (\w+)\n\n`([^`]+)`", page, flags=re.MULTILINE))
    assert {each["alert"]: each["expr"] for each in rules} == {
        name: " ".join(expression.split()) for name, expression in told.items()
    }
    spans = dict(re.findall(r"^## (\w+)\n\n`[^`]+`\s+for (\d+) minutes?", page, flags=re.MULTILINE))
    assert {each["alert"]: each["for"] for each in rules if "for" in each} == {k: f"{v}m" for k, v in spans.items()}
    families = {each.name: each for each in (*OF_THE_PROCESS, *OF_THE_DATABASE)}
    for each in rules:
        names = set(re.findall(r"\bmesrai_[a-z_]+", each["expr"]))
        assert names, each["alert"]
        assert {re.sub(r"_seconds_count$", "_seconds", name) for name in names} <= set(families)
        for name, labels in re.findall(r"(mesrai_[a-z_]+)\{([^}]+)\}", each["expr"]):
            family = families[re.sub(r"_seconds_count$", "_seconds", name)]
            assert set(re.findall(r"(\w+)=", labels)) <= set(family.labels)
        assert each["annotations"]["runbook"] == f"docs/operate/alarms.md#{each['alert'].lower()}"


COMMAND = re.compile(r"(?:(?<![/\w])mesrai-admin|^mesrai|exec mesrai mesrai) ([^\n]+)", flags=re.MULTILINE)


def commands_of(page: Path) -> Iterator[list[str]]:
    for block in re.findall(r"^```sh[^\n]*\n(.*?)^```", page.read_text(), flags=re.DOTALL | re.MULTILINE):
        lines = block.replace("\\\n", " ")
        for said in COMMAND.findall(lines):
            plain = re.sub(r'"\$\(.*\)"', "X", said)
            plain = re.sub(r'"[0-9]*\$\w+"', "9471", plain)
            yield shlex.split(re.split(r"&&|;|#|<|>|\|", plain)[0])


def test_every_command_of_the_pages_is_one_that_there_is() -> None:
    found = [(page.name, words) for page in sorted(OPERATE.glob("*.md")) for words in commands_of(page)]
    assert len(found) > 12
    for page, words in found:
        is_restore = words[0] == "restore"  # which looks whether there is such a file
        try:
            checked(["restore", str(ENV_EXAMPLE)] if is_restore else words)
        except click.ClickException as error:
            raise AssertionError(f"{page}: {' '.join(words)}: {error.format_message()}") from error


def test_every_link_of_the_pages_leads_somewhere() -> None:
    for page in OPERATE.glob("*.md"):
        for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
            assert (OPERATE / target).exists(), f"{page.name}: {target}"


def program_of_tests(name: str) -> str:
    """A program among the dependencies of the tests; the test is skipped where it is not installed."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed here; `uv sync` brings it")
    return found


def linted(*command: str, stdin: str | None = None) -> str:
    """What a linter finds; empty if nothing."""
    ran = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=30, check=False)
    found = ran.stdout + ran.stderr
    assert (ran.returncode == 0) == (not found.strip()), found
    return found


def test_the_image_is_written_as_hadolint_wants_it() -> None:
    hadolint = program_of_tests("hadolint")
    assert linted(hadolint, "--no-color", str(DEPLOY / "Dockerfile")) == ""
    assert "DL3006" in linted(hadolint, "--no-color", "-", stdin="FROM python\n"), "it finds what is wrong"


YAML_RULES = """
extends: default
rules:
  line-length: {max: 170}
  document-start: disable
  truthy: {check-keys: false}
  comments: {min-spaces-from-content: 1}
"""


def shipped_yaml() -> list[Path]:
    root = DEPLOY.parent
    folders = (DEPLOY, root / ".github", root / "docs")
    found = [path for folder in folders for path in folder.rglob("*") if path.suffix in (".yml", ".yaml")]
    return sorted([*found, *root.glob("*.y*ml"), *root.glob(".*.y*ml")])


def test_every_yaml_file_that_is_shipped_is_well_written() -> None:
    yamllint = program_of_tests("yamllint")
    names = {path.name for path in shipped_yaml()}
    assert {"compose.yml", "api.yaml", "alarms.yml", "review.yml", "gitlab.yml", "action.yml"} <= names
    assert ".pre-commit-hooks.yaml" in names
    assert linted(yamllint, "--strict", "--config-data", YAML_RULES, *map(str, shipped_yaml())) == ""
    twice = linted(yamllint, "--strict", "--config-data", YAML_RULES, "-", stdin="a: 1\na: 2\n")
    assert "key-duplicates" in twice, "it finds what is wrong"


def test_the_proxies_lead_to_the_port_and_hold_the_limits_of_the_door() -> None:
    nginx, caddy = ((DEPLOY / "proxy" / name).read_text() for name in ("nginx.conf", "Caddyfile"))
    assert "server 127.0.0.1:8470" in nginx
    assert "reverse_proxy 127.0.0.1:8470" in caddy
    assert "client_max_body_size 5m;" in nginx
    assert "max_size 5MB" in caddy
    assert "proxy_buffering off;" in nginx
    assert "flush_interval -1" in caddy
    assert "location = /webhooks/github" in nginx
    for text in (nginx, caddy, (DEPLOY / "proxy" / "Caddyfile.scaled").read_text()):
        assert text.count("{") == text.count("}")


def _option(words: Sequence[str], name: str, usual: str) -> str:
    return words[list(words).index(name) + 1] if name in words else usual

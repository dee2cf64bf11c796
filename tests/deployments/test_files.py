"""What lies in deployments/ is what Docker, Compose, Kubernetes and Prefect can read."""

import json
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DEPLOYMENTS = ROOT / "deployments"
BIN = Path(sys.executable).parent


def load(name: str) -> Any:
    return yaml.safe_load((DEPLOYMENTS / name).read_text())


def test_hadolint_has_nothing_to_say_about_the_image() -> None:
    hadolint = shutil.which("hadolint", path=str(BIN)) or shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is not installed")
    found = subprocess.run(
        [hadolint, str(DEPLOYMENTS / "Dockerfile")], capture_output=True, text=True
    )
    assert (found.returncode, found.stdout) == (0, "")


def test_the_image_has_weights_a_user_a_healthcheck_and_all_that_it_copies() -> None:
    text = (DEPLOYMENTS / "Dockerfile").read_text()
    assert "tonescribe weights fetch" in text
    assert re.search(r"^USER (?!root|0\b)\S+$", text, re.MULTILINE)
    assert 'CMD ["tonescribe", "doctor"]' in text
    allowed = (DEPLOYMENTS / "Dockerfile.dockerignore").read_text().splitlines()
    for source in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        for name in source.split():
            assert (ROOT / name).exists(), name
            assert f"!{name.split('/')[0]}" in allowed, name


def test_compose_reads_its_file() -> None:
    compose = pytest.importorskip("compose_spec")
    merged = yaml.safe_dump(load("compose.yaml"))  # it knows no merge keys; Compose does
    made = compose.PyCompose.from_yaml(merged)
    made.validate()
    assert set(made.service_names()) == {
        "database",
        "server",
        "deploy",
        "worker",
        "review",
        "store",
    }


def test_only_loopback_reaches_the_services_and_no_password_has_a_default() -> None:
    services = load("compose.yaml")["services"]
    for service in services.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    text = (DEPLOYMENTS / "compose.yaml").read_text()
    assert set(re.findall(r"\$\{(\w+):\?", text)) == set(re.findall(r"\$\{(\w+)", text))


def test_kubernetes_template_uses_each_variable_that_it_has() -> None:
    template = json.loads((DEPLOYMENTS / "kubernetes-job.json").read_text())
    used = set(re.findall(r"{{ (\w+) }}", json.dumps(template["job_configuration"])))
    assert used == set(template["variables"]["properties"])
    pod = template["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]


@pytest.mark.parametrize("deployment", load("prefect.yaml")["deployments"], ids=lambda d: d["name"])
def test_each_deployment_names_a_flow_that_is_there(deployment: dict[str, Any]) -> None:
    path, name = deployment["entrypoint"].split(":")
    flow = getattr(import_module(path.removesuffix(".py").replace("/", ".")), name)
    assert set(deployment.get("parameters", {})) <= set(flow.parameters.properties)
    assert not any(each["active"] for each in deployment.get("schedules", ()))


@pytest.mark.parametrize("name", ["dead-workers.yaml", "tell-of-failures.yaml"])
def test_prefect_reads_the_automations(name: str) -> None:
    from prefect.automations import AutomationCore

    assert AutomationCore.model_validate(load(name)).actions


def test_one_script_makes_secrets_once_and_starts_all_on_a_server(tmp_path: Path) -> None:
    folder = tmp_path / "deployments"
    folder.mkdir()
    shutil.copy(DEPLOYMENTS / "one-server.sh", folder)
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\necho "$@"\n')
    docker.chmod(0o755)

    def start() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", str(folder / "one-server.sh")],
            env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )

    unconfigured = start()
    assert unconfigured.returncode == 2
    assert "tonescribe.example.toml" in unconfigured.stderr
    (folder / "tonescribe.toml").touch()
    first = start()
    secrets = (folder / ".env").read_text()
    asked = set(re.findall(r"\$\{(\w+)", (DEPLOYMENTS / "compose.yaml").read_text()))
    assert {line.split("=")[0] for line in secrets.splitlines()} == asked
    assert (folder / ".env").stat().st_mode & 0o077 == 0
    token = re.search(r"^REVIEW_TOKEN=(\w{48})$", secrets, re.MULTILINE)
    assert token
    assert f"http://localhost:8791/?token={token[1]}" in first.stdout
    assert "compose.yaml up --build --detach" in first.stdout
    assert start().stdout == first.stdout

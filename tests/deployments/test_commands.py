"""Every command that stands in deployments/ and in the documents is one that the programs take.

Nothing of it is run here but `deploy.sh`, with a stand-in for `prefect` that writes down what it is
given; `tests/flows/test_postgres.py` runs the server as `compose.yaml` has it.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import typer
import yaml

from flows.cli.app import app

ROOT = Path(__file__).parents[2]
DEPLOYMENTS = ROOT / "deployments"
BIN = Path(sys.executable).parent


def take_tonescribe(arguments: Sequence[str]) -> None:
    """Parse the arguments as the program does; raises where it refuses them."""
    group: Any = typer.main.get_command(app)
    with group.make_context("tonescribe", [*arguments]) as context:
        rest = [*context._protected_args, *context.args]
        if rest:
            name, command, rest = group.resolve_command(context, rest)
            while hasattr(command, "resolve_command"):
                context = command.make_context(name, rest, parent=context)
                name, command, rest = command.resolve_command(
                    context, [*context._protected_args, *context.args]
                )
            command.make_context(name, rest, parent=context)


def take_prefect(arguments: Sequence[str]) -> None:
    """Parse the arguments as the program does; raises where it refuses them."""
    from prefect.cli._app import _app

    quiet = {"exit_on_error": False, "print_error": False}
    _, bound, *_ = _app.meta.parse_args([*arguments], **quiet)
    command, *_ = _app.parse_args([*bound.args], **quiet)
    assert "help" not in command.__name__, f"prefect has no {arguments}"


PROGRAMS = {"tonescribe": take_tonescribe, "prefect": take_prefect}


def check(command: Sequence[str]) -> None:
    program, *arguments = command
    if program in PROGRAMS:
        assert (BIN / program).exists(), program
        PROGRAMS[program](arguments)
    elif program == "sh":
        subprocess.run(["sh", "-n", str(ROOT / arguments[0])], check=True)
    elif program == "python":
        compile(arguments[arguments.index("-c") + 1], "healthcheck", "exec")
    else:
        assert program == "env"
        check(arguments)


def image() -> dict[str, list[str]]:
    text = (DEPLOYMENTS / "Dockerfile").read_text()
    runs = re.findall(r"^(HEALTHCHECK|ENTRYPOINT|CMD) .*?(\[.*\])$", text, re.MULTILINE)
    return {kind: json.loads(run) for kind, run in runs}


def in_compose() -> Iterator[tuple[str, list[str]]]:
    services = yaml.safe_load((DEPLOYMENTS / "compose.yaml").read_text())["services"]
    for name, service in services.items():
        if service.get("image") != "tonescribe":
            continue
        starts = service.get("entrypoint", image()["ENTRYPOINT"])
        yield name, [*starts, *service["command"]]
        test = service.get("healthcheck", {}).get("test")
        if test:
            assert test[0] == "CMD"
            yield f"{name}'s healthcheck", test[1:]


def in_text(name: str) -> Iterator[str]:
    """Yield the commands of a comment or of a code block, without the words beside them."""
    text = (ROOT / name).read_text()
    if name.endswith(".md"):
        text = "\n".join(re.findall(r"^```(?:sh)?\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    # a quotation may go over lines
    for line in re.findall(
        r"^(?:#  +)?((?:tonescribe|prefect) (?:\"[^\"]*\"|[^\n\"])*)", text, re.MULTILINE
    ):
        yield re.split(r"  +[#(]", line)[0].strip()


NAMES = (
    "README.md",
    "deployments/prefect.yaml",
    *(f"docs/{page}.md" for page in ("start", "nightly", "machines", "privacy", "review", "seeds")),
)
TEXTS = [(name, command) for name in NAMES for command in in_text(name)]


def test_texts_with_commands_are_found() -> None:
    assert {name for name, _ in TEXTS} >= {*NAMES} - {"docs/machines.md"}
    assert len(TEXTS) > 20


@pytest.mark.parametrize("command", [*dict.fromkeys(command for _, command in TEXTS)])
def test_commands_of_the_texts_are_taken(command: str) -> None:
    given = {"DAYS": "90", "ID": str(UUID(int=1))}
    check([given.get(word, word) for word in shlex.split(command)])


def test_the_image_starts_tonescribe_and_checks_its_health() -> None:
    found = image()
    with pytest.raises(typer.Exit):  # it is --help
        check([*found["ENTRYPOINT"], *found["CMD"]])
    check(found["HEALTHCHECK"])
    text = (DEPLOYMENTS / "Dockerfile").read_text().replace("\\\n#", "")
    (example,) = re.findall(r"docker run .* tonescribe +(annotate .*)", text)
    check([*found["ENTRYPOINT"], *shlex.split(example)])
    assert re.search(r"&& tonescribe weights fetch$", text, re.MULTILINE)
    check(["tonescribe", "weights", "fetch"])


@pytest.mark.parametrize(("name", "command"), [*in_compose()], ids=lambda part: str(part)[:30])
def test_services_start_what_is_there(name: str, command: list[str]) -> None:
    check(command)


@pytest.mark.parametrize("pool", ["process", "kubernetes"])
def test_the_deployment_gives_prefect_what_it_takes(tmp_path: Path, pool: str) -> None:
    """Also where the queue is there already: then its limit is set."""
    record = tmp_path / "prefect"
    record.write_text(
        f'#!/bin/sh\nfor each; do printf "%s\\0" "$each"; done >> {tmp_path}/given\n'
        f'echo >> {tmp_path}/given\n[ "$2" != create ] || [ "$1" != work-queue ]\n'
    )
    record.chmod(0o755)
    subprocess.run(
        ["sh", "deployments/deploy.sh"],
        cwd=ROOT,
        check=True,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "POOL_TYPE": pool, "RECORDINGS": "3"},
    )
    given = [line.split("\0")[:-1] for line in (tmp_path / "given").read_text().splitlines()]
    assert [each[1] for each in given] == ["create", "create", "set-concurrency-limit", "deploy"]
    assert given[2][2:] == ["recordings", "3", "--pool", "meetings"]
    for arguments in given:
        take_prefect(arguments)
        for file in (each for each in arguments if "/" in each):
            assert (ROOT / file).is_file()


def test_a_pod_runs_the_command_of_prefect_and_not_that_of_the_image() -> None:
    """Kubernetes puts `args` behind the image's entrypoint unless there is a `command`."""
    template = json.loads((DEPLOYMENTS / "kubernetes-job.json").read_text())
    pod = template["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    check([*container["command"], "prefect", "flow-run", "execute"])
    assert shutil.which(container["command"][0])


def test_what_no_program_takes_is_found_out() -> None:
    for wrong in (
        ["tonescribe", "annotate", "in", "--put", "d"],
        ["prefect", "work-pool", "creates", "meetings"],
        ["prefect", "worker", "start", "--pools", "meetings"],
    ):
        with pytest.raises((Exception, SystemExit)):
            check(wrong)

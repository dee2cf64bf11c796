"""What README and docs tell people to type is run, and what they link to is there.

A block of commands is run line by line, each on a copy of a small dataset with FOLDER, DATASET and
so on filled in, unless `<!-- run by TEST -->` or `<!-- not run: WHY -->` stands above it.
"""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from schemas.dataset import open_dataset
from schemas.settings import load_settings
from tasks.ingest.sidecars import parse_sidecar
from tests.flows.conftest import SYNTHETIC
from tests.flows.test_command_line import reading
from tests.material.meetings import make_meeting
from tests.material.runs import annotate_plainly

HOME = Path(__file__).parents[1]
PAGES = [HOME / "README.md", HOME / "CONTRIBUTING.md", *sorted((HOME / "docs").glob("*.md"))]
MARKDOWN = [
    *PAGES,
    *sorted((HOME / "docs").glob("*/**/*.md")),
    *sorted((HOME / "models").rglob("*.md")),
]
MARKER = re.compile(r"^<!-- (run by|not run:) (.*) -->$")
FENCE = re.compile(r"(?ms)^(?P<above>[^\n]*)\n```(?P<kind>[^\n]*)\n(?P<body>.*?)^```")

CAPTIONS = """WEBVTT

00:00.000 --> 00:03.000
<v Ana Lee>Let us begin with the plan for today.

00:05.000 --> 00:08.000
<v Bo>I am sorry that it comes so late.
"""


class Block(NamedTuple):
    page: str
    kind: str
    body: str
    how: str
    by: str

    def commands(self) -> Iterator[str]:
        # a quotation may go over lines
        for line in re.findall(r"(?m)^(?:\"[^\"]*\"|[^\n\"])+", self.body):
            yield re.split(r"\s+#", line)[0].strip()


def blocks() -> Iterator[Block]:
    for page in PAGES:
        for found in FENCE.finditer(page.read_text("utf-8")):
            marked = MARKER.match(found["above"])
            how, by = marked.groups() if marked else ("", "")
            yield Block(str(page.relative_to(HOME)), found["kind"], found["body"], how, by)


BLOCKS = [*blocks()]
COMMANDS = sorted(
    {command for block in BLOCKS if not block.kind + block.how for command in block.commands()}
)


@pytest.fixture(scope="module")
def annotated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of one meeting of Ana Lee and Bo, and the dataset of it."""
    home = tmp_path_factory.mktemp("documents")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TONESCRIBE_CACHE", str(home / "cache"))
        patch.setenv("TONESCRIBE_PURPOSE", "tests")
        patch.setenv("TONESCRIBE_SERVER", "none")
        for job, name in SYNTHETIC.items():
            patch.setenv(f"TONESCRIBE_ENGINES__{job}", name)
        (home / "FOLDER").mkdir()
        make_meeting(home / "FOLDER" / "weekly.wav", duration=10)
        (home / "FOLDER" / "weekly.vtt").write_text(CAPTIONS)
        annotate_plainly(home / "FOLDER", home / "DATASET")
        yield home


@pytest.fixture
def folder(annotated: Path, tmp_path: Path) -> Path:
    for name in ("FOLDER", "DATASET"):
        shutil.copytree(annotated / name, tmp_path / name)
    return tmp_path


def test_blocks_of_every_kind_are_found() -> None:
    assert {block.kind for block in BLOCKS} == {
        "",
        "python",
        "sql",
        "text",
        "toml settings",
        "toml sidecar",
    }
    assert len(COMMANDS) > 15


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_documents_runs(command: str, folder: Path) -> None:
    (row,) = open_dataset(str(folder / "DATASET")).arrow("recordings").to_table().to_pylist()
    filled = re.sub(r"\b(RECORDING|ID)\b", row["recording_id"], command)
    program, *arguments = shlex.split(filled)
    assert program == "tonescribe", "mark it, or have it run here"
    done = reading(folder, *arguments)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.how == "run by"], ids=lambda b: b.by)
def test_a_test_that_is_named_runs_the_commands(block: Block) -> None:
    text = (HOME / block.by).read_text()
    for command in block.commands():
        subcommand = shlex.split(command)[1]
        assert re.search(rf"\b{subcommand}\(|\"{subcommand}\"", text), f"not {subcommand}"


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.how == "not run:"], ids=lambda b: b.page)
def test_who_is_said_to_check_instead_is_there(block: Block) -> None:
    assert len(block.by) > 20
    named = re.findall(r"tests/[\w/.]+", block.by)
    assert all((HOME / name.rstrip(".")).exists() for name in named), block.by


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.kind == "toml settings"])
def test_settings_of_the_documents_are_settings(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tonescribe.toml").write_text(block.body)
    assert load_settings().model_fields_set


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.kind == "toml sidecar"])
def test_the_sidecar_of_the_documents_is_one(block: Block) -> None:
    sidecar = parse_sidecar(block.body.encode(), "weekly.toml")
    assert [each.consent for each in sidecar.participants] == [True, False]


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.kind == "python"])
def test_python_of_the_documents_runs(
    block: Block, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    *body, last = block.body.strip().split("\n")
    names: dict[str, object] = {}
    exec("\n".join(body), names)
    assert len(eval(last, names)) >= 2


def anchors(page: Path) -> set[str]:
    """Return what headings of a page are called in links."""
    titles = re.findall(r"(?m)^#+ (.*)$", page.read_text("utf-8"))
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda page: str(page.relative_to(HOME)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"(?ms)^```.*?^```|`[^`\n]*`", "", page.read_text("utf-8"))
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = link.partition("#")
        if "://" in path:
            continue
        there = (page.parent / path) if path else page
        assert there.exists(), link
        assert not anchor or anchor in anchors(there), link


@pytest.mark.slow
def test_the_site_is_built_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(tmp_path)]
    built = subprocess.run(command, cwd=HOME, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    pages = [*tmp_path.rglob("*.html")]
    assert {"index.html", "start.html", "privacy.html", "commands.html"} <= {p.name for p in pages}
    for page in pages:
        loaded = re.findall(r"<(?:script|link|img)[^>]*(?:src|href)=\"([^\"]*)\"", page.read_text())
        assert not [each for each in loaded if re.match(r"(https?:)?//", each)], page

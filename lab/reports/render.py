"""Write a report: for the terminal, as markdown, and as a page that needs no network."""

import functools
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lab.reports.document import Report, Section, Table

if TYPE_CHECKING:
    from jinja2 import Template


def write_folder(folder: Path, report: Report) -> None:
    """Write `index.html`, `report.md` and `measures.json` into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    record = json.dumps(report.record, indent=1, ensure_ascii=False)
    (folder / "measures.json").write_text(record + "\n", encoding="utf-8")
    (folder / "report.md").write_text(to_markdown(report), encoding="utf-8")
    (folder / "index.html").write_text(to_html(report), encoding="utf-8")


def slug(name: str) -> str:
    """Return a name as a part of a file's name or an address: letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "section"


def to_terminal(report: Report) -> str:
    """Return the report as plain text, without drawings and details."""
    lines = [report.title, *(f"{_words(name)}: {fact}" for name, fact in report.facts.items())]
    for section in report.sections:
        if not section.is_detail:
            lines += ["", *([section.title] if section.title else []), *section.sentences]
            lines += [line for table in section.tables for line in _aligned(table)]
    return "\n".join(lines)


def to_markdown(report: Report) -> str:
    """Return the report as markdown, with links to the drawings' files."""
    lines = [f"# {report.title}", "", *(f"**{sentence}**\n" for sentence in report.warnings)]
    lines += [f"- {_words(name)}: {value}" for name, value in report.facts.items()]
    for section in report.sections:
        lines += ["", *_markdown(section)]
    if report.footer:
        lines += ["", report.footer]
    return "\n".join([*lines, ""])


def to_html(report: Report) -> str:
    """Return the report as one self-contained page: no script, drawings inside."""
    return _template().render(report=report, slug=slug, words=_words)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _markdown(section: Section) -> Iterator[str]:
    if section.title:
        yield f"## {section.title}"
        yield ""
    for sentence in section.sentences:
        yield f"{sentence}\n"
    for table in section.tables:
        yield _row(table.columns)
        yield "|---" * len(table.columns) + "|"
        yield from map(_row, table.rows)
        yield f"\n{table.caption}" if table.caption else ""
    for drawing in section.drawings:
        yield f"![{drawing.says}]({drawing.path.name})\n"
    if section.lines:
        yield from ("```", *section.lines, "```")


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _aligned(table: Table) -> list[str]:
    """Align the first column to the left and numbers to the right."""
    rows = [table.columns, *table.rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
        for row in rows
    ]


@functools.cache
def _template() -> "Template":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2")

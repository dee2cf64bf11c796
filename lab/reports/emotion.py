"""The report folder: `index.html` to open, `report.md`, `measures.json`, and every drawing as PNG.

The page is self-contained: drawings are inside it, it needs no script and no network, and every
drawing has its figures in words or in a table beside it.
"""

import base64
import functools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.measures.emotion import Measures
from lab.reports.curves import Curves
from lab.reports.drawings import (
    draw_confusion,
    draw_curves,
    draw_recall,
    draw_reliability,
    draw_risk_coverage,
)
from lab.reports.exploration import ByClass, draw_exploration
from lab.reports.tables import (
    cells,
    drops_of,
    heading,
    in_words,
    notes_of,
    table_of,
    to_markdown,
)

if TYPE_CHECKING:
    from jinja2 import Template

_TEMPLATE = "evaluation.html.j2"


@dataclass(frozen=True)
class Evaluation:
    """Everything that one evaluation found, as far as it was asked for.

    `measures` maps a protocol to its figures, `conditions` a condition to the figures of the same
    clips in it, `explored` a corpus to quantity -> class -> values, `curves` a training to its
    loss; `facts` (branch, weights, data, count of samples that could not be judged) are told
    first, `warnings` before them.
    """

    title: str
    measures: Mapping[str, Measures]
    facts: Mapping[str, str | int] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    conditions: Mapping[str, Measures] = field(default_factory=dict)
    abstention: Mapping[str, Any] | None = None
    explored: Mapping[str, Mapping[str, ByClass]] = field(default_factory=dict)
    curves: Mapping[str, Curves] = field(default_factory=dict)

    def with_curves(self, curves: Mapping[str, Curves]) -> "Evaluation":
        """The same evaluation with the loss curves of trainings."""
        return replace(self, curves=curves)


@dataclass(frozen=True)
class Drawing:
    """A drawing in the page: what it shows in words, its file, its content for the page."""

    says: str
    path: Path

    @property
    def source(self) -> str:
        """The PNG as a `data:` address."""
        return "data:image/png;base64," + base64.b64encode(self.path.read_bytes()).decode("ascii")


def write_report(folder: Path, found: Evaluation) -> None:
    """Write the report of an evaluation into a folder, which is made.

    Raises `SettingsError` where matplotlib is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    record = to_record(found)
    text = json.dumps(record, indent=1, ensure_ascii=False)
    (folder / "measures.json").write_text(text + "\n", encoding="utf-8")
    drawings = {name: _draw(name, measures, folder) for name, measures in found.measures.items()}
    more = {
        "What the samples are like": _explored(found, folder),
        "Trainings": _trainings(found, folder),
    }
    page = _template().render(
        found=found,
        overview=table_of(found.measures),
        conditions=table_of(found.conditions),
        lost=drops_of(found.conditions),
        drawings=drawings,
        more={title: shown for title, shown in more.items() if shown},
        cells=cells,
        notes_of=notes_of,
        heading=heading,
        slug=slug,
    )
    (folder / "index.html").write_text(page, encoding="utf-8")
    pictures = {name: [drawing.path.name for drawing in of] for name, of in drawings.items()}
    others = [drawing for shown in more.values() for drawing in shown]
    markdown = to_markdown(
        found.title,
        found.measures,
        facts=found.facts,
        warnings=found.warnings,
        conditions=found.conditions,
        abstention=found.abstention,
        pictures=pictures,
        others=[(drawing.says, drawing.path.name) for drawing in others],
    )
    (folder / "report.md").write_text(markdown, encoding="utf-8")


def to_record(found: Evaluation) -> dict[str, Any]:
    """The evaluation as JSON values."""
    record: dict[str, Any] = {"title": found.title, **found.facts}
    record["warnings"] = list(found.warnings)
    record["protocols"] = {name: figures.model_dump() for name, figures in found.measures.items()}
    if found.conditions:
        record["conditions"] = {name: f.model_dump() for name, f in found.conditions.items()}
    if found.abstention is not None:
        record["no_voice"] = dict(found.abstention)
    return record


def slug(name: str) -> str:
    """A name as a part of a file's name or an address: letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "protocol"


def _draw(name: str, measures: Measures, folder: Path) -> list[Drawing]:
    painters = {
        "confusion": draw_confusion,
        "recall": draw_recall,
        "reliability": draw_reliability,
        "risk-coverage": draw_risk_coverage,
    }
    drawings = []
    for kind, draw in painters.items():
        path = folder / f"{kind}-{slug(name)}.png"
        draw(measures, path)
        drawings.append(Drawing(in_words(kind, measures), path))
    return drawings


def _explored(found: Evaluation, folder: Path) -> list[Drawing]:
    return [
        Drawing(says, path)
        for corpus, quantities in found.explored.items()
        for says, path in draw_exploration(quantities, slug(corpus), folder)
    ]


def _trainings(found: Evaluation, folder: Path) -> list[Drawing]:
    drawings = []
    for name, curves in found.curves.items():
        path = folder / f"loss-{slug(name)}.png"
        draw_curves(curves, name, path)
        (first_step, first), (last_step, last) = curves["loss"][0], curves["loss"][-1]
        says = (
            f"Training {name}: loss {first:.3f} at step {first_step:.0f}, "
            f"{last:.3f} at step {last_step:.0f}."
        )
        drawings.append(Drawing(says, path))
    return drawings


@functools.cache
def _template() -> "Template":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        # beside the review page's template
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(_TEMPLATE)

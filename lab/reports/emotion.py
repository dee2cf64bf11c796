"""The report of an evaluation of emotion recognition: figures, conditions, drawings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lab.measures.emotion import Measures
from lab.measures.folds import FoldedMeasures
from lab.reports.curves import Curves
from lab.reports.document import Drawing, Report, Section, Table
from lab.reports.drawings import (
    draw_confusion,
    draw_curves,
    draw_recall,
    draw_reliability,
    draw_risk_coverage,
    draw_validation,
)
from lab.reports.exploration import ByClass, draw_exploration
from lab.reports.render import slug
from schemas.values import Json

_COLUMNS = (
    *("n", "UAR", "accuracy", "macro-F1", "weighted F1", "calibration error"),
    *("surest half", "AURC"),
)
_CAPTION = (
    "± is the deviation over folds, [ ] the 95 % interval over speakers, the surest half its "
    "accuracy, AURC the area under the risk-coverage curve (less is better)."
)
_FOOTER = "Figures count agreement with the labels of actors and annotators, not with feelings."

_PAINTERS = {
    "confusion": draw_confusion,
    "recall": draw_recall,
    "reliability": draw_reliability,
    "risk-coverage": draw_risk_coverage,
}


@dataclass(frozen=True)
class Evaluation:
    """Everything that one evaluation measured, as far as it was asked for.

    `measures` maps a protocol to its figures, `conditions` a condition to the figures of the same
    clips in it, `explored` a corpus to quantity -> class -> values, `curves` a training to its
    loss. `facts` and `warnings` are those of the report.
    """

    title: str
    measures: Mapping[str, Measures]
    facts: Mapping[str, str | int] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    conditions: Mapping[str, Measures] = field(default_factory=dict)
    abstention: Json | None = None
    explored: Mapping[str, Mapping[str, ByClass]] = field(default_factory=dict)
    curves: Mapping[str, Curves] = field(default_factory=dict)

    def with_curves(self, curves: Mapping[str, Curves]) -> "Evaluation":
        """Return the same evaluation with the loss curves of trainings."""
        return replace(self, curves=curves)


def report_of(found: Evaluation, drawn_in: Path | None = None) -> Report:
    """Return the report of an evaluation; with a folder, which exists, its drawings are made there.

    Raises `SettingsError` where drawings are wanted and matplotlib is not installed.
    """
    sections = [
        Section("", tables=[_overview("protocol", found.measures)]),
        *([_conditions(found.conditions)] if found.conditions else []),
        *([_no_voice(found.abstention)] if found.abstention is not None else []),
        *(_protocol(name, m, found, drawn_in) for name, m in found.measures.items()),
    ]
    if drawn_in is not None:
        explored = Section("The samples by class", drawings=_explored(found, drawn_in))
        trainings = Section("Trainings", drawings=_trainings(found, drawn_in))
        sections += [section for section in (explored, trainings) if section.drawings]
    record = _record(found)
    return Report(found.title, sections, record, found.facts, found.warnings, _FOOTER)


def _record(found: Evaluation) -> Json:
    record: Json = {"title": found.title, **found.facts}
    record["warnings"] = list(found.warnings)
    record["protocols"] = {name: figures.model_dump() for name, figures in found.measures.items()}
    if found.conditions:
        record["conditions"] = {name: f.model_dump() for name, f in found.conditions.items()}
    if found.abstention is not None:
        record["no_voice"] = dict(found.abstention)
    return record


def _overview(first: str, measures: Mapping[str, Measures]) -> Table:
    rows = [[name, *_cells(figures)] for name, figures in measures.items()]
    return Table((first, *_COLUMNS), rows, _CAPTION)


def _cells(measures: Measures) -> list[str]:
    """Return a row of figures in the order of the columns, with deviations over folds."""
    deviation = measures.deviation if isinstance(measures, FoldedMeasures) else {}

    def spread(name: str) -> str:
        own = f"{getattr(measures, name):.3f}"
        return f"{own} ± {deviation[name]:.3f}" if name in deviation else own

    interval = measures.uar_interval
    limits = f" [{interval[0]:.2f}, {interval[1]:.2f}]" if interval else ""
    names = ("accuracy", "macro_f1", "weighted_f1", "ece", "accuracy_at_half_coverage", "aurc")
    return [str(measures.n), spread("uar") + limits, *map(spread, names)]


def _conditions(conditions: Mapping[str, Measures]) -> Section:
    lost = {
        name: f"{name} {100 * (conditions['clean'].uar - figures.uar):.1f} points"
        for name, figures in conditions.items()
        if "clean" in conditions and name != "clean"
    }
    return Section(
        "The same clips in the conditions of a meeting",
        [f"UAR lost: {', '.join(lost.values())}."] if lost else [],
        [_overview("condition", conditions)],
    )


def _no_voice(abstention: Json) -> Section:
    sentence = (
        f"{abstention['n']} sounds without a voice were judged; {abstention['confident']:.0%} get "
        f"a confidence of {abstention['min_confidence']:g} or more, and an emotion is named."
    )
    rows = [[kind, f"{share:.0%}"] for kind, share in abstention["by_kind"].items()]
    return Section("Sounds without a voice", [sentence], [Table(("sound", "named"), rows)])


def _protocol(name: str, measures: Measures, found: Evaluation, drawn_in: Path | None) -> Section:
    return Section(
        name,
        _notes(measures),
        [_by_class(measures)],
        _drawings(name, measures, drawn_in) if drawn_in is not None else [],
        is_detail=len(found.measures) > 1,
    )


def _notes(measures: Measures) -> list[str]:
    notes = []
    if isinstance(measures, FoldedMeasures):
        if measures.protocol:
            notes.append(measures.protocol)
        mean, deviation = measures.mean["uar"], measures.deviation["uar"]
        each = ", ".join(f"{fold.uar:.1%}" for fold in measures.folds)
        notes.append(f"UAR of the folds: {each}; mean {mean:.1%}, deviation {deviation:.1%}.")
    if measures.multi_label_macro_f1 is not None:
        notes.append(f"Macro-F1 with several labels: {measures.multi_label_macro_f1:.3f}.")
    return notes


def _by_class(measures: Measures) -> Table:
    rows = [
        [name, f"{measures.recall[name]:.1%}" if name in measures.recall else "-", *map(str, row)]
        for name, row in zip(measures.classes, measures.confusion, strict=True)
    ]
    caption = "Rows are the reference, columns the judgement."
    return Table(("reference", "recall", *measures.classes), rows, caption)


def _drawings(name: str, measures: Measures, folder: Path) -> list[Drawing]:
    drawings = []
    for kind, draw in _PAINTERS.items():
        path = folder / f"{kind}-{slug(name)}.png"
        draw(measures, path)
        drawings.append(Drawing(_in_words(kind, measures), path))
    return drawings


def _in_words(kind: str, measures: Measures) -> str:
    """Say what a drawing of some kind shows."""
    recall = sorted(measures.recall.items(), key=lambda pair: pair[1])
    says = {
        "confusion": f"Confusion matrix: {_worst_confusion(measures)}",
        "recall": f"Recall per class, from {recall[0][0]} {recall[0][1]:.0%} to {recall[-1][0]} "
        f"{recall[-1][1]:.0%}.",
        "reliability": f"Accuracy by confidence: calibration error {measures.ece:.3f}.",
        "risk-coverage": f"Errors by coverage: {1 - measures.accuracy:.1%} of all, "
        f"{1 - measures.accuracy_at_half_coverage:.1%} of the surest half.",
    }
    return says[kind]


def _worst_confusion(measures: Measures) -> str:
    shares = [
        (count / sum(row), truth, judged)
        for truth, row in zip(measures.classes, measures.confusion, strict=True)
        for judged, count in zip(measures.classes, row, strict=True)
        if truth != judged and count
    ]
    if not shares:
        return "nothing was confused."
    share, truth, judged = max(shares)
    return f"most often, {truth} is called {judged} ({share:.0%} of its samples)."


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
        if uar := curves.get("eval_uar"):
            path = folder / f"validation-{slug(name)}.png"
            draw_validation(curves, name, path)
            says = f"Training {name}: UAR of the validation people {uar[-1][1]:.3f} at the end."
            drawings.append(Drawing(says, path))
    return drawings

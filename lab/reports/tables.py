"""Measures as words and tables: for the terminal, markdown and the report's page."""

from collections.abc import Mapping, Sequence
from typing import Any

from lab.measures.emotion import Measures
from lab.measures.folds import FoldedMeasures

_COLUMNS = (
    "n",
    "UAR",
    "accuracy",
    "macro-F1",
    "weighted F1",
    "calibration error",
    "surest half",
    "AURC",
)


def heading() -> tuple[str, ...]:
    """The columns of a row of figures; "surest half" is its accuracy."""
    return _COLUMNS


def cells(measures: Measures) -> list[str]:
    """A row of figures in the order of `heading`, with deviations over folds where there are."""
    deviation = measures.deviation if isinstance(measures, FoldedMeasures) else {}

    def spread(name: str, value: float) -> str:
        own = f"{value:.3f}"
        return f"{own} ± {deviation[name]:.3f}" if name in deviation else own

    interval = measures.uar_interval
    limits = f" [{interval[0]:.2f}, {interval[1]:.2f}]" if interval else ""
    return [
        str(measures.n),
        spread("uar", measures.uar) + limits,
        spread("accuracy", measures.accuracy),
        spread("macro_f1", measures.macro_f1),
        spread("weighted_f1", measures.weighted_f1),
        spread("ece", measures.ece),
        spread("accuracy_at_half_coverage", measures.accuracy_at_half_coverage),
        spread("aurc", measures.aurc),
    ]


def table_of(measures: Mapping[str, Measures]) -> list[tuple[str, list[str]]]:
    """A row per name."""
    return [(name, cells(found)) for name, found in measures.items()]


def drops_of(conditions: Mapping[str, Measures]) -> dict[str, str]:
    """Condition -> how many points of UAR it takes from the clean clips, where those are told."""
    if "clean" not in conditions:
        return {}
    best = conditions["clean"].uar
    return {
        name: f"{100 * (best - found.uar):.1f} points"
        for name, found in conditions.items()
        if name != "clean"
    }


def notes_of(measures: Measures) -> list[str]:
    """What a reader must know of these figures: protocol, folds, several labels."""
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


def in_words(kind: str, measures: Measures) -> str:
    """What a drawing of some kind shows, for those who do not see it."""
    recall = sorted(measures.recall.items(), key=lambda pair: pair[1])
    says = {
        "confusion": f"Confusion matrix: {_worst_confusion(measures)}",
        "recall": f"Recall per class, from {recall[0][0]} {recall[0][1]:.0%} to {recall[-1][0]} "
        f"{recall[-1][1]:.0%}.",
        "reliability": f"Accuracy by confidence: calibration error {measures.ece:.3f}.",
        "risk-coverage": f"Errors by coverage: {1 - measures.accuracy:.1%} among all, "
        f"{1 - measures.accuracy_at_half_coverage:.1%} among the surer half.",
    }
    return says[kind]


def _worst_confusion(measures: Measures) -> str:
    shares = [
        (count / sum(row), truth, called)
        for truth, row in zip(measures.classes, measures.confusion, strict=True)
        for called, count in zip(measures.classes, row, strict=True)
        if truth != called and count
    ]
    if not shares:
        return "nothing was confused."
    share, truth, called = max(shares)
    return f"most often, {truth} is called {called} ({share:.0%} of its samples)."


def to_markdown(
    title: str,
    measures: Mapping[str, Measures],
    *,
    facts: Mapping[str, str | int] | None = None,
    warnings: Sequence[str] = (),
    conditions: Mapping[str, Measures] | None = None,
    abstention: Mapping[str, Any] | None = None,
    pictures: Mapping[str, Sequence[str]] | None = None,
    others: Sequence[tuple[str, str]] = (),
) -> str:
    """Write an evaluation as markdown: all protocols in one table, then each by class."""
    lines = [f"# {title}", "", *(f"**{sentence}**\n" for sentence in warnings)]
    lines += [f"- {name.replace('_', ' ')}: {value}" for name, value in (facts or {}).items()]
    lines += ["", *_table("protocol", table_of(measures))]
    lines += [
        "",
        "± is the deviation over folds, [ ] the 95 % interval over speakers, AURC the area "
        "under the risk-coverage curve (less is better).",
    ]
    if conditions:
        lines += ["", "## The same clips in a meeting's conditions", ""]
        lines += _table("condition", table_of(conditions))
        lost = ", ".join(f"{name} {points}" for name, points in drops_of(conditions).items())
        lines += ["", f"UAR lost: {lost}."]
    if abstention is not None:
        lines += ["", "## Where nobody speaks", "", abstention_in_words(abstention)]
    for name, found in measures.items():
        lines += ["", f"## {name}", "", *(f"{note}\n" for note in notes_of(found))]
        lines += _by_class(found)
        lines += ["", *(f"![{name}]({picture})" for picture in (pictures or {}).get(name, ()))]
    lines += [line for says, picture in others for line in ("", says, "", f"![]({picture})")]
    return "\n".join([*lines, ""])


def abstention_in_words(abstention: Mapping[str, Any]) -> str:
    """One sentence for the sounds without a voice."""
    kinds = ", ".join(f"{kind} {share:.0%}" for kind, share in abstention["by_kind"].items())
    return (
        f"Of {abstention['n']} sounds without a voice, {abstention['confident']:.0%} get a "
        f"confidence of {abstention['min_confidence']:g} or more, where an emotion would be "
        f"named: {kinds}."
    )


def _table(first: str, rows: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    return [
        f"| {first} | " + " | ".join(_COLUMNS) + " |",
        "|---" * (len(_COLUMNS) + 1) + "|",
        *(f"| {name} | " + " | ".join(row) + " |" for name, row in rows),
    ]


def _by_class(measures: Measures) -> list[str]:
    lines = [
        "| truth | recall | " + " | ".join(measures.classes) + " |",
        "|---|---|" + "---|" * len(measures.classes),
    ]
    for name, row in zip(measures.classes, measures.confusion, strict=True):
        recall = f"{measures.recall[name]:.1%}" if name in measures.recall else "-"
        lines.append(f"| {name} | {recall} | " + " | ".join(map(str, row)) + " |")
    return lines

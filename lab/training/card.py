"""Write the model card of a training: what it is, its data, how it was made, its figures, limits.

Everything that a training computes comes from its report and from what it hands over in `Made`;
the terms of a corpus are those of the catalogue.
"""

import inspect
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lab.corpora.catalogue import CATALOGUE, UNRESTRICTED
from lab.reports.document import Report, Section, Table
from lab.reports.render import to_markdown
from lab.training.fitting import FittingPlan
from lab.training.options import TrainingOptions, TrainingReport
from schemas.corpus import LabelledClip
from schemas.values import Json

if TYPE_CHECKING:
    from torch import nn


class Source(NamedTuple):
    """Samples of one corpus in one language (BCP 47, empty where nobody speaks)."""

    corpus: str
    language: str
    trained: int
    calibrated: int


class Made(NamedTuple):
    """What a training knows of itself beside its report.

    `what` describes the network, `plans` maps a stage of the training to its choices. `people`
    calibrate, as corpus/speaker; where nobody knows who they are, `calibration` alone says on
    what the scores were calibrated, and how. `notes` are sentences on the data.
    """

    what: str
    n_parameters: int
    classes: Sequence[str]
    sources: Sequence[Source]
    calibration: str
    plans: Mapping[str, Mapping[str, str]]
    people: Sequence[str] = ()
    notes: Sequence[str] = ()


NOT_TO_BE_USED = (
    "**Must not be used** to judge people at work, in schools or in hiring, for lie detection, "
    "diagnosis or policing, nor wherever a wrong reading harms someone."
)

_LIMITS: Mapping[str, str] = {
    "audio": "It hears how something is said, not what, and knows nothing of culture, irony, "
    "illness or age. Another language or microphone than those it learned from costs accuracy.",
    "video": "A face is not a mind: it sees what is shown, and a talking mouth may look happy or "
    "surprised. How it does on any group of people was not measured.",
    "text": "It reads words that were chosen in front of others, misses irony and politeness, and "
    "carries the biases of those who wrote and labelled its corpora.",
    "fusion": "It is as calibrated as its branches are on the material, and was fitted to acted "
    "performances, to which lines of others with the same label were joined.",
}
"""Branch -> what no training of it can know."""

_FIGURES = {
    "n": "n",
    "accuracy": "accuracy",
    "uar": "UAR",
    "macro_f1": "macro-F1",
    "ece": "calibration error",
    "accuracy_at_half_coverage": "surest half",
}

_FLAGS: Mapping[str, Callable[[Any], str]] = {
    "architecture": lambda value: f"--architecture {value}",
    "parameters": lambda value: " ".join(
        f"--set {shlex.quote(f'{name}={choice}')}" for name, choice in value.items()
    ),
    "corpora": lambda value: " ".join(f"--corpus {name}" for name in value),
    # the folder's name alone: where it lay is nobody's business
    "start": lambda value: f"--start {shlex.quote(Path(value).name)}",
    "epochs": lambda value: f"--epochs {value:g}",
    "batch_size": lambda value: f"--batch-size {value}",
    "learning_rate": lambda value: f"--learning-rate {value:g}",
    "schedule": lambda value: f"--schedule {value}",
    "label_smoothing": lambda value: f"--label-smoothing {value:g}",
    "accumulation": lambda value: f"--accumulation {value}",
    "seed": lambda value: f"--seed {value}",
    "limit": lambda value: f"--limit {value}",
    "device": lambda value: f"--device {value}",
    "resume": lambda value: "--resume" if value else "",
    "folds": lambda value: "" if value else "--no-folds",
}
"""Option of a training -> how the command line has it, in the order of the command."""


def with_card(report: TrainingReport, made: Made, options: TrainingOptions) -> TrainingReport:
    """Write the card as `BRANCH.md` beside the weights; the report that names it."""
    path = report.weights.with_suffix(".md")
    path.write_text(to_card(report, made, options), encoding="utf-8")
    return report.model_copy(update={"card": path})


def to_card(report: TrainingReport, made: Made, options: TrainingOptions) -> str:
    """Return the card as markdown."""
    sections = [
        Section("", [_what(made)]),
        Section("Data and licence", _data(report, made), [_sources(made.sources)]),
        Section("How it was made", _how(report, options), [_plans(made.plans)]),
        _measured(report.measures),
        Section("Limits", [_limits(report, made), NOT_TO_BE_USED]),
    ]
    title = f"Model card: {report.branch} (`{report.weights.name}`)"
    return to_markdown(Report(title, sections, {}, warnings=report.warnings))


def command_line(branch: str, options: TrainingOptions) -> str:
    """Return the command that makes such a training, without the folders' places."""
    unset = TrainingOptions()
    chosen = [
        said(value)
        for name, said in _FLAGS.items()
        if (value := getattr(options, name)) != getattr(unset, name)
    ]
    return " ".join(["tonescribe train", branch, *chosen, "--data DATA --out OUT"])


def choices_of(plan: FittingPlan) -> dict[str, str]:
    """Return the choices of a fit, by what a reader calls them."""
    size = plan.batch_size * plan.accumulation
    return {
        "epochs": f"{plan.epochs:g}",
        "samples per step": f"{size}",
        "learning rate": f"{plan.learning_rate:g}",
        "schedule": f"{plan.schedule} after a warm-up of {plan.warmup:.0%}",
        "weight decay": f"{plan.weight_decay:g}",
        "optimiser": plan.optimizer,
        "seed": f"{plan.seed}",
    }


def count_parameters(network: "nn.Module") -> int:
    """Return how many numbers a network learned or was started with."""
    return sum(parameter.numel() for parameter in network.parameters())


def first_line(network: "nn.Module") -> str:
    """Return the first line of a network's docstring: what it is."""
    return (inspect.getdoc(type(network)) or "").split("\n", 1)[0]


def origins(clips: Iterable[LabelledClip]) -> list[tuple[str, str]]:
    """Return each clip's corpus and language, as `counted` takes them."""
    return [(clip.corpus, clip.language or "") for clip in clips]


def counted(
    trained: Iterable[tuple[str, str]], calibrated: Iterable[tuple[str, str]]
) -> list[Source]:
    """Count samples, each a corpus and a language, into the rows of a card."""
    learned, held = Counter(trained), Counter(calibrated)
    return [Source(*own, learned[own], held[own]) for own in sorted({*learned, *held})]


def _what(made: Made) -> str:
    return (
        f"{made.what} {made.n_parameters:,} parameters. It tells {len(made.classes)} classes "
        f"apart: {', '.join(made.classes)}."
    )


def _data(report: TrainingReport, made: Made) -> list[str]:
    corpora = sorted({own.corpus for own in made.sources})
    terms = {name: CATALOGUE[name].terms for name in corpora}
    bound = [name for name, said in terms.items() if said not in UNRESTRICTED]
    licence = " ".join(f"{name}: {said}" for name, said in terms.items())
    use = f"**Non-commercial use only**, for {', '.join(bound)}." if bound else ""
    people = f"{', '.join(made.people)} calibrate and were not trained on." if made.people else ""
    return [
        f"Trained on {report.n_train:,} samples. {made.calibration} {people}".strip(),
        *made.notes,
        f"Terms of the corpora. {licence} {use}".strip(),
    ]


def _sources(sources: Sequence[Source]) -> Table:
    rows = [
        [own.corpus, own.language or "-", f"{own.trained:,}", f"{own.calibrated:,}"]
        for own in sources
    ]
    return Table(("corpus", "language", "trained on", "calibrated on"), rows)


def _how(report: TrainingReport, options: TrainingOptions) -> list[str]:
    return [
        f"`{command_line(report.branch, options)}`",
        f"{report.seconds:,.0f} seconds, with everything that was measured.",
    ]


def _plans(plans: Mapping[str, Mapping[str, str]]) -> Table:
    columns = list(dict.fromkeys(name for own in plans.values() for name in own))
    rows = [[stage, *(own.get(name, "-") for name in columns)] for stage, own in plans.items()]
    return Table(("stage", *columns), rows)


def _measured(measures: Mapping[str, Json]) -> Section:
    if not measures:
        return Section("Figures", ["Nothing was measured: nobody knows how good it is."])
    classes = list(
        dict.fromkeys(name for own in measures.values() for name in own.get("recall", {}))
    )
    figures = [[name, *(_figure(own, key) for key in _FIGURES)] for name, own in measures.items()]
    recall = [
        [name, *(_share(own.get("recall", {}).get(known)) for known in classes)]
        for name, own in measures.items()
    ]
    caption = (
        "± is the deviation over folds, [ ] the 95 % interval over speakers, the surest half its "
        "accuracy."
    )
    protocols = [own["protocol"] for own in measures.values() if own.get("protocol")]
    tables = [Table(("tested on", *_FIGURES.values()), figures)]
    recalls = [Table(("recall", *classes), recall)] if classes else []
    title = "Figures on samples that were not trained on"
    return Section(title, [*protocols, caption], [*tables, *recalls])


def _figure(own: Json, key: str) -> str:
    value = own.get(key)
    if value is None or isinstance(value, int):
        return "-" if value is None else f"{value:,}"
    said = f"{value:.3f}"
    if key in own.get("deviation", {}):
        said += f" ± {own['deviation'][key]:.3f}"
    if key == "uar" and own.get("uar_interval"):
        said += " [{:.2f}, {:.2f}]".format(*own["uar_interval"])
    return said


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _limits(report: TrainingReport, made: Made) -> str:
    chance = f"Chance is a UAR of {1 / len(made.classes):.1%}."
    missed = [
        f"{name}: {least} is recognised least, in {own['recall'][least]:.0%}."
        for name, own in report.measures.items()
        if own.get("recall")
        for least in [min(own["recall"], key=own["recall"].__getitem__)]
    ]
    return " ".join([_LIMITS[report.branch], chance, *missed])

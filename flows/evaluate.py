"""Measure a branch on people it was not trained on."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from flows.train import load_from
from lab.acoustics import drops, measure_abstention, measure_conditions
from lab.corpora.class_sets import class_of
from lab.corpora.labelled_csv import read_labelled_csv
from lab.corpora.labelled_folder import read_labelled_folder
from lab.corpora.samples import read_voice, warn_of_damaged
from lab.corpora.speech import read_speech
from lab.measures import Measures, measure
from lab.measures.judge import judge, judge_together, scorer
from lab.measures.leakage import warn_of_trained_samples, warn_of_trained_speakers
from lab.reports.curves import read_curves
from lab.reports.emotion import Evaluation, report_of
from lab.reports.exploration import ByClass, explore
from lab.reports.render import to_terminal, write_folder
from lab.training.options import TrainingOptions
from models.architectures.branch import classes_of
from models.checkpoint import shipped
from models.protocols import Scores
from models.registry import load_engine
from schemas.corpus import LabelledClip
from schemas.emotions import EMOTIONS
from schemas.errors import SettingsError
from schemas.settings import WeightSettings, load_settings
from schemas.values import Json
from tasks.emotion.fuse import BRANCHES

PROTOCOLS = ("card", "left-out")
"""What is measured on the corpora of a card: its figures, or each corpus by the others alone."""

MEASURERS = {
    "audio": "lab.audio.measure:measure_audio",
    "video": "lab.video.train:measure_video",
    "text": "lab.text.train:measure_text",
    "fusion": "lab.fusion.train:measure_fusion",
}
"""Branch -> `measure_x(branch, data, options) -> dict[str, Measures]` on the card's corpora."""


def evaluate(
    branch: str,
    data: Path | None = None,
    weights: str = "shipped",
    report: Path | None = None,
    corpora: Path | None = None,
    *,
    as_json: bool = False,
    **more: Any,
) -> str:
    """Run `measure_branch` and return its figures as text, or as one line of JSON.

    Warnings go to the standard error, a line each.
    """
    found = measure_branch(branch, data, weights, report, corpora, **more)
    for sentence in found.warnings:
        sys.stderr.write(f"{sentence}\n")
    if as_json:
        return json.dumps(_figures(found, alone=data is not None), ensure_ascii=False)
    return to_terminal(report_of(found))


def evaluate_branch(
    branch: str,
    data: Path | None = None,
    weights: str = "shipped",
    report: Path | None = None,
    corpora: Path | None = None,
    start: Path | None = None,
    training: Path | None = None,
    *,
    robustness: bool = False,
    protocol: str = "card",
) -> Json:
    """Run `measure_branch` and return its figures as JSON values.

    With `data` these are the fields of `Measures`, `not_judged`, the samples without a face, words
    or a known language, and `damaged`, those that cannot be read; without, protocol -> figures on
    the corpora of the model card. `conditions`, `no_voice` and `warnings` as far as there are any.
    """
    found = measure_branch(
        branch,
        data,
        weights,
        report,
        corpora,
        start,
        training,
        robustness=robustness,
        protocol=protocol,
    )
    return _figures(found, alone=data is not None)


def measure_branch(
    branch: str,
    data: Path | None = None,
    weights: str = "shipped",
    report: Path | None = None,
    corpora: Path | None = None,
    start: Path | None = None,
    training: Path | None = None,
    *,
    robustness: bool = False,
    protocol: str = "card",
) -> Evaluation:
    """Measure a branch, or `fusion`, on `data` or on the corpora of its model card.

    `data` is a CSV of labelled samples or a folder with a folder per class; else `corpora` is the
    folder of the corpora and `start` that of starting weights or of a voice training, where a
    protocol needs one. Nothing abstains here. `weights` is `shipped` or a `.safetensors` file.
    `protocol` is `card`, or for the voice `left-out`: each corpus by what comes of the others.
    `robustness` sends the same voices through each condition of a meeting as well, and sounds
    without a voice. `report` is a folder for figures and drawings, with the loss curves of the
    folder `training`. Raises `SettingsError` for anything missing.
    """
    settings = _weight_settings(branch, weights)
    if robustness and branch != "audio":
        raise SettingsError(f"--robustness is of the voice; leave it out for {branch}.")
    if protocol not in PROTOCOLS:
        raise SettingsError(f"There is no protocol '{protocol}'; known are {', '.join(PROTOCOLS)}.")
    if protocol != "card" and (branch != "audio" or data is not None):
        raise SettingsError(f"--protocol {protocol} is of the voice, with --corpora.")
    if protocol == "left-out" and weights != "shipped":
        raise SettingsError(
            f"--protocol left-out judges networks of a training, not {weights}: name its "
            "folder, or that of the starting weights, with --start."
        )
    if data is not None:
        found = _of_table(branch, data, settings, robustness=robustness, full=report is not None)
    elif corpora is not None:
        options = TrainingOptions.model_validate({"start": start, "protocol": protocol})
        full = report is not None
        found = _of_corpora(branch, corpora, settings, options, robustness=robustness, full=full)
    else:
        card = shipped(branch).with_suffix(".md")
        raise SettingsError(
            f"The corpora of the model card ({card}) cannot come with tonescribe: give --corpora "
            "with their folder, or --data with a CSV or a folder of your own."
        )
    if report is not None:
        report.mkdir(parents=True, exist_ok=True)
        curves = {} if training is None else read_curves(training)
        write_folder(report, report_of(found.with_curves(curves), drawn_in=report))
    return found


def _weight_settings(branch: str, weights: str) -> WeightSettings:
    if branch not in MEASURERS:
        raise SettingsError(f"There is no branch '{branch}'; known are {', '.join(MEASURERS)}.")
    if weights == "shipped":
        return WeightSettings()
    path = Path(weights)
    if path.suffix != ".safetensors" or not path.is_file():
        raise SettingsError(f"{weights} is no file of weights; name a .safetensors file.")
    return WeightSettings.model_validate({branch: weights})


def _of_table(
    branch: str, data: Path, settings: WeightSettings, *, robustness: bool, full: bool
) -> Evaluation:
    classes = classes_of(_file(branch, settings))
    clips, others = _clips_of(data, classes)
    together = branch == "fusion"
    found = judge_together(clips, settings) if together else judge(branch, clips, settings, classes)
    damaged = warn_of_damaged(found.damaged, len(clips))
    judged = np.asarray(np.isfinite(found.scores).all(axis=1))
    if not judged.any():
        raise SettingsError(f"None of the {len(clips)} samples of {data} could be judged.")
    known = [clip for clip, ok in zip(clips, judged, strict=True) if ok]
    speakers = [clip.speaker for clip in known]
    measures = measure(_labels(known, classes), found.scores[judged], speakers, classes)
    heard = [
        sentence
        for own in ((*BRANCHES, branch) if together else (branch,))
        for sentence in (
            *warn_of_trained_samples(own, _file(own, settings), known),
            *warn_of_trained_speakers(_file(own, settings), known),
        )
    ]
    (name,) = {clip.corpus for clip in clips}
    return Evaluation(
        title=f"{branch} on {name}",
        measures={name: measures},
        facts={
            "data": data.resolve().name,
            **_judged_by(found.each),
            "not_judged": len(clips) - len(known) - len(found.damaged),
            "damaged": len(found.damaged),
        },
        warnings=[*others, *damaged, *heard],
        conditions=_conditions(known, settings, classes) if robustness else {},
        # of two classes one is always half likely: how sure it is without a voice says nothing
        abstention=_abstention(branch, settings)
        if (robustness or full) and classes == EMOTIONS
        else None,
        explored={name: explore(branch, known, classes=classes)} if full else {},
    )


def _clips_of(data: Path, classes: Sequence[str]) -> tuple[Sequence[LabelledClip], tuple[str, ...]]:
    """Read a set; clips of other classes are left out, with a sentence on how many."""
    reader = read_labelled_folder if data.is_dir() else read_labelled_csv
    clips = reader(data, classes)
    kept = [clip for clip in clips if class_of(clip, classes) is not None]
    if len(kept) == len(clips):
        return kept, ()
    named = ", ".join(classes)
    if not kept:
        raise SettingsError(f"None of the {len(clips)} samples of {data} is of {named}.")
    left = len(clips) - len(kept)
    return kept, (f"{left} of {len(clips)} samples are of other classes than {named}; left out.",)


def _of_corpora(
    branch: str,
    corpora: Path,
    settings: WeightSettings,
    options: TrainingOptions,
    *,
    robustness: bool,
    full: bool,
) -> Evaluation:
    if not corpora.is_dir():
        raise SettingsError(f"There is no folder {corpora}; name the one that holds the corpora.")
    own = classes_of(_file(branch, settings))
    if own != EMOTIONS:
        raise SettingsError(
            f"{_file(branch, settings)} has the classes {', '.join(own)}, the corpora of the card "
            "the seven; give --data with a set of samples."
        )
    measurer = load_from(MEASURERS, branch)
    engine = load_engine(branch, "embedded", settings)
    voices = read_speech(corpora / "speech", ()) if branch == "audio" else ()
    unseen: frozenset[str] = getattr(engine, "unseen_speakers", frozenset())
    heard = [c for c in voices if c.emotion and c.person in unseen]
    return Evaluation(
        title=f"{branch} on the corpora of its card",
        measures=cast("dict[str, Measures]", measurer(engine, corpora, options)),
        facts={"weights": _file(branch, settings).name},
        conditions=_conditions(heard, settings) if robustness else {},
        abstention=_abstention(branch, settings) if robustness or full else None,
        explored=_explored(voices) if full else {},
    )


def _judged_by(each: Mapping[str, Scores]) -> dict[str, int]:
    """How many samples each branch judged that was fused."""
    return {
        f"judged_by_{name}": int(np.isfinite(scores).all(axis=1).sum())
        for name, scores in each.items()
    }


def _labels(clips: Sequence[LabelledClip], classes: Sequence[str]) -> list[int]:
    return [classes.index(class_of(clip, classes) or "") for clip in clips]


def _file(branch: str, settings: WeightSettings) -> Path:
    return Path(getattr(settings, branch, "") or shipped(branch))


def _conditions(
    clips: Sequence[LabelledClip], settings: WeightSettings, classes: Sequence[str] = EMOTIONS
) -> dict[str, Measures]:
    if not clips:
        raise SettingsError("No voice here is unheard by these weights; give --data with others.")
    score, _ = scorer("audio", settings, classes)
    speakers = [clip.person for clip in clips]
    labels = _labels(clips, classes)
    return measure_conditions(score, lambda row: read_voice(clips[row]), labels, speakers, classes)


def _abstention(branch: str, settings: WeightSettings) -> Json | None:
    if branch != "audio":
        return None
    score = load_engine(branch, "embedded", settings).score
    return measure_abstention(score, load_settings().judge.min_confidence).model_dump()


def _explored(clips: Sequence[LabelledClip]) -> dict[str, dict[str, ByClass]]:
    corpora = sorted({clip.corpus for clip in clips})
    return {name: explore("audio", [c for c in clips if c.corpus == name]) for name in corpora}


def _figures(found: Evaluation, *, alone: bool) -> Json:
    """Return the figures as JSON values: of a table itself, or by protocol."""
    figures: Json = {name: m.model_dump() for name, m in found.measures.items()}
    if alone:
        (figures,) = figures.values()
        figures |= {name: value for name, value in found.facts.items() if name != "data"}
    if found.conditions:
        figures["conditions"] = {name: m.model_dump() for name, m in found.conditions.items()}
        figures["uar_drops"] = drops(found.conditions)
    if found.abstention is not None:
        figures["no_voice"] = found.abstention
    return figures | ({"warnings": list(found.warnings)} if found.warnings else {})

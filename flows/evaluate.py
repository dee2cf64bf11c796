"""The flow `evaluate`: how good a branch is on people whom it has never seen."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from prefect import flow

from flows.train import load_from
from models.protocols import Scores
from models.registry import load_engine
from schemas.corpus import LabelledClip
from schemas.emotions import EMOTIONS
from schemas.errors import SettingsError
from schemas.settings import WeightSettings
from tasks.corpora.labelled_csv import read_labelled_csv
from tasks.corpora.samples import sample_reader
from tasks.evaluation import Measures, measure, write_report
from tasks.training.options import TrainingOptions

MEASURERS = {
    "audio": "tasks.training.voice_measures:measure_audio",
    "video": "tasks.training.video:measure_video",
    "text": "tasks.training.text:measure_text",
}
"""Branch -> `measure_x(branch, data, options) -> dict[str, Measures]` on the card's corpora."""

_BLOCK = 256
"""Samples that lie in memory at once."""


def evaluate(
    branch: str,
    data: Path | None = None,
    weights: str = "shipped",
    report: Path | None = None,
    corpora: Path | None = None,
    *,
    as_json: bool = False,
) -> str:
    """Run `evaluate_branch` and say what it found, in lines or as one line of JSON."""
    figures = evaluate_branch(branch, data, weights, report, corpora)
    return json.dumps(figures, ensure_ascii=False) if as_json else to_text(figures)


@flow(name="evaluate", flow_run_name="evaluate {branch}", validate_parameters=False)
def evaluate_branch(
    branch: str,
    data: Path | None = None,
    weights: str = "shipped",
    report: Path | None = None,
    corpora: Path | None = None,
    start: Path | None = None,
) -> dict[str, Any]:
    """Measure a branch; it never abstains here.

    With `data`, a CSV of labelled samples, returns its figures: `n accuracy uar macro_f1 recall
    ece accuracy_at_half_coverage confusion` and `not_judged`, the samples without a face, words
    or a known language. Without, returns protocol -> figures on the corpora of the model card,
    found under the folder `corpora`; `start` is the folder of starting weights, where a protocol
    trains anew. `weights` is `shipped` or a `.safetensors` file; `report` a folder for figures
    and drawings. Raises `SettingsError` for anything missing.
    """
    settings = _weight_settings(branch, weights)
    if data is not None:
        return _evaluate_table(branch, data, settings, report)
    if corpora is None:
        raise SettingsError("Give --data with a CSV, or --corpora with the folder of the corpora.")
    measurer = load_from(MEASURERS, branch)
    engine = load_engine(branch, "embedded", settings)
    found = cast("dict[str, Measures]", measurer(engine, corpora, TrainingOptions(start=start)))
    figures = {name: measures.model_dump() for name, measures in found.items()}
    if report is not None:
        report.mkdir(parents=True, exist_ok=True)
        (report / "measures.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    return figures


def _weight_settings(branch: str, weights: str) -> WeightSettings:
    if branch not in MEASURERS:
        raise SettingsError(f"There is no branch '{branch}'; known are {', '.join(MEASURERS)}.")
    if weights == "shipped":
        return WeightSettings()
    path = Path(weights)
    if path.suffix != ".safetensors" or not path.is_file():
        raise SettingsError(f"{weights} is no file of weights; name a .safetensors file.")
    return WeightSettings.model_validate({branch: weights})


def _evaluate_table(
    branch: str, data: Path, settings: WeightSettings, report: Path | None
) -> dict[str, Any]:
    clips = read_labelled_csv(data)
    scores = _judge(branch, clips, settings)
    judged = np.asarray(np.isfinite(scores).all(axis=1))
    if not judged.any():
        raise SettingsError(f"None of the {len(clips)} samples of {data} could be judged.")
    known = [clip for clip, ok in zip(clips, judged, strict=True) if ok]
    names: Sequence[str] = EMOTIONS
    labels = [names.index(clip.label) for clip in known]
    measures = measure(labels, scores[judged], [clip.speaker for clip in known])
    not_judged = len(clips) - len(known)
    if report is not None:
        extra = {"data": data.name, "not_judged": not_judged}
        write_report(report, f"{branch} on {data.stem}", measures, labels, scores[judged], extra)
    return measures.model_dump() | {"not_judged": not_judged}


def _judge(branch: str, clips: Sequence[LabelledClip], settings: WeightSettings) -> Scores:
    """Scores (n, 7) in the order of the clips, NaN where there is nothing to judge."""
    engine = load_engine(branch, "embedded", settings)
    read = sample_reader(branch, settings)
    scores = np.full((len(clips), len(EMOTIONS)), np.nan, dtype=np.float32)
    for first in range(0, len(clips), _BLOCK):
        block = range(first, min(first + _BLOCK, len(clips)))
        spoken = [row for row in block if _understood(clips[row], engine.languages)]
        samples = {row: sample for row in spoken if (sample := read(clips[row])) is not None}
        if samples:
            scores[list(samples)] = engine.score(list(samples.values()))
    return scores


def _understood(clip: LabelledClip, languages: frozenset[str] | None) -> bool:
    """Whether a branch knows the clip's language; one that is not named is taken as known."""
    return languages is None or not clip.language or clip.language.split("-")[0] in languages


def to_text(figures: dict[str, Any]) -> str:
    """The figures as lines to read, one block per protocol where there are several."""
    if "n" in figures:
        return _block(figures)
    return "\n\n".join(f"{name}\n{_block(found)}" for name, found in figures.items())


def _block(figures: dict[str, Any]) -> str:
    lines = [
        f"n {figures['n']}" + _note(figures),
        f"accuracy {figures['accuracy']:.3f}",
        f"uar {figures['uar']:.3f}",
        f"macro_f1 {figures['macro_f1']:.3f}",
        *(f"recall {name} {value:.3f}" for name, value in figures["recall"].items()),
        f"ece {figures['ece']:.3f}",
        f"accuracy at 50 % coverage {figures['accuracy_at_half_coverage']:.3f}",
    ]
    return "\n".join(lines)


def _note(figures: dict[str, Any]) -> str:
    count = figures.get("not_judged", 0)
    return f" ({count} more had nothing to judge)" if count else ""

"""Measure a recogniser on recordings with reference transcripts."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from lab.reports.render import to_terminal, write_folder
from lab.wer.alignment import align
from lab.wer.counts import Tally, count
from lab.wer.figures import figures_in_all, figures_of
from lab.wer.normalise import normalising
from lab.wer.report import report_of, side_by_side, write_files
from lab.wer.run import Run, Segments, run_recogniser
from lab.wer.stm import Reference, find_audio, read_stm
from models.registry import identify
from schemas.errors import InputError, SettingsError
from schemas.settings import Settings, load_settings
from schemas.values import Json

_TOLERATED = 1.0
"""Seconds by which a reference may run over its recording."""

_MOST_SPEAKERS = 20
"""Most speakers of a recording: cpWER matches each of them with one of the hypothesis."""


def evaluate_words(
    data: Path | None,
    audio: Path | None,
    weights: str = "shipped",
    report: Path | None = None,
    segments: str = "diarizer",
    *,
    as_json: bool = False,
) -> str:
    """Run `measure_words` and say what it found, in lines or as one line of JSON.

    Warnings go to the standard error, a line each.
    """
    if data is None or audio is None:
        raise SettingsError(
            "evaluate words needs --data with an STM file of what is said, and --audio with the "
            "folder of the recordings."
        )
    found = measure_words(data, audio, weights, report, segments)
    for sentence in found.get("warnings", ()):
        sys.stderr.write(f"{sentence}\n")
    return json.dumps(found, ensure_ascii=False) if as_json else to_terminal(report_of(found))


def measure_words(
    data: Path,
    audio: Path,
    weights: str = "shipped",
    report: Path | None = None,
    segments: str = "diarizer",
) -> Json:
    """Measure the recogniser of the settings on the recordings of an STM file.

    Returns the figures (fields of `RecognitionFigures`) of each recording under `files`, of all
    their words under `all`; `engine` is its name and digest, `warnings` are sentences for whoever
    reads the figures. `weights` is `shipped` (what the settings say) or a folder, `segments`
    where turns come from: `diarizer` or `reference`. `report` is a folder for a report.

    Words are compared by the rules of the language that is set or found, which `languages` has by
    recording. Raises `SettingsError` for anything missing, `InputError` for a damaged reference or
    a recording that is missing or cannot be read.
    """
    settings = _settings(weights)
    if segments not in get_args(Segments):
        raise SettingsError(f"--segments is diarizer or reference, not '{segments}'.")
    if report is not None and report.exists() and not report.is_dir():
        raise SettingsError(f"--report is a folder, and {report} is a file.")
    references = read_stm(data)
    _check_speakers(references)
    paths = find_audio(audio, list(references), data)
    chosen: Segments = "reference" if segments == "reference" else "diarizer"
    runs = {
        name: run_recogniser(paths[name], reference, settings, chosen)
        for name, reference in references.items()
    }
    tallies = {name: _tally(references[name], run) for name, run in runs.items()}
    files = {name: figures_of(tally).model_dump() for name, tally in tallies.items()}
    in_all = figures_in_all(tallies)
    found: Json = {
        "data": data.name,
        "engine": identify("transcriber", settings.engine("transcriber"), settings.weights),
        "segments": segments,
        "min_word_confidence": max(run.threshold for run in runs.values()),
        "all": in_all.model_dump(),
        "languages": {name: run.language for name, run in runs.items()},
        "files": files,
    }
    if warnings := _warnings(references, runs):
        found["warnings"] = warnings
    if report is not None:
        aligned = {name: _aligned(references[name], run) for name, run in runs.items()}
        report.mkdir(parents=True, exist_ok=True)
        write_folder(report, report_of(found, in_all.reliability, aligned, drawn_in=report))
        write_files(report, found["files"])
    return found


def _tally(reference: Reference, run: Run) -> Tally:
    with normalising(run.language):
        return count(reference, run.hypothesis, run.audio, run.wall, run.threshold)


def _aligned(reference: Reference, run: Run) -> Any:
    with normalising(run.language):
        return side_by_side(align(reference, run.hypothesis), run.hypothesis, run.threshold)


def _check_speakers(references: Mapping[str, Reference]) -> None:
    for name, reference in references.items():
        found = len({segment.speaker for segment in reference.segments})
        if found > _MOST_SPEAKERS:
            raise InputError(
                f"{name} has {found} speakers in the reference, and who said what is measured for "
                f"at most {_MOST_SPEAKERS}: leave it out or join speakers."
            )


def _settings(weights: str) -> Settings:
    settings = load_settings()
    if weights == "shipped":
        return settings
    if not Path(weights).is_dir():
        raise SettingsError(f"There is no folder {weights}; name the one with the recogniser.")
    named = settings.weights.model_copy(update={"transcriber": str(Path(weights).absolute())})
    return settings.model_copy(update={"weights": named})


def _warnings(references: Mapping[str, Reference], runs: Mapping[str, Run]) -> list[str]:
    """Return warnings: recordings without any recognised word, references that overrun."""
    sentences = []
    for name, run in runs.items():
        reference = references[name]
        if reference.segments and not run.hypothesis:
            sentences.append(f"{name}: no word was recognised. {run.reason or ''}".rstrip())
        if reference.end > run.audio + _TOLERATED:
            sentences.append(
                f"{name}: the reference ends at {reference.end:.1f} s, the recording at "
                f"{run.audio:.1f} s; are they of the same sound?"
            )
    return sentences

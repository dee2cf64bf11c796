"""Measure whose face and whose name utterances are given, on composed meetings with the truth."""

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from flows.stages import wanted_stages
from flows.work import Work
from lab.meetings.attribution import Judged, judge_meeting
from lab.meetings.figures import CALIBRATIONS, figures_of, groups_of
from lab.meetings.report import report_of
from lab.meetings.sheet import SheetRow, draw_sheet, sheet_rows
from lab.meetings.truth import SUFFIX, Truth, as_rttm, read_truth
from lab.reports.render import to_terminal, write_folder
from models.registry import identify
from schemas.errors import InputError, SettingsError, TonescribeError
from schemas.media import SourceItem
from schemas.policy import Policy
from schemas.settings import Settings, load_settings
from schemas.values import Json
from tasks.emotion.faces import read_sequences
from tasks.ingest.fetch import fetch
from tasks.ingest.find import find_recordings

Turns = Literal["true", "found"]
"""Where turns come from: the truth, or as for any recording."""

_RUN = ("probe", "split", "diarize", "voices", "transcribe", "utterances", "faces")


def evaluate_attribution(
    data: Path | None, report: Path | None = None, turns: str = "found", *, as_json: bool = False
) -> str:
    """Run `measure_attribution` and say what it found, in lines or as one line of JSON."""
    if data is None:
        raise SettingsError(
            "evaluate attribution needs --data with a folder of meetings and their truth "
            "(NAME.mp4 with NAME.truth.json), as benchmarks/compose_meetings.py writes them."
        )
    found = measure_attribution(data, report, turns)
    for sentence in found.get("warnings", ()):
        sys.stderr.write(f"{sentence}\n")
    return json.dumps(found, ensure_ascii=False) if as_json else to_terminal(report_of(found))


def measure_attribution(data: Path, report: Path | None = None, turns: str = "found") -> Json:
    """Measure on every recording of a folder with a truth beside it.

    Returns `AttributionFigures` under `all` and, by layout, tiles, condition and meeting, under
    `by`; `calibration` of the confidences of speakers, names and faces; `warnings` about
    recordings that could not be run. `report` is a folder for a report with a contact sheet.

    Raises `SettingsError` for anything missing, `InputError` for a truth that cannot be read or
    where no recording could be run.
    """
    if turns not in get_args(Turns):
        raise SettingsError(f"--turns is true or found, not '{turns}'.")
    if report is not None and report.exists() and not report.is_dir():
        raise SettingsError(f"--report is a folder, and {report} is a file.")
    settings = _settings()
    meetings = _meetings(data)
    truths = {name: truth for name, (_, truth) in meetings.items()}
    judged: dict[str, list[Judged]] = {}
    rows: list[SheetRow] = []
    warnings: list[str] = []
    for name, (item, truth) in meetings.items():
        try:
            judged[name], crops = _run(name, item, truth, settings, true_turns=turns == "true")
        except TonescribeError as error:
            warnings.append(f"{name} is left out: {error.sentence}")
            continue
        rows += sheet_rows(judged[name], crops, name)
    if not judged:
        raise InputError(" ".join(warnings))
    found = _found(data.name, turns, settings, truths, judged)
    if warnings:
        found["warnings"] = warnings
    if report is not None:
        report.mkdir(parents=True, exist_ok=True)
        sheet = report / "contact-sheet.png"
        draw_sheet(rows, sheet)
        write_folder(report, report_of(found, sheet))
    return found


def _settings() -> Settings:
    """Return the settings with a purpose and without a recogniser: turns or captions serve."""
    settings = load_settings()
    engines = settings.engines.model_copy(update={"transcriber": "none"})
    purpose = settings.purpose or "research"
    return settings.model_copy(update={"engines": engines, "purpose": purpose})


def _meetings(data: Path) -> dict[str, tuple[SourceItem, Truth]]:
    if not data.is_dir():
        raise SettingsError(f"There is no folder {data}; name the one with composed meetings.")
    truths = {path.name.removesuffix(SUFFIX): path for path in sorted(data.rglob(f"*{SUFFIX}"))}
    if not truths:
        raise SettingsError(f"There is no NAME{SUFFIX} in {data}.")
    items = {Path(item.uri).stem: item for item in find_recordings(str(data))}
    missing = sorted(set(truths) - set(items))
    if missing:
        raise InputError(f"There is no recording beside {missing[0]}{SUFFIX}.")
    return {name: (items[name], read_truth(path)) for name, path in truths.items()}


def _run(
    name: str, item: SourceItem, truth: Truth, settings: Settings, *, true_turns: bool
) -> tuple[list[Judged], dict[int, NDArray[np.uint8]]]:
    """Run the stages up to the faces; return judged utterances and a crop of each."""
    with tempfile.TemporaryDirectory(prefix="tonescribe-") as folder:
        scratch = Path(folder)
        recording = fetch(item, scratch)
        if true_turns:
            path = scratch / "true.rttm"
            path.write_text(as_rttm(truth, name), encoding="utf-8")
            recording = recording.model_copy(update={"turns_path": str(path)})
        work = Work(recording, settings, Policy.decide(settings), scratch)
        for stage in wanted_stages(settings):
            if stage.name in _RUN:
                setattr(work, stage.gives, stage.run(work))
        crops = {
            index: np.array(sequence.crops[len(sequence.crops) // 2])
            for index, sequence in read_sequences(work.faces)
        }
        return judge_meeting(name, truth, work.utterances, work.faces), crops


def _found(
    data: str,
    turns: str,
    settings: Settings,
    truths: dict[str, Truth],
    judged: dict[str, list[Judged]],
) -> Json:
    every = [each for found in judged.values() for each in found]
    by = {
        kind: {title: figures_of(part).model_dump() for title, part in parts.items()}
        for kind, parts in groups_of(every, truths).items()
    }
    by["meeting"] = {name: figures_of(found).model_dump() for name, found in judged.items()}
    return {
        "data": data,
        "turns": turns,
        "meetings": len(judged),
        "people": sorted({truths[name].people for name in judged}),
        "engines": _engines(settings, ("diarizer", "face_detector", "active_speaker")),
        "all": figures_of(every).model_dump(),
        "by": by,
        "calibration": {
            kind: measure(every).model_dump() for kind, measure in CALIBRATIONS.items()
        },
    }


def _engines(settings: Settings, jobs: Sequence[str]) -> list[str]:
    return [identify(job, settings.engine(job), settings.weights) for job in jobs]

"""The street of stages: which there are, what each depends on, and when it must run.

A stage's result is cached by the content of the recording, the stage's version, its settings,
the digests of its models and the keys of the stages before it. Two stages leave files in the
scratch folder; they run again when a later stage that reads those files must run.
"""

import hashlib
import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from models.registry import identify
from schemas.media import MediaInfo, Recording, SplitMedia
from schemas.policy import Policy
from schemas.settings import Settings
from schemas.speech import (
    AnnotatedUtterance,
    BranchScores,
    Diarization,
    Faces,
    Transcript,
    Utterance,
)
from schemas.tables import SCHEMA_VERSION
from tasks.dataset import page, publish
from tasks.emotion import branches, faces, fuse
from tasks.ingest import fetch
from tasks.media import probe as probing
from tasks.media import split as splitting
from tasks.transcript import diarize, transcribe, utterances


@dataclass
class Work:
    """One recording on its way: what was given, and the results so far by stage."""

    recording: Recording
    settings: Settings
    policy: Policy
    scratch: Path
    results: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def waveform(self) -> splitting.WavFile | None:
        """The sound, where the recording has any."""
        path = self.results["split"].audio_path
        return splitting.WavFile(path) if path else None

    @property
    def tracks(self) -> list[tuple[str | None, splitting.WavFile]]:
        """The sound of each participant, where each has a track."""
        return [(t.name, splitting.WavFile(t.path)) for t in self.results["split"].tracks]


@dataclass(frozen=True)
class Stage:
    """One stage: its function, and everything that its result depends on.

    `after` are the stages whose results it reads, `files_of` those whose scratch files it reads,
    `biometric` says that it looks at voice or face to infer emotion: the policy may forbid it.
    `redacted` is what may be stored of its result where somebody did not consent; it then runs
    again whenever a later stage needs the whole.
    """

    name: str
    run: Callable[[Work], Any]
    version: int
    result: TypeAdapter[Any]
    after: tuple[str, ...] = ()
    files_of: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    engines: tuple[str, ...] = ()
    inputs: Callable[[Recording], Any] = lambda _: None
    cached: bool = True
    biometric: bool = False
    skipped: Callable[[Work], Any] = lambda _: None
    redacted: Callable[[Any], Any] | None = None

    def hides(self, recording: Recording) -> bool:
        """Whether less than its result may be stored."""
        return self.redacted is not None and recording.consent.is_restricted


def _probe(work: Work) -> Any:
    return probing.probe(work.recording.path, work.settings)


def _split(work: Work) -> Any:
    return splitting.split(work.recording, work.results["probe"], work.settings, work.scratch)


def _diarize(work: Work) -> Any:
    if work.waveform is None:
        return Diarization()
    sidecar, turns = work.recording.sidecar, work.recording.turns_path
    made = diarize.diarize(work.waveform, work.settings, sidecar, work.tracks, turns)
    consent = work.recording.consent
    names = {speaker: consent.shown_name(name) for speaker, name in made.names.items()}
    return made.model_copy(update={"names": names})


def _transcribe(work: Work) -> Any:
    turns = work.results["diarize"]
    made = transcribe.transcribe(
        work.recording, work.waveform, turns, work.settings, work.results["probe"].duration
    )
    consent = work.recording.consent
    if not consent.is_restricted:
        return made
    words = tuple(
        w if w.name is None else w.model_copy(update={"name": consent.shown_name(w.name)})
        for w in made.words
    )
    return made.model_copy(update={"words": words})


def _without_words(transcript: Transcript) -> Transcript:
    """What may be stored before it is known who said what."""
    return transcript.model_copy(update={"words": ()})


def _utterances(work: Work) -> Any:
    results, recording = work.results, work.recording
    return utterances.make_utterances(
        results["diarize"],
        results["transcribe"],
        work.settings,
        recording.sidecar,
        recording.consent,
    )


def _faces(work: Work) -> Any:
    path = work.results["split"].video_path
    if path is None:
        return Faces()
    return faces.find_faces(
        path,
        work.results["probe"],
        work.results["utterances"],
        work.waveform,
        work.settings,
        work.scratch,
    )


def _audio(work: Work) -> Any:
    return branches.judge_voice(work.waveform, work.results["utterances"], work.settings)


def _video(work: Work) -> Any:
    return branches.judge_face(work.results["faces"], work.results["utterances"], work.settings)


def _text(work: Work) -> Any:
    return branches.judge_words(work.results["utterances"], work.settings)


def _fuse(work: Work) -> Any:
    results = work.results
    judged: dict[str, BranchScores] = {
        name: results[name] for name in fuse.BRANCHES if results[name] is not None
    }
    spoken = results["utterances"]
    return fuse.fuse(
        spoken,
        results["faces"],
        judged,
        work.settings,
        text_only=work.policy.text_only,
        other_language=branches.in_other_language(spoken, work.settings),
    )


def _hints(recording: Recording) -> Any:
    sidecar = recording.sidecar
    return [
        sidecar.speakers,
        sidecar.min_speakers,
        sidecar.max_speakers,
        _content(recording.turns_path),
        sorted(recording.consent.refused),
    ]


def _captions(recording: Recording) -> Any:
    sidecar = recording.sidecar
    told = [sidecar.title, [person.name for person in sidecar.participants]]
    return [sidecar.language, told, _content(recording.captions_path), _participants(recording)]


def _participants(recording: Recording) -> Any:
    people = [p.model_dump() for p in recording.sidecar.participants]
    return [people, sorted(recording.consent.refused)]


def _content(path: str | None) -> str | None:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest() if path else None


STAGES: tuple[Stage, ...] = (
    Stage("probe", _probe, probing.STAGE_VERSION, TypeAdapter(MediaInfo), sections=("limits",)),
    Stage(
        "split",
        _split,
        splitting.STAGE_VERSION,
        TypeAdapter(SplitMedia),
        after=("probe",),
        cached=False,
    ),
    Stage(
        "diarize",
        _diarize,
        diarize.STAGE_VERSION,
        TypeAdapter(Diarization),
        after=("probe",),
        files_of=("split",),
        sections=("speakers",),
        engines=("diarizer",),
        inputs=_hints,
    ),
    Stage(
        "transcribe",
        _transcribe,
        transcribe.STAGE_VERSION,
        TypeAdapter(Transcript),
        after=("probe", "diarize"),
        files_of=("split",),
        sections=("captions", "language"),
        engines=("transcriber",),
        inputs=_captions,
        redacted=_without_words,
    ),
    Stage(
        "utterances",
        _utterances,
        utterances.STAGE_VERSION,
        TypeAdapter(tuple[Utterance, ...]),
        after=("diarize", "transcribe"),
        sections=("utterances", "judge"),
        inputs=_participants,
    ),
    Stage(
        "faces",
        _faces,
        faces.STAGE_VERSION,
        TypeAdapter(Faces),
        after=("probe", "utterances"),
        files_of=("split",),
        sections=("faces",),
        engines=("face_detector",),
        biometric=True,
        skipped=lambda _: Faces(),
    ),
    Stage(
        "audio",
        _audio,
        branches.STAGE_VERSION,
        TypeAdapter(BranchScores),
        after=("utterances",),
        files_of=("split",),
        engines=("audio",),
        biometric=True,
    ),
    Stage(
        "video",
        _video,
        branches.STAGE_VERSION,
        TypeAdapter(BranchScores),
        after=("utterances", "faces"),
        files_of=("split", "faces"),
        engines=("video",),
        biometric=True,
    ),
    Stage(
        "text",
        _text,
        branches.STAGE_VERSION,
        TypeAdapter(BranchScores),
        after=("utterances",),
        engines=("text",),
    ),
    Stage(
        "fuse",
        _fuse,
        fuse.STAGE_VERSION,
        TypeAdapter(tuple[AnnotatedUtterance, ...]),
        after=("utterances", "faces", "audio", "video", "text"),
        sections=("judge",),
        engines=("fusion", "text"),
    ),
)
"""In the order in which they run."""

REPORTED_SECTIONS = ("profile", "purpose", "purpose_note", "jurisdiction", "context")
"""Settings that no stage reads but that stand in the rows."""


def own_part(stage: Stage, settings: Settings) -> dict[str, Any]:
    """Everything but the recording that a stage's result depends on, as JSON."""
    dumped = settings.model_dump(mode="json", include=set(stage.sections))
    engines = [identify(job, settings.engine(job), settings.weights) for job in stage.engines]
    return {
        "stage": stage.name,
        "version": stage.version,
        "settings": dumped,
        "engines": engines,
    }


def stage_keys(recording: Recording, settings: Settings, policy: Policy) -> dict[str, str]:
    """Return the cache key of every stage for one recording: `<recording_id>/<stage>-<digest>`."""
    keys: dict[str, str] = {}
    for stage in STAGES:
        part = own_part(stage, settings) | {
            "recording": recording.recording_id,
            "inputs": stage.inputs(recording),
            "after": [keys[name] for name in stage.after],
            "text_only": policy.text_only if stage.biometric or stage.name == "fuse" else None,
        }
        keys[stage.name] = f"{recording.recording_id}/{stage.name}-{_digest(part)}"
    return keys


def fingerprint(settings: Settings) -> str:
    """Digest of everything but the recordings that published rows depend on."""
    parts: dict[str, Any] = {stage.name: own_part(stage, settings) for stage in STAGES}
    parts["rows"] = settings.model_dump(mode="json", include=set(REPORTED_SECTIONS))
    # no stage of the conveyor, but what they write stands in the dataset all the same
    parts["around"] = [SCHEMA_VERSION, *(m.STAGE_VERSION for m in (fetch, publish, page))]
    return _digest(parts)


def inputs_digest(recording: Recording) -> str:
    """Digest of what lies beside a recording: captions, turns, sidecar."""
    sidecar = recording.sidecar.model_dump(mode="json")
    beside = [_hints(recording), _captions(recording), sidecar, _participants(recording)]
    return _digest(beside)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:24]


def must_run(
    cached: Collection[str],
    allowed: Callable[[Stage], bool],
    hides: Callable[[Stage], bool] = lambda _: False,
) -> set[str]:
    """Return the stages that must do work: those not cached, and those that these need.

    `split` runs only where a later stage reads its files, a stage that `hides` a part of its
    result from the cache only where a later one reads it.
    """
    running: set[str] = set()
    for stage in reversed(STAGES):
        later = [s for s in STAGES if s.name in running]
        needed = any(stage.name in s.files_of for s in later)
        needed = needed or (hides(stage) and any(stage.name in s.after for s in later))
        missing = stage.cached and stage.name not in cached
        if allowed(stage) and (needed or missing):
            running.add(stage.name)
    return running

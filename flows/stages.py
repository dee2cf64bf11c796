"""The table of stages: what each computes, what it depends on, and when it must run.

A stage's result is cached by the content of the recording, the stage's version, its settings,
the digests of its models and the keys of the stages before it (`flows/keys.py`). Two stages leave
files in the scratch folder; they run again when a later stage that reads those files must run.
"""

from collections.abc import Callable, Collection

from pydantic import TypeAdapter

from flows.work import Stage, Work
from schemas.media import MediaInfo, SplitMedia
from schemas.settings import Settings
from schemas.speech import (
    AnnotatedUtterance,
    BranchScores,
    Diarization,
    Faces,
    Reactions,
    Transcript,
    Utterance,
    VoiceNames,
)
from tasks.emotion import branches, faces, fuse, reactions
from tasks.ingest import beside, enrolled
from tasks.media import probe as probing
from tasks.media import split as splitting
from tasks.transcript import diarize, enrolled_voices, transcribe, utterances


def _probe(work: Work) -> MediaInfo:
    return probing.probe(work.recording.path, work.settings)


def _split(work: Work) -> SplitMedia:
    return splitting.split(work.recording, work.media, work.settings, work.scratch)


def _diarize(work: Work) -> Diarization:
    if work.waveform is None:
        return Diarization()
    recording = work.recording
    made = diarize.diarize(
        work.waveform, work.settings, recording.sidecar, work.tracks, recording.turns_path
    )
    consent = recording.consent
    names = {speaker: consent.shown_name(name) for speaker, name in made.names.items()}
    return made.model_copy(update={"names": names})


def _voices(work: Work) -> VoiceNames:
    if work.waveform is None:
        return VoiceNames()
    recording = work.recording
    return enrolled_voices.name_voices(
        work.waveform,
        work.diarization,
        work.settings,
        recording.sidecar,
        recording.consent,
        work.scratch,
    )


def _transcribe(work: Work) -> Transcript:
    made = transcribe.transcribe(
        work.recording, work.waveform, work.diarization, work.settings, work.media.duration
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
    """Return what may be stored before the words have speakers."""
    return transcript.model_copy(update={"words": ()})


def _utterances(work: Work) -> tuple[Utterance, ...]:
    recording = work.recording
    return utterances.make_utterances(
        work.diarization,
        work.transcript,
        work.settings,
        recording.sidecar,
        recording.consent,
        work.voices,
    )


def _faces(work: Work) -> Faces:
    path = work.split.video_path
    if path is None:
        return Faces()
    found = faces.find_faces(
        path, work.media, work.utterances, work.waveform, work.settings, work.scratch
    )
    return reactions.without_hidden_listeners(found, work.utterances, work.recording.consent)


def _audio(work: Work) -> BranchScores:
    return branches.judge_audio(work.waveform, work.utterances, work.settings)


def _video(work: Work) -> BranchScores:
    return branches.judge_video(work.faces, work.utterances, work.settings)


def _reactions(work: Work) -> Reactions:
    return reactions.judge_reactions(
        work.faces, work.utterances, work.recording.consent, work.settings
    )


def _text(work: Work) -> BranchScores:
    return branches.judge_text(work.utterances, work.settings)


def _fuse(work: Work) -> tuple[AnnotatedUtterance, ...]:
    by_branch = {"audio": work.audio, "video": work.video, "text": work.text}
    return fuse.fuse(
        work.utterances,
        work.faces,
        {name: scores for name, scores in by_branch.items() if scores is not None},
        work.settings,
        text_only=work.policy.text_only,
        other_language=branches.in_other_language(work.utterances, work.settings),
    )


STAGES: tuple[Stage, ...] = (
    Stage(
        "probe",
        "media",
        _probe,
        probing.STAGE_VERSION,
        TypeAdapter(MediaInfo),
        sections=("limits",),
    ),
    Stage(
        "split",
        "split",
        _split,
        splitting.STAGE_VERSION,
        TypeAdapter(SplitMedia),
        after=("probe",),
        cached=False,
    ),
    Stage(
        "diarize",
        "diarization",
        _diarize,
        diarize.STAGE_VERSION,
        TypeAdapter(Diarization),
        after=("probe",),
        files_of=("split",),
        sections=("speakers",),
        engines=("diarizer",),
        inputs=beside.turns_and_hints,
    ),
    Stage(
        "voices",
        "voices",
        _voices,
        enrolled_voices.STAGE_VERSION,
        TypeAdapter(VoiceNames),
        after=("probe", "diarize"),
        files_of=("split",),
        engines=("diarizer",),
        inputs=beside.participants,
        biometric=True,
        skipped=enrolled_voices.FORBIDDEN,
        is_wanted=lambda settings: bool(settings.speakers.enrolled),
        files=lambda settings: enrolled.enrolled_digest(settings.speakers.enrolled),
    ),
    Stage(
        "transcribe",
        "transcript",
        _transcribe,
        transcribe.STAGE_VERSION,
        TypeAdapter(Transcript),
        after=("probe", "diarize"),
        files_of=("split",),
        sections=("captions", "language"),
        engines=("transcriber",),
        inputs=beside.captions_and_names,
        redacted=_without_words,
    ),
    Stage(
        "utterances",
        "utterances",
        _utterances,
        utterances.STAGE_VERSION,
        TypeAdapter(tuple[Utterance, ...]),
        after=("diarize", "voices", "transcribe"),
        sections=("utterances", "judge"),
        inputs=beside.participants,
    ),
    Stage(
        "faces",
        "faces",
        _faces,
        faces.STAGE_VERSION,
        TypeAdapter(Faces),
        after=("probe", "utterances"),
        files_of=("split",),
        sections=("faces",),
        engines=("face_detector", "active_speaker"),
        biometric=True,
        skipped=Faces(),
    ),
    Stage(
        "audio",
        "audio",
        _audio,
        branches.AUDIO_VERSION,
        TypeAdapter(BranchScores),
        after=("utterances",),
        files_of=("split",),
        sections=("voice",),
        engines=("audio",),
        biometric=True,
    ),
    Stage(
        "video",
        "video",
        _video,
        branches.VIDEO_VERSION,
        TypeAdapter(BranchScores),
        after=("utterances", "faces"),
        files_of=("split", "faces"),
        sections=("video",),
        engines=("video",),
        biometric=True,
    ),
    Stage(
        "reactions",
        "reactions",
        _reactions,
        reactions.STAGE_VERSION,
        TypeAdapter(Reactions),
        after=("utterances", "faces"),
        files_of=("split", "faces"),
        sections=("video", "judge"),
        engines=("video",),
        biometric=True,
        skipped=Reactions(),
    ),
    Stage(
        "text",
        "text",
        _text,
        branches.STAGE_VERSION,
        TypeAdapter(BranchScores),
        after=("utterances",),
        engines=("text",),
    ),
    Stage(
        "fuse",
        "annotated",
        _fuse,
        fuse.STAGE_VERSION,
        TypeAdapter(tuple[AnnotatedUtterance, ...]),
        after=("utterances", "faces", "audio", "video", "text"),
        sections=("judge", "meeting"),
        engines=("fusion", "text"),
    ),
)
"""In the order in which they run."""


def wanted_stages(settings: Settings) -> tuple[Stage, ...]:
    """Return the stages that the settings ask for, in order."""
    return tuple(stage for stage in STAGES if stage.is_wanted(settings))


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

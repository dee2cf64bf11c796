"""Annotate one recording: run its stages, then publish or quarantine it."""

import hashlib
import resource
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.artifacts import RecordingProgress, publish_artifacts
from flows.cache import StageCache
from flows.discretion import address_id
from flows.failures import StageFailedError
from flows.keys import fingerprint, inputs_digest, marks, stage_keys
from flows.pressure import deadline, fetch_seconds, run_stage
from flows.progress import emit_stage
from flows.stages import STAGES, must_run
from flows.steps import about, attempt, guarded
from flows.work import Stage, Work
from schemas.annotation import Annotation
from schemas.consent import Restrictions
from schemas.dataset import Dataset
from schemas.errors import ResourceError, UnsettledError
from schemas.manifest import QuarantineEntry, RunFacts, Source
from schemas.media import Recording, SourceItem
from schemas.policy import Policy, strictest
from schemas.reports import RecordingReport
from schemas.settings import Settings
from schemas.sidecar import Sidecar
from schemas.speech import AnnotatedUtterance
from schemas.values import Seconds
from tasks.dataset.leases import Leases, LostLeaseError, key_of_address
from tasks.dataset.manifests import add_source, read_manifest
from tasks.dataset.page import render_page
from tasks.dataset.publish import publish
from tasks.dataset.quarantine import quarantine, release
from tasks.dataset.tombstones import is_forgotten, refused_for_good
from tasks.ingest.fetch import fetch, sidecar_of


def annotate_item(
    item: SourceItem,
    dataset: Dataset,
    settings: Settings,
    scratch: Path,
    held: Sequence[str] | None = None,
) -> RecordingReport:
    """Annotate and publish one recording, or quarantine it; never raises for its content.

    `held` are the ids under which its address is in quarantine; None: look there. One that
    another run works on is left to it.
    """
    started = time.perf_counter()
    recording: Recording | None = None
    try:
        with about(address_id(item.uri)), Leases(dataset) as leases:
            if not guarded("lease", lambda: leases.take(key_of_address(item.uri))):
                return _busy(item, time.perf_counter() - started)
            recording = attempt("ingest", lambda: _fetch(item, dataset, settings, scratch))
            with about(recording.recording_id):
                report = _held(recording, item, dataset, settings, scratch, started, leases)
            if report.outcome != "busy":
                guarded("publish", lambda: release(dataset, item.uri, held))
    except StageFailedError as failure:
        if isinstance(failure.__cause__, LostLeaseError):
            return _busy(item, time.perf_counter() - started)
        if isinstance(failure.__cause__, UnsettledError):
            return _unsettled(item, started, failure.sentence)
        report = _quarantine(item, recording, dataset, failure, fingerprint(settings))
    return report.model_copy(update={"seconds": time.perf_counter() - started})


def _held(
    recording: Recording,
    item: SourceItem,
    dataset: Dataset,
    settings: Settings,
    scratch: Path,
    started: float,
    leases: Leases,
) -> RecordingReport:
    """Annotate a recording once its content is held, unless it is forgotten or known."""
    if not guarded("lease", lambda: leases.take(recording.recording_id)):
        return _busy(item, time.perf_counter() - started, recording.recording_id)
    report = _forgotten(recording, dataset)
    report = report or guarded("publish", lambda: _known(recording, item, dataset, settings))
    return report or _annotate(recording, dataset, settings, scratch, started, leases)


def _busy(
    item: SourceItem, seconds: Seconds = 0.0, recording_id: str | None = None
) -> RecordingReport:
    return RecordingReport(
        uri=item.uri,
        recording_id=recording_id,
        outcome="busy",
        seconds=seconds,
        sentence="It is being annotated by another run.",
    )


def _unsettled(item: SourceItem, started: float, sentence: str) -> RecordingReport:
    return RecordingReport(
        uri=item.uri,
        outcome="uploading",
        seconds=time.perf_counter() - started,
        sentence=sentence,
    )


def quarantine_lost(item: SourceItem, dataset: Dataset, settings: Settings) -> RecordingReport:
    """Quarantine a recording whose worker process was killed."""
    error = ResourceError(
        "The process that annotated it was killed, probably because memory ran out; annotate it "
        "with fewer workers or on a machine with more memory."
    )
    failure = StageFailedError("process", error)
    return _quarantine(item, None, dataset, failure, fingerprint(settings))


def _fetch(item: SourceItem, dataset: Dataset, settings: Settings, scratch: Path) -> Recording:
    """Fetch a recording; what any sidecar of the same content forbids holds for it too.

    Also of one that is gone: what it forbade stays with the content, as the manifest remembers
    it, until a sidecar at its place says otherwise.
    """
    with deadline(fetch_seconds(item.size, settings.limits), "Fetching the recording"):
        recording = fetch(item, scratch)
    before = read_manifest(dataset, recording.recording_id)
    sidecars: list[Sidecar] = []
    remembered: list[Restrictions] = []
    stated = Restrictions.stated(recording.recording_id, recording.sidecar)
    for source in before.sources if before else ():
        is_own = source.uri == item.uri
        sidecar = recording.sidecar if is_own and item.sidecar_uri else sidecar_of(source.uri)
        if sidecar is None:
            remembered.append(source.restrictions)
            stated = source.restrictions if is_own else stated
        elif not is_own:
            sidecars.append(sidecar)
    return recording.model_copy(
        update={
            "sidecar": strictest(recording.sidecar, sidecars, remembered),
            "restrictions": stated,
            "remembered_refusals": tuple(
                sorted(
                    {d for r in remembered for d in r.refused}
                    | {*refused_for_good(dataset, recording.recording_id)}
                )
            ),
        }
    )


def _forgotten(recording: Recording, dataset: Dataset) -> RecordingReport | None:
    """Content that was forgotten on request stays so."""
    if not is_forgotten(dataset, recording.recording_id):
        return None
    return RecordingReport(
        uri=recording.uri,
        outcome="forgotten",
        recording_id=recording.recording_id,
        seconds=0.0,
        sentence="It was forgotten on request ('tonescribe forget --allow-again' lets it back).",
    )


def _source(item: SourceItem, recording: Recording) -> Source:
    return Source(uri=item.uri, version=item.version, restrictions=recording.restrictions)


def _known(
    recording: Recording, item: SourceItem, dataset: Dataset, settings: Settings
) -> RecordingReport | None:
    """Content that is annotated already under another name gets that name, and no work."""
    before = read_manifest(dataset, recording.recording_id)
    if before is None or before.inputs != inputs_digest(recording):
        return None
    if not marks(settings).fit(before.fingerprint, before.judged, before.versions):
        return None
    add_source(dataset, before, _source(item, recording))
    return RecordingReport(
        uri=item.uri,
        outcome="known",
        recording_id=recording.recording_id,
        title=before.title,
        seconds=0.0,
        sentence=f"The same content is annotated already as {before.sources[0].uri}.",
    )


def _annotate(
    recording: Recording,
    dataset: Dataset,
    settings: Settings,
    scratch: Path,
    started: float,
    leases: Leases,
) -> RecordingReport:
    policy = attempt("policy", lambda: Policy.decide(settings, recording.sidecar))
    work = Work(recording, settings, policy, scratch)
    seconds, ran = run_stages(work)
    facts = RunFacts(
        stage_seconds=seconds,
        peak_rss_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        wall_seconds=time.perf_counter() - started,
    )
    annotation = Annotation(
        recording=recording,
        media=work.media,
        transcript=work.transcript,
        utterances=work.annotated,
        reactions=work.reactions,
        settings=settings,
        policy=policy,
        facts=facts,
        marks=marks(settings),
        inputs=inputs_digest(recording),
        degraded=_degraded(work, ran, dataset),
    )
    page = attempt(
        "page", lambda: render_page(annotation, dataset.corrections(recording.recording_id))
    )
    manifest = attempt("publish", lambda: publish(dataset, annotation, page, leases.note))
    publish_artifacts(manifest, dataset, annotation.utterances, settings.artifacts)
    return RecordingReport(
        uri=recording.uri,
        outcome="annotated",
        recording_id=recording.recording_id,
        title=manifest.title,
        duration=work.media.duration,
        n_speakers=len(annotation.speakers),
        n_utterances=len(annotation.utterances),
        n_reactions=len(annotation.reactions.rows),
        seconds=facts.wall_seconds,
        stage_seconds=seconds,
        ran=ran,
        sentence=_notes(
            work.media.damage,
            work.transcript.reason,
            *work.transcript.faults,
            *work.voices.notes,
            policy.warning,
            _hidden_sentence(annotation.utterances),
        ),
    )


def _degraded(work: Work, ran: Sequence[str], dataset: Dataset) -> tuple[str, ...]:
    """Return what was made smaller, now or when the stages ran whose results were kept."""
    before = read_manifest(dataset, work.recording.recording_id)
    kept = (each for each in (before.degraded if before else ()) if each.split(":")[0] not in ran)
    return (*kept, *work.degraded)


def _notes(*sentences: str | None) -> str | None:
    return " ".join(sentence for sentence in sentences if sentence) or None


def _hidden_sentence(annotated: Sequence[AnnotatedUtterance]) -> str | None:
    """Say how much is not shown for want of consent, and what helps where that is everything."""
    hidden = sum("no_consent" in row.flags for row in annotated)
    if not hidden:
        return None
    sentence = f"{hidden} of {len(annotated)} utterances are not shown: somebody did not consent."
    if hidden < len(annotated):
        return sentence
    return f"{sentence} To show the others, tell them apart by captions with names or own tracks."


def run_stages(work: Work) -> tuple[dict[str, float], tuple[str, ...]]:
    """Run the stages in order; return the wall seconds of each, and which did work."""
    keys = stage_keys(work.recording, work.settings, work.policy)
    cache = StageCache(work.settings.cache)
    stages = tuple(stage for stage in STAGES if stage.is_wanted(work.settings))
    cached = cache.read_all(keys, {stage.name: stage.kind for stage in stages if stage.cached})
    running = must_run(
        cached,
        allowed=lambda stage: stage.is_wanted(work.settings) and stage.is_allowed(work.policy),
        hides=lambda stage: stage.hides(work.recording),
    )
    progress = RecordingProgress(len(stages))
    seconds: dict[str, float] = {}
    for number, stage in enumerate(stages):
        emit_stage(work.recording.title, stage.name, number / len(stages))
        begun = time.perf_counter()
        if not stage.is_allowed(work.policy):
            setattr(work, stage.gives, stage.skipped)
        elif stage.name in running:
            setattr(work, stage.gives, _run_stage(stage, work, keys[stage.name], cache))
        elif stage.cached:
            setattr(work, stage.gives, _look_up(stage, keys[stage.name], cached[stage.name]))
        seconds[stage.name] = round(time.perf_counter() - begun, 3)
        progress.move(number + 1)
    return seconds, tuple(stage.name for stage in stages if stage.name in running)


def _run_stage(stage: Stage, work: Work, key: str, cache: StageCache) -> Any:
    def run() -> Any:
        result = run_stage(stage, work)
        if stage.cached:
            hidden = stage.redacted if stage.hides(work.recording) else None
            cache.write(key, stage.kind, hidden(result) if hidden else result)
        return result

    return attempt(stage.name, run, key=key)


def _look_up(stage: Stage, key: str, result: Any) -> Any:
    return attempt(stage.name, lambda: result, key=key, is_cached=True)


def _unread_id(item: SourceItem) -> str:
    """Name content that was never read by its address."""
    return hashlib.sha256(item.uri.encode()).hexdigest()[:16]


def _quarantine(
    item: SourceItem,
    recording: Recording | None,
    dataset: Dataset,
    failure: StageFailedError,
    made_with: str,
) -> RecordingReport:
    recording_id = recording.recording_id if recording else _unread_id(item)
    entry = QuarantineEntry(
        recording_id=recording_id,
        sources=(Source(uri=item.uri, version=item.version),),
        cause=failure.cause,
        stage=failure.stage,
        sentence=failure.sentence,
        quarantined_at=datetime.now(UTC),
        fingerprint=made_with,
    )
    sentence = failure.sentence
    try:
        guarded("quarantine", lambda: quarantine(dataset, entry))
    except StageFailedError as second:  # the next run finds the recording undone
        sentence = _notes(sentence, f"It is not in quarantine: {second.sentence}") or sentence
    return RecordingReport(
        uri=item.uri,
        outcome="quarantined",
        recording_id=recording_id,
        seconds=0.0,
        stage=failure.stage,
        cause=failure.cause,
        sentence=sentence,
    )

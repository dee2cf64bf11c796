"""One recording through the street: its stages as Prefect tasks, then publish or quarantine."""

import hashlib
import resource
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import get_run_logger, task
from prefect.states import Failed

from flows.artifacts import RecordingProgress, publish_artifacts
from flows.progress import tell
from flows.stages import STAGES, Stage, Work, fingerprint, inputs_digest, must_run, stage_keys
from schemas.consent import Restrictions
from schemas.dataset import Dataset
from schemas.errors import InputError, PolicyError, ResourceError, TonescribeError
from schemas.manifest import Manifest, QuarantineEntry, RunFacts, Source
from schemas.media import Recording, SourceItem
from schemas.policy import Policy, strictest
from schemas.reports import RecordingReport
from schemas.settings import Settings
from schemas.sidecar import Sidecar
from schemas.speech import AnnotatedUtterance
from tasks.ingest import fetch, sidecar_of
from tasks.publish import add_source, publish, quarantine, read_manifest, release
from tasks.report import render_page

CAUSES: dict[type[TonescribeError], str] = {
    InputError: "input",
    PolicyError: "policy",
    ResourceError: "resource",
}
"""What an operator can do: mend the recording, choose another purpose, try again with more."""


class StageFailedError(Exception):
    """A stage could not do its work on this recording."""

    def __init__(self, stage: str, error: Exception) -> None:
        if isinstance(error, TonescribeError):
            self.sentence = error.sentence
        else:
            self.sentence = f"The stage '{stage}' failed ({type(error).__name__}: {error})."
        self.cause = next((c for kind, c in CAUSES.items() if isinstance(error, kind)), "internal")
        self.stage = stage
        super().__init__(self.sentence)


def annotate_item(
    item: SourceItem, dataset: Dataset, settings: Settings, scratch: Path
) -> RecordingReport:
    """Annotate and publish one recording, or quarantine it; never raises for its content."""
    started = time.perf_counter()
    recording: Recording | None = None
    try:
        recording = attempt("ingest", lambda: _fetch(item, dataset, scratch))
        report = _known(recording, item, dataset, settings) or _annotate(
            recording, dataset, settings, scratch, started
        )
        release(dataset, item.uri)
    except StageFailedError as failure:
        report = _quarantine(item, recording, dataset, failure, fingerprint(settings))
    return report.model_copy(update={"seconds": time.perf_counter() - started})


def _fetch(item: SourceItem, dataset: Dataset, scratch: Path) -> Recording:
    """Fetch a recording; what any sidecar of the same content forbids holds for it too.

    Also of one that is gone: what it forbade stays with the content, as the manifest remembers
    it, until a sidecar at its place says otherwise.
    """
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
            "remembered_refusals": tuple(sorted({d for r in remembered for d in r.refused})),
        }
    )


def _source(item: SourceItem, recording: Recording) -> Source:
    return Source(uri=item.uri, version=item.version, restrictions=recording.restrictions)


def _known(
    recording: Recording, item: SourceItem, dataset: Dataset, settings: Settings
) -> RecordingReport | None:
    """Content that is annotated already under another name gets that name, and no work."""
    before = read_manifest(dataset, recording.recording_id)
    made_now = (fingerprint(settings), inputs_digest(recording))
    if before is None or (before.fingerprint, before.inputs) != made_now:
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
    recording: Recording, dataset: Dataset, settings: Settings, scratch: Path, started: float
) -> RecordingReport:
    policy = attempt("policy", lambda: Policy.decide(settings, recording.sidecar))
    work = Work(recording, settings, policy, scratch)
    seconds, ran = run_stages(work)
    facts = RunFacts(
        stage_seconds=seconds,
        peak_rss_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        wall_seconds=time.perf_counter() - started,
    )
    info, annotated = work.results["probe"], work.results["fuse"]
    page = attempt("report", lambda: render_page(recording, info, work.results))
    manifest: Manifest = attempt(
        "publish",
        lambda: publish(
            dataset,
            recording,
            info,
            annotated,
            page,
            settings,
            work.policy,
            facts,
            fingerprint(settings),
            inputs_digest(recording),
        ),
    )
    publish_artifacts(manifest, dataset, annotated)
    return RecordingReport(
        uri=recording.uri,
        outcome="annotated",
        recording_id=recording.recording_id,
        title=manifest.title,
        duration=info.duration,
        n_speakers=len({row.utterance.speaker for row in annotated}),
        n_utterances=len(annotated),
        seconds=facts.wall_seconds,
        stage_seconds=seconds,
        ran=ran,
        sentence=_notes(
            info.damage,
            work.results["transcribe"].reason,
            policy.warning,
            _hidden_sentence(annotated),
        ),
    )


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
    cache = work.settings.cache.expanduser().absolute()

    def allowed(stage: Stage) -> bool:
        return not (stage.biometric and work.policy.text_only)

    def hides(stage: Stage) -> bool:
        return stage.hides(work.recording)

    running = must_run(keys, cache, allowed, hides)
    progress = RecordingProgress(len(STAGES))
    seconds: dict[str, float] = {}
    for number, stage in enumerate(STAGES):
        tell(work.recording.title, stage.name, number / len(STAGES))
        begun = time.perf_counter()
        if not allowed(stage):
            work.results[stage.name] = stage.skipped(work)
        elif stage.cached or stage.name in running:
            work.results[stage.name] = _run_stage(stage, work, keys[stage.name], cache, running)
        seconds[stage.name] = round(time.perf_counter() - begun, 3)
        progress.move(number + 1)
    return seconds, tuple(stage.name for stage in STAGES if stage.name in running)


def _run_stage(stage: Stage, work: Work, key: str, cache: Path, running: set[str]) -> Any:
    if not stage.cached:
        return attempt(stage.name, lambda: stage.run(work))
    whole: list[Any] = []

    def run() -> Any:
        whole.append(stage.run(work))
        return stage.redacted(whole[0]) if hidden and stage.redacted else whole[0]

    hidden = stage.hides(work.recording)
    stored = attempt(
        stage.name,
        run,
        persist_result=True,
        result_serializer="json",
        result_storage=cache,
        cache_key_fn=lambda *_: key,
        refresh_cache=stage.name in running,
        cache_result_in_memory=False,
    )
    return whole[0] if whole else stored


def attempt(name: str, run: Callable[[], Any], **options: Any) -> Any:
    """Run a function as a Prefect task; an error becomes a `StageFailedError`, not a traceback."""

    @task(name=name, **({"persist_result": False} | options))
    def stage_task() -> Any:
        try:
            return run()
        except Exception as error:  # noqa: BLE001 - the boundary around one recording
            get_run_logger().debug("The stage '%s' failed.", name, exc_info=True)
            failure = StageFailedError(name, error)
            return Failed(message=failure.sentence, data=failure)

    state = stage_task(return_state=True)
    result = state.result(raise_on_failure=False)
    if isinstance(result, BaseException):
        raise result
    return result


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
    quarantine(dataset, entry)
    return RecordingReport(
        uri=item.uri,
        outcome="quarantined",
        recording_id=recording_id,
        seconds=0.0,
        sentence=failure.sentence,
    )

"""`tonescribe annotate`: run the flow with a progress bar, or a line per stage and recording."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flows.batch import Batch, check_engines, handing_on, plan_batch, run_batch, run_plainly
from flows.discretion import shown_address
from flows.networks import absent_networks
from flows.options import AnnotateOptions, quiet_prefect
from flows.progress import Event, Progress, listening
from flows.runners import needs_shared_server
from flows.server import NoServerError, is_alive, temporary_prefect
from schemas.errors import ResourceError, SettingsError
from schemas.reports import BatchReport, Outcome, RecordingReport
from tasks.ingest.plan import Plan

_PATIENCE_SECONDS = 1.0
"""After this wait the command says that it is starting."""


def run_annotate(options: AnnotateOptions, *, as_json: bool, debug: bool) -> int:
    """Annotate and report; return the exit code."""
    with _saying_so(as_json=as_json):
        batch = plan_batch(options)
    if batch.plan.passed_over:
        _say(f"{batch.plan.passed_over}.")
    if not batch.has_work:
        if not as_json:
            print(f"Nothing to do: {batch.plan.sentence}.")  # noqa: T201
        _print_rest(batch.plan, as_json=as_json)
        return 3 if batch.plan.quarantined else 0
    for sentence in absent_networks(batch.settings):
        _say(sentence)
    if not debug:
        quiet_prefect()
    with _progress(as_json=as_json):
        report = _annotate(batch)
    _print_rest(batch.plan, as_json=as_json)
    if not as_json:
        print(report.sentence)  # noqa: T201
    return 3 if report.has_quarantined else 0


@contextmanager
def _saying_so(*, as_json: bool) -> Iterator[None]:
    """Say that the program is starting, soon also where the planning takes long.

    Not at once: a refusal is one sentence and nothing else.
    """
    if _has_bar(as_json=as_json):
        yield
        return
    said = threading.Event()

    def say() -> None:
        if not said.is_set():
            said.set()
            _say("starting")

    timer = threading.Timer(_PATIENCE_SECONDS, say)
    timer.daemon = True
    timer.start()
    try:
        yield
        say()
    finally:
        said.set()
        timer.cancel()


def _annotate(batch: Batch) -> BatchReport:
    """Run the flow on the server of the settings or a temporary one, else without Prefect."""
    if batch.settings.server == "none":
        return run_batch(batch, run_plainly)
    batch.dataset.prepare()
    from prefect.settings import PREFECT_API_URL

    if url := PREFECT_API_URL.value():
        if not is_alive(url):
            raise ResourceError(
                f"The Prefect server at {url} does not answer; start it, unset PREFECT_API_URL, "
                "or run with --no-server."
            )
        return _run_flow(batch)
    if needs_shared_server(batch.settings):
        raise SettingsError(
            f"The runner '{batch.settings.runner}' needs a Prefect server that its machines reach; "
            "set PREFECT_API_URL."
        )
    try:
        with temporary_prefect(meanwhile=lambda: check_engines(batch.settings)):
            return _run_flow(batch)
    except NoServerError:
        _say("No Prefect server could be started; the stages run without one.")
        return run_batch(batch, run_plainly)


def _run_flow(batch: Batch) -> BatchReport:
    from flows.annotate import annotate, report_of

    with handing_on(batch):
        state = annotate(
            shown_address(str(batch.settings.source), batch.settings.artifacts),
            batch.dataset.location,
            **batch.options.of_recording,
            return_state=True,
        )
    report: BatchReport = report_of(state)
    return report


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201


def _print_rest(todo: Plan, *, as_json: bool) -> None:
    """Report recordings without work now: quarantined, uploading; to programs, unchanged."""
    for entry in todo.quarantined:
        for source in entry.sources:
            sentence = f"{entry.sentence} (in quarantine; --requeue tries again)"
            _print_report(_unworked(source.uri, "quarantined", sentence), as_json=as_json)
    for uri in todo.uploading:
        sentence = "It is still being uploaded; the next run takes it."
        _print_report(_unworked(uri, "uploading", sentence), as_json=as_json)
    for uri in todo.unchanged if as_json else ():
        _print_report(_unworked(uri, "unchanged"), as_json=True)


def _unworked(uri: str, outcome: Outcome, sentence: str | None = None) -> RecordingReport:
    return RecordingReport(uri=uri, outcome=outcome, seconds=0.0, sentence=sentence)


def _print_report(report: RecordingReport, *, as_json: bool) -> None:
    line = report.model_dump_json() if as_json else _line(report)
    print(line, flush=True)  # noqa: T201


def _line(report: RecordingReport) -> str:
    facts = [report.outcome, repr(report.uri) if not report.uri.isprintable() else report.uri]
    if report.duration is not None:
        speed = report.duration / max(report.seconds, 1e-3)
        facts.append(
            f"{report.duration:.1f} s in {report.seconds:.1f} s ({speed:.1f}x real time), "
            f"{report.n_speakers} speakers, {report.n_utterances} utterances"
        )
    if report.sentence:
        facts.append(report.sentence)
    return "  ".join(facts)


def _has_bar(*, as_json: bool) -> bool:
    return sys.stdout.isatty() and not as_json


@contextmanager
def _progress(*, as_json: bool) -> Iterator[None]:
    """Show every event: steps in a bar or as lines on stderr, recordings as they end."""
    if not _has_bar(as_json=as_json):
        with listening(_on_event(_print_step, print, as_json=as_json)):
            yield
        return
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Bar(*columns, transient=True) as bar:
        task = bar.add_task("starting", total=1.0)

        def move(step: Progress) -> None:
            text = f"{step.number}/{step.count} {step.title[:40]!r} {step.stage}"
            done = (step.number - 1 + step.done) / step.count
            bar.update(task, description=text.replace("[", r"\["), completed=done)

        def show(line: str) -> None:
            bar.console.print(line, markup=False, highlight=False, soft_wrap=True)

        with listening(_on_event(move, show, as_json=False)):
            yield


def _on_event(
    on_step: Callable[[Progress], None], show: Callable[[str], None], *, as_json: bool
) -> Callable[[Event], None]:
    def hear(event: Event) -> None:
        if isinstance(event, Progress):
            on_step(event)
        elif as_json:
            _print_report(event, as_json=True)
        else:
            show(_line(event))

    return hear


def _print_step(step: Progress) -> None:
    _say(f"{step.number}/{step.count} {step.title!r} {step.stage}")

"""`tonescribe annotate`: run the flow with a progress bar or one line per recording."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from flows.parameters import quiet_prefect, settings_from
from flows.progress import Progress, listening
from flows.stages import fingerprint
from schemas.dataset import Dataset
from schemas.policy import Policy
from schemas.reports import Outcome, RecordingReport
from tasks.plan import Plan, plan


def run_annotate(
    source: str, out: str, options: Mapping[str, Any], *, as_json: bool, debug: bool
) -> int:
    """Annotate and report; return the exit code."""
    batch_only = {"limit", "requeue"}
    settings = settings_from(**{k: v for k, v in options.items() if k not in batch_only})
    Policy.decide(settings)
    todo = plan(
        source,
        Dataset(out, create=True),
        fingerprint(settings),
        limit=options["limit"],
        requeue=options["requeue"],
    )
    if todo.passed_over:
        print(f"{todo.passed_over}.", file=sys.stderr)  # noqa: T201
    if not todo.pending:
        if not as_json:
            print(f"Nothing to do: {todo.sentence}.")  # noqa: T201
        _print_rest(todo, as_json=as_json)
        return 3 if todo.quarantined else 0
    if not debug:
        quiet_prefect()
    from flows.annotate import annotate

    with _progress(as_json=as_json):
        batch = annotate(source, out, **options)
    for report in batch.recordings:
        _print_report(report, as_json=as_json)
    _print_rest(todo, as_json=as_json)
    if not as_json:
        print(batch.sentence)  # noqa: T201
    return 3 if batch.has_quarantined else 0


def _print_rest(todo: Plan, *, as_json: bool) -> None:
    """Tell of recordings that need no work now: in quarantine, and, to programs, unchanged."""
    for entry in todo.quarantined:
        for source in entry.sources:
            sentence = f"{entry.sentence} (in quarantine; --requeue tries again)"
            _print_report(_unworked(source.uri, "quarantined", sentence), as_json=as_json)
    for item in todo.unchanged if as_json else ():
        _print_report(_unworked(item.uri, "unchanged"), as_json=True)


def _unworked(uri: str, outcome: Outcome, sentence: str | None = None) -> RecordingReport:
    return RecordingReport(uri=uri, outcome=outcome, seconds=0.0, sentence=sentence)


def _print_report(report: RecordingReport, *, as_json: bool) -> None:
    if as_json:
        print(report.model_dump_json())  # noqa: T201
        return
    facts = [report.outcome, repr(report.uri) if not report.uri.isprintable() else report.uri]
    if report.duration is not None:
        speed = report.duration / max(report.seconds, 1e-3)
        facts.append(
            f"{report.duration:.1f} s in {report.seconds:.1f} s ({speed:.1f}x real time), "
            f"{report.n_speakers} speakers, {report.n_utterances} utterances"
        )
    if report.sentence:
        facts.append(report.sentence)
    print("  ".join(facts))  # noqa: T201


@contextmanager
def _progress(*, as_json: bool) -> Iterator[None]:
    if as_json or not sys.stdout.isatty():
        yield
        return
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Bar(*columns, transient=True) as bar:
        task = bar.add_task("starting Prefect", total=1.0)

        def hear(step: Progress) -> None:
            text = f"{step.number}/{step.count} {step.title[:40]!r} {step.stage}"
            done = (step.number - 1 + step.done) / step.count
            bar.update(task, description=text.replace("[", r"\["), completed=done)

        with listening(hear):
            yield

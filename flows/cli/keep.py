"""`tonescribe forget`, `retain`, `notice` and `status`: what is kept, and for how long."""

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import SettingsError

if TYPE_CHECKING:
    from rich.table import Table

    from flows.forgetting import ForgetReport
    from tasks.dataset.status import Status

_MOST_SHOWN = 20

DatasetArgument = Annotated[str, typer.Argument(metavar="DATASET", help="A folder or fsspec URL.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would go; change nothing.")]


def forget_command(
    dataset: DatasetArgument,
    recording: Annotated[
        str | None, typer.Option(help="Id of a recording, or 8 or more of its first digits.")
    ] = None,
    speaker: Annotated[str | None, typer.Option(help="Name of a person, as it is shown.")] = None,
    dry_run: DryRun = False,
    allow_again: Annotated[
        bool, typer.Option("--allow-again", help="Let the recording back with the next run.")
    ] = False,
) -> None:
    """Remove a recording or a person from every file, and search for what is left.

    A recording goes from tables, pages, manifests, quarantine, exports in the dataset, the cache of
    this machine and Prefect's artifacts. It does not come back with the next run. Of a person times
    stay, as of somebody who did not consent. Exit code 1 where the search finds something.
    """
    from flows.forgetting import forget
    from schemas.dataset import Dataset
    from schemas.settings import load_settings

    if (recording is None) == (speaker is None):
        raise SettingsError("Give either --recording or --speaker.")
    if allow_again and recording is None:
        raise SettingsError("--allow-again goes with --recording.")
    settings = load_settings()
    kept = Dataset(dataset, is_private=settings.dataset_mode == "private")
    report = forget(
        kept, settings, recording=recording, speaker=speaker, dry_run=dry_run, again=allow_again
    )
    _print_forgotten(report, dry_run=dry_run)
    raise typer.Exit(0 if report.is_clean else 1)


def retain_command(
    dataset: DatasetArgument,
    days: Annotated[int, typer.Option(min=1, help="Meetings of so many last days are kept.")],
    dry_run: DryRun = False,
) -> None:
    """Forget every recording of a meeting longer ago than --days.

    Of a meeting without a date the day of its annotation counts. Exit code 1 where a search finds
    something left.
    """
    from flows.forgetting import forget, outdated
    from schemas.dataset import Dataset
    from schemas.settings import load_settings

    settings = load_settings()
    kept = Dataset(dataset, is_private=settings.dataset_mode == "private")
    ids = outdated(kept, days)
    reports = [forget(kept, settings, recording=i, dry_run=dry_run) for i in ids]
    verb = "would be forgotten" if dry_run else "forgotten"
    typer.echo(f"{len(ids)} recordings of meetings more than {days} days ago {verb}.")
    for report in reports:
        _print_forgotten(report, dry_run=dry_run)
    raise typer.Exit(0 if all(report.is_clean for report in reports) else 1)


def notice_command(
    purpose: Annotated[str | None, typer.Option(help="As of 'tonescribe annotate'.")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="As of 'tonescribe retain'.")] = None,
    place: Annotated[str, typer.Option(help="Where the dataset lies, in words.")] = "",
    contact: Annotated[str, typer.Option(help="Who answers questions and requests.")] = "",
    language: Annotated[str, typer.Option(help="en or de.")] = "en",
) -> None:
    """Write the text that participants are to be given before a meeting is annotated.

    What is not given is left as a gap to fill in. It is a draft for whoever is responsible, no
    legal advice.
    """
    from flows.cli.notice import notice
    from schemas.settings import load_settings

    settings = load_settings({"purpose": purpose} if purpose else {})
    text = notice(settings, days=days, place=place, contact=contact, language=language)
    sys.stdout.write(text)


def status_command(
    dataset: DatasetArgument,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Count recordings, ages, quarantine by cause, and the last nights' throughput.

    Prints no names and no words.
    """
    from schemas.dataset import open_dataset
    from tasks.dataset.status import status_of

    status = status_of(open_dataset(dataset))
    if as_json:
        sys.stdout.write(status.model_dump_json() + "\n")
        return
    from rich.console import Console

    console = Console()
    for table in _tables(status):
        console.print(table)


def _print_forgotten(report: "ForgetReport", *, dry_run: bool) -> None:
    done = report.done
    would = "would be " if dry_run else ""
    facts = [
        f"{would}removed: {len(done.removed)} files of the dataset, {report.cached} of the cache",
        f"{would}rewritten: {len(done.rewritten)} files, {done.rows} rows {would}not shown",
    ]
    if report.artifacts is not None:
        facts.append(f"removed: {report.artifacts} artifacts of Prefect")
    typer.echo(f"{' '.join(done.recordings)}")
    for fact in facts:
        typer.echo(f"  {fact}")
    for path in (*done.removed, *done.rewritten)[:_MOST_SHOWN] if dry_run else ():
        typer.echo(f"    {path}")
    for place in report.proof:
        said = place.note or f"{place.searched} searched, {len(place.left)} found"
        typer.echo(f"  {place.place}: {said}")
        for path in place.left[:_MOST_SHOWN]:
            typer.echo(f"    left: {path}")
    if done.addresses:
        typer.echo(
            f"  the name stands in {done.addresses} addresses of the source: rename the files"
        )
    if done.mentions:
        typer.echo(f"  {done.mentions} utterances of others hold the name: those are their words")


def _tables(status: "Status") -> "list[Table]":
    from rich.table import Table

    facts = Table(title="Dataset", show_header=False, title_justify="left", min_width=44)
    for name, value in _facts(status).items():
        facts.add_row(name, value)
    held = Table(title="Quarantine", title_justify="left", min_width=44)
    for column in ("cause", "stage", "recordings", "since", "tries"):
        held.add_column(column, justify="left" if column in ("cause", "stage") else "right")
    for q in status.quarantine:
        held.add_row(q.cause, q.stage, str(q.recordings), _ago(q.since), str(q.most_tries))
    nights = Table(title="Last nights", title_justify="left", min_width=44)
    for column in ("day", "recordings", "hours", "hours of work", "x real time"):
        nights.add_column(column, justify="left" if column == "day" else "right")
    for night in status.nights:
        speed = f"{night.speed:.1f}" if night.work_hours else "-"
        hours = (f"{night.hours:.2f}", f"{night.work_hours:.2f}")
        nights.add_row(str(night.day), str(night.recordings), *hours, speed)
    return [facts, *([held] if status.quarantine else []), *([nights] if status.nights else [])]


def _facts(status: "Status") -> dict[str, str]:
    in_quarantine = sum(q.recordings for q in status.quarantine)
    return {
        "recordings": f"{status.recordings} ({status.hours:.2f} hours)",
        "in quarantine": str(in_quarantine),
        "forgotten on request": str(status.forgotten),
        "meetings": f"{status.first_meeting} to {status.last_meeting}"
        if status.first_meeting
        else "undated",
        "last annotated": _ago(status.last_annotated) if status.last_annotated else "never",
        "utterances": str(status.utterances),
        "unsure": _share(status.unsure_share),
        "not shown": _share(status.hidden_share),
        "versions": ", ".join(f"{v} ({n})" for v, n in status.versions.items()) or "-",
    }


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def _ago(moment: datetime) -> str:
    """Return how long ago a moment is, in its largest unit."""
    seconds = (datetime.now(UTC) - moment.astimezone(UTC)).total_seconds()
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit} ago"
    return "just now"

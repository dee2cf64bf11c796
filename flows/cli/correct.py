"""`tonescribe correct` and `agree`: take in what reviewers say otherwise, and compare them."""

import getpass
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import InputError, SettingsError

if TYPE_CHECKING:
    from schemas.corrections import Correction
    from tasks.dataset.agreement import Agreement

_MOST_BYTES = 100_000_000


def correct_command(
    dataset: Annotated[str, typer.Argument(metavar="DATASET")],
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="Saved from review pages.")
    ] = None,
    undo: Annotated[
        str | None, typer.Option(metavar="ID", help="Undo one correction; 8 digits of its id do.")
    ] = None,
    who: Annotated[str | None, typer.Option(help="Who undoes it; default: your login.")] = None,
    every: Annotated[bool, typer.Option("--list", help="Print what was corrected.")] = False,
) -> None:
    """Take the corrections of review pages into DATASET; what the models said stays beside them."""
    if sum((bool(files), undo is not None, every)) != 1:
        raise SettingsError("Name files that pages handed out, or give --list or --undo ID.")
    from schemas.dataset import open_dataset
    from tasks.dataset.corrections import undoing

    opened = open_dataset(dataset)
    if every:
        _print(opened.corrections())
        return
    made = [each for path in files or () for each in _read(path)]
    if undo is not None:
        made = [undoing(opened, undo, who or _login(), datetime.now(UTC))]
    raise typer.Exit(_take_in(opened.location, made))


def _take_in(location: str, corrections: Sequence["Correction"]) -> int:
    from flows.refresh import refresh_recordings
    from schemas.dataset import Dataset
    from schemas.settings import load_settings
    from tasks.dataset.corrections import take_in

    dataset = Dataset(location, is_private=load_settings().dataset_mode == "private")
    code = 0
    taken = take_in(dataset, corrections)
    pages = refresh_recordings(dataset, [each.recording_id for each in taken if each.added])
    for each in taken:
        if each.refused:
            code = 3
            print(f"{each.recording_id}  refused: {each.refused}")  # noqa: T201
            continue
        parts = [f"{each.added} taken in", f"{each.known} known already"]
        if each.lost:
            parts.append(f"{len(each.lost)} are about an utterance that is not there any more")
        if reason := pages.left.get(each.recording_id):
            parts.append(f"its page is not written anew: {reason}")
        print(f"{each.recording_id}  {', '.join(parts)}")  # noqa: T201
    if not taken:
        print("The files hold no corrections.")  # noqa: T201
    return code


def _read(path: Path) -> "tuple[Correction, ...]":
    from schemas.corrections import read_corrections

    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"The file {path} is too large for corrections of a review page.")
        return read_corrections(path.read_bytes(), path.name)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from error


def _print(corrections: Sequence["Correction"]) -> None:
    from schemas.corrections import standing
    from schemas.values import clock
    from tasks.dataset.lines import printable

    holding = {each.id for each in standing(tuple(corrections))}
    for each in corrections:
        place = clock(each.start) if each.start is not None else "all"
        about = f"{each.recording} {place} {each.field}"
        change = f"{each.old or 'none'} -> {each.new or 'none'}"
        state = "undoes" if each.undoes else "" if each.id in holding else "undone"
        line = f"{each.id[:12]}  {each.when:%Y-%m-%d %H:%M}  {each.who}  {about}: {change}  {state}"
        print(printable(line).rstrip())  # noqa: T201


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "anonymous"


def agree_command(
    dataset: Annotated[str, typer.Argument(metavar="DATASET")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per pair.")] = False,
) -> None:
    """Show how far the models and reviewers agree: Cohen's kappa and a confusion.

    Only utterances count whose emotion a reviewer corrected or confirmed, and reviewers look at
    what seems wrong: this says where the models err, not how often.
    """
    from schemas.dataset import open_dataset
    from tasks.dataset.agreement import agreements

    made = agreements(open_dataset(dataset))
    if not made and not as_json:
        print("Nobody has corrected or confirmed an emotion in this dataset.")  # noqa: T201
    for each in made:
        print(each.model_dump_json() if as_json else f"{_as_text(each)}\n")  # noqa: T201


def _as_text(each: "Agreement") -> str:
    from tasks.dataset.agreement import LABELS
    from tasks.dataset.lines import printable

    kappa = "not defined" if each.kappa is None else f"{each.kappa:.2f}"
    if each.interval:
        kappa += f" [{each.interval[0]:.2f}, {each.interval[1]:.2f}]"
    first, second = printable(each.first), printable(each.second)
    lines = [f"{first} and {second}: {each.n} utterances, {each.agreed:.0%} alike, kappa {kappa}"]
    used = [n for n in range(len(LABELS)) if any(each.confusion[n]) or _column(each, n)]
    lines.append(f"{first} (rows), {second} (columns)")
    lines.append(" " * 10 + "".join(f"{LABELS[n]:>10}" for n in used))
    for row in used:
        cells = "".join(f"{each.confusion[row][n] or '.':>10}" for n in used)
        lines.append(f"{LABELS[row]:<10}{cells}")
    return "\n".join(lines)


def _column(each: "Agreement", place: int) -> bool:
    return any(row[place] for row in each.confusion)

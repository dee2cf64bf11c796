"""`tonescribe train` and `tonescribe evaluate`."""

from pathlib import Path
from typing import Annotated

import typer


def train_command(
    branch: Annotated[str, typer.Argument(help="audio, video, text or fusion.")],
    data: Annotated[Path, typer.Option(help="Folder with speech/, face/ and text/ corpora.")],
    out: Annotated[Path, typer.Option(help="Folder for weights, card, checkpoints, curves.")],
    start: Annotated[
        Path | None, typer.Option(help="Folder with the weights that the training starts from.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Default: those of the model card.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.")] = 0,
    limit: Annotated[int | None, typer.Option(help="Use at most so many clips (a trial).")] = None,
) -> None:
    """Train one branch from corpora; what ships was made by this command."""
    from flows.train import train

    options = {"start": start, "epochs": epochs, "seed": seed, "limit": limit}
    given = {name: value for name, value in options.items() if value is not None}
    print(train(branch, data, out, **given))  # noqa: T201


def evaluate_command(
    branch: Annotated[str, typer.Argument(help="audio, video, text or fusion.")],
    data: Annotated[
        Path | None, typer.Option(help="CSV: path (or text), label, speaker, language.")
    ] = None,
    weights: Annotated[str, typer.Option(help="shipped, or a file.")] = "shipped",
    report: Annotated[Path | None, typer.Option(help="Folder for the report.")] = None,
    corpora: Annotated[Path | None, typer.Option(help="Folder with the corpora.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON only.")] = False,
) -> None:
    """Measure a branch on people that it has never seen."""
    from flows.evaluate import evaluate

    print(evaluate(branch, data, weights, report, corpora, as_json=json))  # noqa: T201

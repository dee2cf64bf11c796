"""`tonescribe train` and `tonescribe evaluate`."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from models.architectures.table import described
from schemas.errors import SettingsError


def train_command(
    branch: Annotated[str, typer.Argument(help="audio, video, text or fusion.")],
    data: Annotated[Path, typer.Option(help="Folder with speech/, face/ and text/ corpora.")],
    out: Annotated[Path, typer.Option(help="Folder for weights, report, checkpoints, curves.")],
    start: Annotated[
        Path | None, typer.Option(help="Folder with the weights that the training starts from.")
    ] = None,
    epochs: Annotated[float | None, typer.Option(help="Default: the trainer's own.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Default: the trainer's own.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Default: the trainer's own.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of all random numbers.")] = None,
    limit: Annotated[int | None, typer.Option(help="So many samples per corpus: a trial.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda.")] = None,
    resume: Annotated[bool | None, typer.Option(help="Go on from the last checkpoint.")] = None,
    folds: Annotated[bool | None, typer.Option(help="Measure by cross-validation first.")] = None,
    corpus: Annotated[
        list[str] | None, typer.Option(help="Train on this corpus alone; repeatable.")
    ] = None,
    accumulation: Annotated[int | None, typer.Option(help="Batches that make one step.")] = None,
    schedule: Annotated[
        str | None,
        typer.Option(help="How the learning rate falls after its warm-up: cosine or inverse-sqrt."),
    ] = None,
    label_smoothing: Annotated[
        float | None,
        typer.Option(help="Share of each target spread over all classes; for --architecture."),
    ] = None,
    corrections: Annotated[
        str | None,
        typer.Option(metavar="DATASET", help="Learn from its reviewers as well; for text."),
    ] = None,
    architecture: Annotated[
        str | None,
        typer.Option(help=f"Another network than the one that ships. {described()}."),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A choice of it, or classes=A,B,...; repeatable."
        ),
    ] = None,
) -> None:
    """Train one branch from corpora, by the recipe of what ships."""
    from flows.train import train

    options = {
        "start": start,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "seed": seed,
        "limit": limit,
        "device": device,
        "resume": resume,
        "folds": folds,
        "corpora": corpus or None,
        "accumulation": accumulation,
        "schedule": schedule,
        "label_smoothing": label_smoothing,
        "corrections": corrections,
        "architecture": architecture,
        "parameters": _read_parameters(parameter) if parameter else None,
    }
    given = {name: value for name, value in options.items() if value is not None}
    report = train(branch, data, out, **given)
    sys.stdout.write(report.model_dump_json(indent=1) + "\n")


def _read_parameters(given: list[str]) -> dict[str, str]:
    """Read `NAME=VALUE` pairs; `SettingsError` where one is no such pair."""
    pairs = [text.partition("=") for text in given]
    for name, sign, _ in pairs:
        if not (name and sign):
            raise SettingsError(f"--set takes NAME=VALUE, not '{name}'.")
    return {name: value for name, _, value in pairs}


def evaluate_command(
    branch: Annotated[
        str, typer.Argument(help="audio, video, text, fusion, words or attribution.")
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            help="CSV: path (or text), label, speaker, language; or a folder per class. For words: "
            "an STM file. For attribution: a folder of meetings with NAME.truth.json beside them."
        ),
    ] = None,
    audio: Annotated[
        Path | None, typer.Option(help="For words: folder with the recordings of the STM file.")
    ] = None,
    segments: Annotated[
        str, typer.Option(help="For words: turns by the diarizer, or by the reference.")
    ] = "diarizer",
    turns: Annotated[
        str | None,
        typer.Option(help="For attribution: found (the default), or true turns of the truth."),
    ] = None,
    weights: Annotated[
        str, typer.Option(help="shipped, or a .safetensors file; for words a folder.")
    ] = "shipped",
    report: Annotated[
        Path | None, typer.Option(help="Folder for a page with figures and drawings.")
    ] = None,
    corpora: Annotated[Path | None, typer.Option(help="Folder with the corpora.")] = None,
    start: Annotated[
        Path | None,
        typer.Option(help="Starting weights, or a voice training, where a protocol needs them."),
    ] = None,
    training: Annotated[
        Path | None, typer.Option(help="Folder of trainings whose loss curves are reported.")
    ] = None,
    robustness: Annotated[
        bool, typer.Option(help="Also as by Opus, telephone, in babble, a room, short; no voice.")
    ] = False,
    protocol: Annotated[
        str, typer.Option(help="card; or left-out: for the voice, each corpus by the others alone.")
    ] = "card",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON only.")] = False,
) -> None:
    """Measure a branch on people that it has never seen.

    With --data on any labelled set (for fusion: path, text or both); without, on the corpora and
    folds of its model card, which --corpora names. Samples of --data that weights of your own were
    trained on are counted in a warning, by their content; those that ship do not tell yet.
    `words` measures the recogniser of the settings on recordings (--audio) with reference
    transcripts (--data). `attribution` measures whether utterances get the right face and name, on
    meetings composed with the truth about them.
    """
    if branch == "attribution":
        from flows.evaluate_attribution import evaluate_attribution

        _refuse(
            {"audio": audio, "corpora": corpora, "start": start, "training": training}
            | {"robustness": robustness, "protocol": protocol != "card"}
            | {"segments": segments != "diarizer", "weights": weights != "shipped"}
        )
        said = evaluate_attribution(data, report, turns or "found", as_json=as_json)
        sys.stdout.write(said + "\n")
        return
    _refuse({"turns": turns})
    if branch == "words":
        from flows.evaluate_recognition import evaluate_words

        others = {"corpora": corpora, "start": start, "training": training}
        _refuse(others | {"robustness": robustness, "protocol": protocol != "card"})
        said = evaluate_words(data, audio, weights, report, segments, as_json=as_json)
        sys.stdout.write(said + "\n")
        return
    _refuse({"audio": audio})
    from flows.evaluate import evaluate

    said = evaluate(
        branch,
        data,
        weights,
        report,
        corpora,
        start=start,
        training=training,
        robustness=robustness,
        protocol=protocol,
        as_json=as_json,
    )
    sys.stdout.write(said + "\n")


def _refuse(options: Mapping[str, object]) -> None:
    """Refuse options that the branch has no use for."""
    for name, value in options.items():
        if value:
            raise SettingsError(f"--{name} is not for this branch; leave it out.")

"""The command line: thin wrappers over functions that a program may call itself."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.correct import agree_command, correct_command
from flows.cli.keep import forget_command, notice_command, retain_command, status_command
from flows.cli.lab import evaluate_command, train_command
from flows.cli.review import review_command
from flows.cli.weights import weights_app
from flows.ending import end_now, end_when_asked, was_asked_to_end
from schemas.errors import TonescribeError

app = typer.Typer(
    name="tonescribe",
    help="Turn meeting recordings into emotion-annotated transcripts you can query and trust.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)

DatasetArgument = Annotated[str, typer.Argument(metavar="DATASET", help="A folder or fsspec URL.")]
RecordingArgument = Annotated[
    str | None, typer.Argument(metavar="[RECORDING]", help="Its id, the id's beginning, or title.")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks and the log.")]


def _print_version(*, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"tonescribe {version('tonescribe')}")
        raise typer.Exit


@app.callback()
def settings_file(
    debug: Debug = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Show the version.",
            is_eager=True,
            callback=lambda wanted: _print_version(wanted=wanted),
        ),
    ] = False,
) -> None:
    """Turn meeting recordings into emotion-annotated transcripts you can query and trust.

    Settings are read from [bold]tonescribe.toml[/bold] in this folder, then from the environment
    ([bold]TONESCRIBE_*[/bold], nested with __), then from the command line: later wins.

    Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 3 done but some recordings were
    quarantined, 4 refused by policy.
    """


@app.command()
def annotate(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="A file, a folder or any fsspec URL (s3://…).")
    ],
    out: Annotated[str, typer.Option("--out", metavar="DATASET", help="Folder or URL to write.")],
    profile: Annotated[
        str | None, typer.Option(help="embedded (needs nothing) or standard (hub weights, GPU).")
    ] = None,
    captions: Annotated[
        str | None, typer.Option(help="auto: captions beside a recording win; or ignore.")
    ] = None,
    language: Annotated[str | None, typer.Option(help="Language of the speech, BCP 47.")] = None,
    speakers: Annotated[int | None, typer.Option(help="Exactly so many speakers.")] = None,
    min_speakers: Annotated[int | None, typer.Option(help="At least so many.")] = None,
    max_speakers: Annotated[int | None, typer.Option(help="At most so many.")] = None,
    purpose: Annotated[
        str | None,
        typer.Option(
            help="Required: research, accessibility, own-review, service-quality, training, "
            "therapy, evaluation or demo."
        ),
    ] = None,
    purpose_note: Annotated[
        str | None, typer.Option(help="Free text beside the purpose, kept in the manifest.")
    ] = None,
    jurisdiction: Annotated[str | None, typer.Option(help="eu or other.")] = None,
    context: Annotated[
        str | None,
        typer.Option(help="workplace, education, research, private, medical or unspecified."),
    ] = None,
    runner: Annotated[
        str | None, typer.Option(help="here, processes, ray or workers: where recordings run.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Recordings at the same time, with processes.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Annotate at most so many.")] = None,
    requeue: Annotated[bool, typer.Option(help="Try what is in quarantine again.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object per recording.")] = False,
    no_server: Annotated[
        bool, typer.Option("--no-server", help="Run the stages without Prefect.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Annotate every new or changed recording of SOURCE into DATASET."""
    from flows.cli.annotate import run_annotate
    from flows.options import AnnotateOptions

    options = AnnotateOptions.of(
        source=source,
        out=out,
        profile=profile,
        captions=captions,
        language=language,
        speakers=speakers,
        min_speakers=min_speakers,
        max_speakers=max_speakers,
        purpose=purpose,
        purpose_note=purpose_note,
        jurisdiction=jurisdiction,
        context=context,
        runner=runner,
        workers=workers,
        server="none" if no_server else None,
        limit=limit,
        requeue=requeue,
    )
    raise typer.Exit(run_annotate(options, as_json=json, debug=debug))


@app.command()
def show(
    dataset: DatasetArgument,
    recording: RecordingArgument = None,
    speaker: Annotated[str | None, typer.Option(help="Only this speaker or name.")] = None,
    emotion: Annotated[str | None, typer.Option(help="Only this emotion, or 'unsure'.")] = None,
) -> None:
    """Show a transcript: time, speaker, text, emotion, confidence."""
    from flows.cli.read import show_transcript

    show_transcript(dataset, recording, speaker, emotion)


@app.command()
def query(
    dataset: DatasetArgument,
    sql: Annotated[str, typer.Argument(metavar="SQL", help="Over the views listed below.")],
    output_format: Annotated[
        str, typer.Option("--format", help="table, csv, json or parquet.")
    ] = "table",
    unsafe: Annotated[
        bool, typer.Option("--unsafe", help="Let the query read other files of this machine.")
    ] = False,
) -> None:
    """Query a dataset with SQL (DuckDB).

    Views: [bold]utterances[/bold] (as corrected), [bold]recordings[/bold], [bold]reactions[/bold]
    (of listeners), [bold]words[/bold] (unnested), [bold]turns[/bold] (what one speaker says until
    another does), [bold]speakers[/bold] (talk seconds, share, mean scores per recording),
    [bold]insights[/bold] (what stands out) and [bold]corrections[/bold].
    """
    from flows.cli.read import run_query

    run_query(dataset, sql, output_format, unsafe=unsafe)


@app.command()
def export(
    dataset: DatasetArgument,
    output_format: Annotated[
        str,
        typer.Option(
            "--format",
            help="vtt, srt; csv, json; md, docx, html; rttm, ctm; textgrid, eaf, emotionml.",
        ),
    ],
    recording: RecordingArgument = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="File, folder with --all; default standard output."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every recording, a file each.")] = False,
) -> None:
    """Export transcripts to another format."""
    from flows.cli.read import run_export

    run_export(dataset, recording, output_format, output, every=every)


@app.command()
def refresh(
    dataset: DatasetArgument,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what is in today's form already.")
    ] = False,
) -> None:
    """Write rows and pages in today's form, from the rows themselves; nothing is judged again."""
    from flows.cli.refresh import run_refresh

    raise typer.Exit(run_refresh(dataset, everything=everything))


@app.command()
def doctor(
    dataset: Annotated[str | None, typer.Argument(metavar="[DATASET]")] = None,
) -> None:
    """Check ffmpeg, models, GPU, Prefect and disk; say what to do."""
    from flows.cli.doctor import run_doctor

    raise typer.Exit(run_doctor(dataset))


app.command("train")(train_command)
app.command("evaluate")(evaluate_command)
app.command("correct")(correct_command)
app.command("agree")(agree_command)
app.command("status")(status_command)
app.command("forget")(forget_command)
app.command("retain")(retain_command)
app.command("notice")(notice_command)
app.command("review")(review_command)
app.add_typer(weights_app, name="weights")


def main() -> None:
    """Run the command line; an error is one sentence on stderr and an exit code."""
    end_when_asked()
    try:
        _run()
    except BaseException:
        if was_asked_to_end():
            end_now()
        raise


def _run() -> None:
    try:
        app()
    except TonescribeError as error:
        if "--debug" in sys.argv:
            raise
        sys.stderr.write(f"tonescribe: {error.sentence}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("tonescribe: interrupted; what was published is whole.\n")
        sys.exit(130)
    except BrokenPipeError:
        # The reader (head, less) has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        if "--debug" in sys.argv or was_asked_to_end():
            raise
        what = " ".join(f"{type(error).__name__}: {error}".split())
        sys.stderr.write(f"tonescribe: failed ({what}); 'tonescribe --debug …' shows where.\n")
        sys.exit(1)


if __name__ == "__main__":
    main()

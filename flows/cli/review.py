"""`tonescribe review`: a local web app over a dataset."""

import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer

from schemas.errors import SettingsError


def review_command(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="A folder or fsspec URL.")],
    host: Annotated[
        str, typer.Option(help="Address to listen at; beyond this machine with a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535)] = 8791,
    uploads: Annotated[
        Path | None, typer.Option(help="Where uploads lie; by default beside the dataset.")
    ] = None,
    purpose: Annotated[
        str | None, typer.Option(help="What uploads are annotated for; see 'annotate'.")
    ] = None,
    most_megabytes: Annotated[int, typer.Option(min=1, help="Largest upload.")] = 2048,
    name: Annotated[
        list[str] | None, typer.Option("--name", help="A host name under which it is reached.")
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(envvar="TONESCRIBE_REVIEW_TOKEN", help="Token of visitors; made if needed."),
    ] = None,
) -> None:
    """Find and compare meetings, open their pages, upload or record clips, in a browser."""
    import uvicorn

    from flows.options import AnnotateOptions
    from flows.review.access import LOOPBACK, Access
    from flows.review.app import create_app
    from flows.review.jobs import HereAnnotator
    from schemas.dataset import open_dataset

    opened = open_dataset(dataset)
    if token is not None and len(token) < 16:
        raise SettingsError("A token has at least 16 letters.")
    if token is None and host not in LOOPBACK:
        token = secrets.token_urlsafe(24)
    options = AnnotateOptions.of(out=dataset, purpose=purpose)
    has_purpose = options.settings().purpose is not None
    folder = uploads or (Path(f"{opened.root}-uploads") if opened.is_local else None)
    app = create_app(
        opened,
        HereAnnotator(options) if has_purpose else None,
        folder,
        Access(hosts=(*LOOPBACK, host, *(name or ())), token=token),
        most_megabytes << 20,
    )
    shown = "localhost" if host in LOOPBACK else host
    address = f"http://{shown}:{port}/" + (f"?token={token}" if token else "")
    sys.stderr.write(f"tonescribe: review at {address} (Ctrl-C ends it)\n")
    if not has_purpose:
        sys.stderr.write("tonescribe: uploads are off without --purpose\n")
    uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False)

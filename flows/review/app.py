"""The app: pages, and an API with the same content as JSON (`/api/docs`)."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    StreamingResponse,
)
from fastapi.staticfiles import StaticFiles

from flows.refresh import refresh_recordings
from flows.review.access import Access, Guard
from flows.review.jobs import Annotator, Clip, Clips
from flows.review.library import Library, Meeting, MeetingScores, Order
from schemas.corrections import Correction, CorrectionFile, read_corrections
from schemas.dataset import Dataset
from schemas.emotions import EMOTIONS, FACTS, Emotion
from schemas.errors import InputError, ResourceError, TonescribeError
from tasks.dataset.corrections import TakenIn, take_in
from tasks.dataset.refresh import page_from_rows
from tasks.ingest.file_types import MEDIA_SUFFIXES
from tasks.ingest.storage import is_local, local_path

PAGES = Path(__file__).parent / "pages"
_HEARTBEAT_SECONDS = 10.0
_LONGEST_NAME = 100
_MOST_CORRECTED_BYTES = 10_000_000


def create_app(
    dataset: Dataset,
    annotator: Annotator | None,
    uploads: Path | None,
    access: Access | None = None,
    most_bytes: int = 2 << 30,
) -> FastAPI:
    """Return the app over a dataset.

    New clips are written to the folder `uploads`, at most `most_bytes` long, and annotated by
    `annotator`; without one of them nothing can be uploaded.
    """
    app = FastAPI(
        title="tonescribe review",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    app.add_middleware(Guard, access=access or Access())
    app.mount("/static", StaticFiles(directory=PAGES / "static"), name="static")
    library = Library(dataset)
    _add_pages(app, library)
    _add_meetings(app, library)
    _add_corrections(app, library)
    clips = Clips(annotator) if annotator is not None and uploads is not None else None
    _add_clips(app, clips, uploads, most_bytes)

    @app.exception_handler(TonescribeError)
    def told(_: Request, error: TonescribeError) -> JSONResponse:
        status = 404 if isinstance(error, InputError) else 503
        return JSONResponse({"detail": error.sentence}, status)

    return app


def _add_pages(app: FastAPI, library: Library) -> None:
    @app.get("/", include_in_schema=False)
    def meetings() -> HTMLResponse:
        return _page("meetings.html.j2")

    @app.get("/new", include_in_schema=False)
    def new() -> HTMLResponse:
        return _page("new.html.j2")

    @app.get("/meetings/{recording_id}", include_in_schema=False)
    def page(recording_id: str) -> HTMLResponse:
        manifest = library.manifest(recording_id)
        has_media = _media_path(library, recording_id) is not None
        media = f"/media/{recording_id}" if has_media else ""
        content = page_from_rows(library.dataset, manifest, media)
        # the page brings its own, stricter policy
        policy = {"content-security-policy": "frame-ancestors 'none'"}
        return HTMLResponse(content, headers=policy)

    @app.get("/media/{recording_id}", include_in_schema=False)
    def media(recording_id: str) -> FileResponse:
        path = _media_path(library, recording_id)
        if path is None:
            raise HTTPException(404, "The recording does not lie on this machine.")
        return FileResponse(path)


def _add_meetings(app: FastAPI, library: Library) -> None:
    @app.get("/api/meetings")
    def meetings(
        text: Annotated[str, Query(max_length=200, description="In title or words.")] = "",
        speaker: Annotated[str, Query(max_length=200, description="A name or label.")] = "",
        emotion: Emotion | None = None,
        since: date | None = None,
        until: date | None = None,
        order: Order = "newest",
    ) -> list[Meeting]:
        """List the meetings that match."""
        return library.meetings(text, speaker, emotion, since, until, order)

    @app.get("/api/meetings/{recording_id}/scores", responses=_MISSING)
    def scores(recording_id: str) -> MeetingScores:
        """Return the mean probabilities of the classes, in all and by speaker."""
        return library.scores(recording_id)


def _add_corrections(app: FastAPI, library: Library) -> None:
    body = {"content": {"application/json": {"schema": CorrectionFile.model_json_schema()}}}

    @app.post(
        "/api/meetings/{recording_id}/corrections",
        responses=_MISSING | _WRONG,
        openapi_extra={"requestBody": body | {"required": True}},
    )
    async def correct(request: Request, recording_id: str) -> TakenIn:
        """Take in what a reviewer corrected on the page of a meeting, and draw it anew."""
        library.manifest(recording_id)
        content = await _small_body(request)
        try:
            made = read_corrections(content, "of the page")
        except InputError as error:
            raise HTTPException(422, error.sentence) from error
        if any(each.recording != recording_id for each in made):
            raise HTTPException(422, "A correction is about another meeting.")
        return await asyncio.to_thread(_take_in, library.dataset, recording_id, made)


def _take_in(dataset: Dataset, recording_id: str, made: tuple[Correction, ...]) -> TakenIn:
    (taken,) = take_in(dataset, made) or (TakenIn(recording_id=recording_id),)
    if taken.added:
        refresh_recordings(dataset, [recording_id])
    return taken


async def _small_body(request: Request) -> bytes:
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > _MOST_CORRECTED_BYTES:
            raise HTTPException(413, "That is too much for the corrections of one meeting.")
    return content


_MISSING: dict[int | str, dict[str, str]] = {404: {"description": "There is no such thing here."}}
_WRONG: dict[int | str, dict[str, str]] = {
    413: {"description": "It is too much."},
    422: {"description": "It is no file of corrections, or of another meeting."},
}
_REFUSED: dict[int | str, dict[str, str]] = {
    413: {"description": "The clip is too large, or empty."},
    415: {"description": "The name has no ending of audio or video."},
    503: {"description": "Nothing can be uploaded, or too many clips wait."},
}


def _add_clips(app: FastAPI, clips: Clips | None, uploads: Path | None, most_bytes: int) -> None:
    @app.get("/api/clips")
    def mine(request: Request) -> list[Clip]:
        """List the clips of this browser, the newest first."""
        return clips.of(_owner(request)) if clips else []

    @app.post("/api/clips", status_code=202, responses=_REFUSED)
    async def upload(
        request: Request,
        name: Annotated[str, Query(min_length=1, max_length=300, description="Of the file.")],
    ) -> Clip:
        """Take a file as the body of the request and put it at the end of the queue."""
        if clips is None or uploads is None:
            raise HTTPException(503, "Uploads are off; start with --uploads FOLDER and a purpose.")
        shown, suffix = _tidy(name)
        if suffix not in MEDIA_SUFFIXES:
            raise HTTPException(415, "Only audio and video can be annotated, such as .mp4 or .wav.")
        path = await asyncio.to_thread(_free_path, uploads, shown, suffix)
        try:
            await _write(request, path, most_bytes)
            return clips.add(path, f"{shown}{suffix}", _owner(request))
        except (HTTPException, ResourceError, OSError, asyncio.CancelledError):
            path.unlink(missing_ok=True)
            raise

    @app.get("/api/clips/{clip_id}", responses=_MISSING)
    def clip(request: Request, clip_id: str) -> Clip:
        """Say where a clip stands."""
        return _known(clips, clip_id, request)

    @app.get("/api/clips/{clip_id}/events", responses=_MISSING)
    def events(request: Request, clip_id: str) -> StreamingResponse:
        """Stream where a clip stands as server-sent events, until it has ended."""
        found = _known(clips, clip_id, request)
        assert clips is not None
        return StreamingResponse(
            _events(clips, found, _owner(request)), media_type="text/event-stream"
        )


async def _events(clips: Clips, clip: Clip, owner: str) -> AsyncIterator[str]:
    yield _event(clip)
    while not clip.has_ended:
        now = await asyncio.to_thread(clips.changed, clip, owner, _HEARTBEAT_SECONDS)
        if now is None:
            return
        yield _event(now) if now != clip else ": still here\n\n"
        clip = now


def _event(clip: Clip) -> str:
    return f"data: {clip.model_dump_json()}\n\n"


def _known(clips: Clips | None, clip_id: str, request: Request) -> Clip:
    found = clips.get(clip_id, _owner(request)) if clips else None
    if found is None:
        raise HTTPException(404, "There is no such clip of this browser.")
    return found


def _owner(request: Request) -> str:
    return str(request.scope["session_id"])


def _tidy(name: str) -> tuple[str, str]:
    """Return the letters of a file's name that are safe anywhere, and its suffix."""
    last = re.split(r"[\\/]", name)[-1]
    stem, dot, ending = last.rpartition(".")
    suffix = f".{ending.lower()}" if dot else ""
    safe = re.sub(r"[^\w -]+", "-", stem if dot else last).strip(" -_")[:_LONGEST_NAME]
    return safe or "clip", suffix


def _free_path(folder: Path, stem: str, suffix: str) -> Path:
    """Make an empty file of a name that is not taken."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, 10_000):
        path = folder / (f"{stem}{suffix}" if number == 1 else f"{stem} {number}{suffix}")
        with suppress(FileExistsError):
            path.touch(mode=0o600, exist_ok=False)
            return path
    raise ResourceError("There are too many uploads of this name.")


async def _write(request: Request, path: Path, most_bytes: int) -> None:
    written = 0
    with path.open("wb") as file:
        async for part in request.stream():
            written += len(part)
            if written > most_bytes:
                raise HTTPException(413, f"A clip may be {most_bytes >> 20} MB long at most.")
            await asyncio.to_thread(file.write, part)
    if not written:
        raise HTTPException(413, "The clip is empty.")


def _media_path(library: Library, recording_id: str) -> Path | None:
    """Return where a recording lies on this machine, if it still does."""
    for source in library.manifest(recording_id).sources:
        if is_local(source.uri) and (path := local_path(source.uri)).is_file():
            return path
    return None


def _page(name: str) -> HTMLResponse:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    pages = Environment(loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined)
    return HTMLResponse(pages.get_template(name).render(emotions=EMOTIONS, facts=FACTS))

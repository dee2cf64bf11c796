"""Write a composed meeting as MP4 with its truth and turns."""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from lab.meetings.captions import as_vtt
from lab.meetings.compose import Composed
from lab.meetings.drawing import (
    draw_avatar,
    draw_name,
    draw_person,
    draw_slide,
    empty,
)
from lab.meetings.layouts import Scene, Tile
from lab.meetings.people import RATE, Pictures
from lab.meetings.truth import SUFFIX, as_rttm
from schemas.errors import ResourceError
from schemas.values import SAMPLE_RATE
from tasks.media.programs import bound
from tasks.media.split import ffmpeg_program

RTTM_FOLDER = "rttm"
_DROPPED = "select=lt(mod(n*n*31+n*17\\,10)\\,7)"
"""Keeps six pictures of ten, unevenly: a variable frame rate that is always the same."""

_GRAIN = 6.0
_GRAINS = 8


def write_meeting(made: Composed, folder: Path) -> Path:
    """Write NAME.mp4, NAME.truth.json, rttm/NAME.rttm and, with captions, NAME.vtt into a folder.

    Returns the video's path. Raises `ResourceError` where ffmpeg cannot write it.
    """
    (folder / RTTM_FOLDER).mkdir(parents=True, exist_ok=True)
    path = folder / f"{made.name}.mp4"
    _encode(made, path)
    truth = folder / f"{made.name}{SUFFIX}"
    truth.write_text(made.truth.model_dump_json(indent=1) + "\n", encoding="utf-8")
    turns = folder / RTTM_FOLDER / f"{made.name}.rttm"
    turns.write_text(as_rttm(made.truth, made.name), encoding="utf-8")
    if made.truth.cues:
        path.with_suffix(".vtt").write_text(as_vtt(made.truth), encoding="utf-8")
    return path


def pictures(made: Composed) -> Iterator[Pictures]:
    """Yield the pictures (height, width, 3) BGR of a meeting at its frame rate."""
    truth, how = made.truth, made.recipe.how
    seed = np.random.default_rng(truth.seed)
    grains = [
        seed.normal(0, _GRAIN, (truth.height, truth.width, 3)).astype(np.int16)
        for _ in range(_GRAINS if how.light < 1 else 0)
    ]
    backs: dict[int, Pictures] = {}
    n = round(truth.duration * RATE)
    for number in range(round(truth.duration * how.fps)):
        time = number / how.fps
        at = min(int(time * RATE + 1e-6), n - 1)
        place = next(
            (k for k, scene in enumerate(made.scenes) if time < scene.end), len(made.scenes) - 1
        )
        if place not in backs:
            backs = {place: _background(made, made.scenes[place])}
        canvas = backs[place].copy()
        for tile in made.scenes[place].tiles:
            if tile.kind == "live":
                _draw_live(made, canvas, tile, at)
        _draw_wall(made, canvas, made.scenes[place])
        yield _taken(canvas, how.blur, how.light, grains[number % _GRAINS] if grains else None)


def _background(made: Composed, scene: Scene) -> Pictures:
    """Draw what does not move in a scene."""
    truth = made.truth
    canvas = empty(truth.width, truth.height)
    if scene.slide is not None:
        draw_slide(canvas, scene.slide, truth.seed)
        photo = made.photo_tile(scene)
        if photo is not None:
            _paste(canvas, photo, draw_person(made.roles[photo.who], photo, 0))
    names = {who.id: who.name for who in truth.participants}
    for number, tile in enumerate(scene.tiles):
        if tile.kind == "avatar":
            draw_avatar(canvas, tile, names[tile.who], number)
        elif tile.kind == "photo":
            _paste(canvas, tile, draw_person(made.roles[tile.who], tile, 0, made.face_share(tile)))
        if tile.kind != "live":
            draw_name(canvas, tile, names[tile.who])
    return canvas


def _draw_live(made: Composed, canvas: Pictures, tile: Tile, at: int) -> None:
    drawn = draw_person(made.roles[tile.who], tile, at, made.face_share(tile))
    _paste(canvas, tile, drawn)
    names = {who.id: who.name for who in made.truth.participants}
    draw_name(canvas, tile, names[tile.who])


def _draw_wall(made: Composed, canvas: Pictures, scene: Scene) -> None:
    photo = made.photo_tile(scene) if made.recipe.how.photo == "wall" else None
    if photo is not None:
        _paste(canvas, photo, draw_person(made.roles[photo.who], photo, 0))


def _paste(canvas: Pictures, tile: Tile, drawn: Pictures) -> None:
    canvas[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width] = drawn


def _taken(
    canvas: Pictures,
    blur: float,
    light: float,
    grain: NDArray[np.int16] | None,
) -> Pictures:
    """Blur and darken a picture as a poor camera does."""
    import cv2

    if blur:
        canvas = np.asarray(cv2.GaussianBlur(canvas, (0, 0), blur), dtype=np.uint8)
    if grain is not None:
        canvas = np.clip(canvas * light + grain, 0, 255).astype(np.uint8)
    return canvas


def _encode(made: Composed, path: Path) -> None:
    truth, how = made.truth, made.recipe.how
    rate = (
        ["-b:v", f"{how.kbit}k", "-maxrate", f"{how.kbit}k", "-bufsize", f"{2 * how.kbit}k"]
        if (how.kbit)
        else ["-crf", "23"]
    )
    dropped = ["-vf", _DROPPED, "-fps_mode", "vfr"] if how.variable else []
    with tempfile.TemporaryDirectory(prefix="tonescribe-") as scratch:
        sound = Path(scratch) / "sound.wav"
        soundfile.write(sound, made.sound, SAMPLE_RATE, subtype="PCM_16")
        command = [
            *(ffmpeg_program(), "-nostdin", "-hide_banner", "-loglevel", "error", "-y"),
            *("-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{truth.width}x{truth.height}"),
            *("-r", str(how.fps), "-i", "-", "-i", str(sound), *dropped),
            *("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-threads", "2"),
            *(*rate, "-c:a", "aac", "-b:a", "64k", "-fflags", "+bitexact"),
            *("-flags:v", "+bitexact", "-flags:a", "+bitexact", str(path)),
        ]
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(bound(command), stdin=subprocess.PIPE, stderr=errors)
            assert process.stdin is not None
            try:
                for picture in pictures(made):
                    process.stdin.write(np.ascontiguousarray(picture).data)
                process.stdin.close()
            except BrokenPipeError:
                pass
            except BaseException:
                process.kill()
                raise
            finally:
                code = process.wait()
            errors.seek(0)
            if code != 0:
                last = errors.read().decode("utf-8", "replace").strip().splitlines()[-1:]
                raise ResourceError(f"ffmpeg cannot write {path.name}: {' '.join(last)}.")

"""How a meeting's window is laid out over time: scenes of tiles."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from lab.meetings.truth import FaceKind
from schemas.values import Seconds

_GAP = 6
"""Pixels between tiles."""

_CUT_DELAY = (0.3, 1.5)
"""Seconds after which a speaker view cuts to who speaks."""

_LEAST_SHOWN: Seconds = 1.0
"""Turns shorter than this do not bring anybody up."""

_SLIDE_SECONDS: Seconds = 15.0


@dataclass(frozen=True)
class Tile:
    """A rectangle of pixels in which somebody is shown."""

    x: int
    y: int
    width: int
    height: int
    who: str
    kind: FaceKind = "live"


@dataclass(frozen=True)
class Scene:
    """What is on the screen from `start` to `end`; `slide` numbers what is shared."""

    start: Seconds
    end: Seconds
    tiles: tuple[Tile, ...]
    slide: int | None = None


@dataclass(frozen=True)
class Cast:
    """What a layout is made for: who is on the screen, and who speaks when."""

    width: int
    height: int
    seconds: Seconds
    shown: Sequence[str]
    turns: Sequence[tuple[Seconds, Seconds, str]]
    random: np.random.Generator = field(repr=False)


Layout = Callable[[Cast], list[Scene]]


def _gallery(cast: Cast) -> list[Scene]:
    return [Scene(0.0, cast.seconds, grid(cast.shown, cast.width, cast.height))]


def _side_by_side(cast: Cast) -> list[Scene]:
    each = cast.width // len(cast.shown)
    tiles = [Tile(k * each, 0, each, cast.height, who) for k, who in enumerate(cast.shown)]
    return [Scene(0.0, cast.seconds, tuple(tiles))]


def _speaker_view(cast: Cast) -> list[Scene]:
    def whole(who: str) -> tuple[Tile, ...]:
        return (Tile(0, 0, cast.width, cast.height, who),)

    return [Scene(start, end, whole(who)) for start, end, who in brought_up(cast)]


def _picture_in_picture(cast: Cast) -> list[Scene]:
    width, height = cast.width // 4, cast.height // 4
    corner = (cast.width - width - _GAP, _GAP)
    scenes = []
    for start, end, who in brought_up(cast):
        tile = Tile(*corner, width, height, who)
        scenes += [Scene(s, e, (tile,), slide) for s, e, slide in _slides(start, end)]
    return scenes


def _share(cast: Cast) -> list[Scene]:
    return [Scene(s, e, (), slide) for s, e, slide in _slides(0.0, cast.seconds)]


def _cameras_off(cast: Cast) -> list[Scene]:
    tiles = grid(cast.shown, cast.width, cast.height)
    kinds: list[FaceKind] = ["avatar", "photo", "avatar", "avatar"]
    off = [
        Tile(t.x, t.y, t.width, t.height, t.who, kinds[k % len(kinds)]) for k, t in enumerate(tiles)
    ]
    return [Scene(0.0, cast.seconds, tuple(off))]


def _moving(cast: Cast) -> list[Scene]:
    """Somebody joins after a third, somebody is pinned for the last third."""
    first, second = (
        round(float(cast.seconds * share + cast.random.uniform(-1, 1)), 2) for share in (0.33, 0.66)
    )
    pinned = str(cast.random.choice(list(cast.shown)))
    strip = cast.height // 5
    others = [who for who in cast.shown if who != pinned]
    wide = round(strip * 16 / 9)
    small = [Tile(k * (wide + _GAP), 0, wide, strip, who) for k, who in enumerate(others)]
    large = Tile(0, strip + _GAP, cast.width, cast.height - strip - _GAP, pinned)
    return [
        Scene(0.0, first, grid(cast.shown[:-1], cast.width, cast.height)),
        Scene(first, second, grid(cast.shown, cast.width, cast.height)),
        Scene(second, cast.seconds, (large, *small)),
    ]


def grid(shown: Sequence[str], width: int, height: int) -> tuple[Tile, ...]:
    """Lay tiles of 16:9 out in rows, the last row centred."""
    columns = int(np.ceil(np.sqrt(len(shown))))
    rows = int(np.ceil(len(shown) / columns))
    wide = min((width - _GAP) // columns, (height - _GAP) // rows * 16 // 9) - _GAP
    tall = wide * 9 // 16
    top = (height - rows * (tall + _GAP) + _GAP) // 2
    tiles = []
    for at, who in enumerate(shown):
        row, column = divmod(at, columns)
        inside = min(columns, len(shown) - row * columns)
        left = (width - inside * (wide + _GAP) + _GAP) // 2
        tiles.append(
            Tile(left + column * (wide + _GAP), top + row * (tall + _GAP), wide, tall, who)
        )
    return tuple(tiles)


def brought_up(cast: Cast) -> list[tuple[Seconds, Seconds, str]]:
    """Whom a speaker view shows when: it cuts to who speaks, late, and not for short turns."""
    shown = str(cast.shown[0])
    cuts = [(0.0, shown)]
    for start, end, who in cast.turns:
        at = start + float(cast.random.uniform(*_CUT_DELAY))
        lasts = end - start >= _LEAST_SHOWN and at < min(end, cast.seconds)
        if lasts and who in cast.shown and who != cuts[-1][1] and at > cuts[-1][0] + 0.2:
            cuts.append((round(at, 2), who))
    ends = [at for at, _ in cuts[1:]] + [cast.seconds]
    return [(at, end, who) for (at, who), end in zip(cuts, ends, strict=True)]


def _slides(start: Seconds, end: Seconds) -> list[tuple[Seconds, Seconds, int]]:
    first, last = int(start // _SLIDE_SECONDS), int(np.ceil(end / _SLIDE_SECONDS))
    edges = [(max(start, k * _SLIDE_SECONDS), min(end, (k + 1) * _SLIDE_SECONDS), k)
             for k in range(first, last)]  # fmt: skip
    return [edge for edge in edges if edge[1] > edge[0]]


@dataclass(frozen=True)
class LayoutPlan:
    """A layout, the size of its video, its tiles and how many people speak in it."""

    make: Layout
    size: tuple[int, int]
    tiles: int
    speakers: int


_SMALL, _LARGE = (640, 360), (1280, 720)

LAYOUTS: Mapping[str, LayoutPlan] = {
    "single": LayoutPlan(_gallery, _SMALL, 1, 2),
    "side": LayoutPlan(_side_by_side, _SMALL, 2, 2),
    "speaker": LayoutPlan(_speaker_view, _SMALL, 3, 3),
    "gallery2": LayoutPlan(_gallery, _SMALL, 2, 2),
    "gallery4": LayoutPlan(_gallery, _SMALL, 4, 4),
    "gallery9": LayoutPlan(_gallery, _LARGE, 9, 4),
    "gallery16": LayoutPlan(_gallery, _LARGE, 16, 5),
    "gallery25": LayoutPlan(_gallery, _LARGE, 25, 5),
    "pip": LayoutPlan(_picture_in_picture, _LARGE, 3, 3),
    "share": LayoutPlan(_share, _SMALL, 0, 3),
    "cameras-off": LayoutPlan(_cameras_off, _SMALL, 4, 4),
    "moving": LayoutPlan(_moving, _LARGE, 4, 4),
}
"""All layouts. `single` shows one camera of two people: the other is never on the screen."""


@dataclass(frozen=True)
class Condition:
    """What is unlike the clean meeting.

    `fps` of the file, `variable` drops pictures at random; `blur` in pixels, `kbit` per second,
    `light` as a factor, `delay` of the sound in seconds, `face` in pixels of height. `photo`:
    of somebody who is not there; `freezes`: whose tile stands still; `off_camera`: so many who
    speak have no tile, all of them where it is negative.
    """

    fps: int = 25
    variable: bool = False
    blur: float = 0.0
    kbit: int | None = None
    light: float = 1.0
    delay: Seconds = 0.0
    face: int | None = None
    photo: str | None = None
    freezes: str | None = None
    off_camera: int = 0


CONDITIONS: Mapping[str, Condition] = {
    "clean": Condition(),
    "fps30": Condition(fps=30),
    "vfr": Condition(fps=30, variable=True),
    "blur": Condition(blur=2.5),
    "kbit150": Condition(kbit=150),
    "dark": Condition(light=0.3),
    **{f"late{ms}": Condition(delay=ms / 1000) for ms in (100, 200, 300, 500)},
    **{f"early{ms}": Condition(delay=-ms / 1000) for ms in (100, 200, 300, 500)},
    "face40": Condition(face=40),
    "photo-slide": Condition(photo="slide"),
    "photo-wall": Condition(photo="wall"),
    "frozen-speaker": Condition(freezes="speaker"),
    "frozen-listener": Condition(freezes="listener"),
    "offcamera": Condition(off_camera=1),
    "offcamera-all": Condition(off_camera=-1),
}
"""All conditions by name."""

RECIPES: tuple[str, ...] = (
    *(layout for layout in LAYOUTS if layout != "single"),
    *(
        f"side+{condition}"
        for condition in CONDITIONS
        if condition not in ("clean", "photo-slide", "offcamera", "offcamera-all")
    ),
    *(
        f"gallery4+{condition}"
        for condition in (
            *("kbit150", "late300", "face40", "dark", "vfr"),
            *("frozen-speaker", "frozen-listener", "offcamera", "offcamera-all"),
        )
    ),
    "speaker+late300",
    "speaker+kbit150",
    "speaker+offcamera",
    "single+offcamera",
    "single+offcamera-all",
    "share+photo-slide",
    "pip+photo-slide",
    "pip+kbit150",
    "gallery9+kbit150",
)
"""What a set has where no layouts are named: every layout clean, and some under conditions."""

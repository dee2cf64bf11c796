"""Draw the pictures of a composed meeting: people in tiles, avatars, slides."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lab.meetings.acting import Script
from lab.meetings.layouts import Tile
from lab.meetings.people import Person, Pictures
from lab.meetings.truth import Box

_BACK = (32, 32, 36)
_PAPER = (245, 244, 240)
_INK = (60, 50, 45)
_TOPICS = ("Roadmap", "Budget", "Risks", "Hiring", "Launch", "Support", "Research", "Quality")
_POINTS = (
    "what changed since last week",
    "two options, one decision",
    "open questions for the team",
    "costs stay below the plan",
    "numbers by region and quarter",
    "who takes this until Friday",
    "next steps and owners",
)
_MOUTH_AT = 0.62
"""From this share of the face's height down the chin is stretched by chewing."""


@dataclass(frozen=True)
class Look:
    """How somebody sits in their tile.

    `share` is the face's height as a share of the tile's, `across` its middle; `mirrored` and
    `colours` (3, 3), which mixes the channels, make another person of the same clip.
    """

    share: float
    across: float
    mirrored: bool = False
    colours: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Role:
    """A person, what they do, and how they look."""

    person: Person
    script: Script
    look: Look


def draw_person(role: Role, tile: Tile, at: int, share: float | None = None) -> Pictures:
    """Draw picture `at` of a role as big as a tile, (height, width, 3) BGR."""
    import cv2

    person, script, look = role.person, role.script, role.look
    place = _placement(role, tile, at, share)
    pictures, own = person.sized(abs(place[0, 0]))
    picture = pictures[script.shown[at]]
    if script.before[at] != script.shown[at]:
        picture = cv2.addWeighted(picture, 0.5, pictures[script.before[at]], 0.5, 0)
    matrix = place.copy()
    matrix[:, :2] /= own
    drawn = cv2.warpAffine(
        picture,
        matrix,
        (tile.width, tile.height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if script.chew[at] > 1e-3:
        seen = np.asarray(drawn, dtype=np.uint8)
        drawn = _chewing(seen, face_box(role, tile, at, share), tile, script.chew[at])
    if look.colours is not None:
        drawn = cv2.transform(drawn, look.colours)
    return np.asarray(drawn, dtype=np.uint8)


def face_box(role: Role, tile: Tile, at: int, share: float | None = None) -> Box:
    """Where the face is in the video, as YuNet would box it."""
    place = _placement(role, tile, at, share)
    x, y, width, height = role.person.boxes[role.script.shown[at]]
    corners = place @ np.array([[x, x + width], [y, y + height], [1, 1]])
    left, right = sorted(corners[0])
    top, bottom = corners[1]
    return (
        float(tile.x + left),
        float(tile.y + top),
        float(right - left),
        float(bottom - top),
    )


def _placement(role: Role, tile: Tile, at: int, share: float | None) -> NDArray[np.float64]:
    """Return the matrix (2, 3) from the clip's pixels to the tile's."""
    right, down, zoom = role.script.sway[at]
    x, y, width, height = role.person.face
    face_high = (share or role.look.share) * tile.height
    scale = face_high / height * (1 + zoom)
    clip_high = role.person.pictures.shape[1]
    # shoulders end at the tile's lower edge where the clip is long enough, else the face sinks
    middle = max(0.46 * tile.height, tile.height - (clip_high - y - height / 2) * scale)
    middle = min(middle, tile.height - 0.62 * face_high)
    sign = -1.0 if role.look.mirrored else 1.0
    across = role.look.across * tile.width + right * face_high
    return np.array(
        [
            [sign * scale, 0.0, across - sign * scale * (x + width / 2)],
            [0.0, scale, middle + down * face_high - scale * (y + height / 2)],
        ]
    )


def _chewing(drawn: Pictures, box: Box, tile: Tile, amount: float) -> Pictures:
    """Stretch the lower face downwards by `amount` of its height."""
    import cv2

    x, y, width, height = box[0] - tile.x, box[1] - tile.y, box[2], box[3]
    rows, columns = np.mgrid[0 : tile.height, 0 : tile.width].astype(np.float32)
    down = np.clip((rows - y) / height - _MOUTH_AT, 0, None) / (1 - _MOUTH_AT)
    fall = np.where(down < 1, down, np.clip(2 - down, 0, 1))
    aside = np.clip(1 - np.abs(columns - x - width / 2) / (0.6 * width), 0, 1)
    moved = rows - (fall * np.sqrt(aside) * amount * height).astype(np.float32)
    remapped = cv2.remap(drawn, columns, moved, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(remapped, dtype=np.uint8)


def empty(width: int, height: int) -> Pictures:
    """Draw the window's background."""
    canvas = np.empty((height, width, 3), np.uint8)
    canvas[:] = _BACK
    return canvas


def draw_avatar(canvas: Pictures, tile: Tile, name: str, number: int) -> None:
    """Draw a camera that is off: initials on a disc, every third a drawn face."""
    import cv2

    middle = (tile.x + tile.width // 2, tile.y + tile.height // 2)
    radius = tile.height // 4
    colour = tuple(int(c) for c in np.random.default_rng(number).integers(70, 200, 3))
    cv2.rectangle(
        canvas, (tile.x, tile.y), (tile.x + tile.width, tile.y + tile.height), (54, 50, 48), -1
    )
    cv2.circle(canvas, middle, radius, colour, -1, cv2.LINE_AA)
    if number % 3 == 2:
        for side in (-1, 1):
            eye = (middle[0] + side * radius // 3, middle[1] - radius // 4)
            cv2.circle(canvas, eye, max(2, radius // 9), (30, 30, 30), -1, cv2.LINE_AA)
        smile = (radius // 2, radius // 3)
        cv2.ellipse(canvas, middle, smile, 0, 20, 160, (30, 30, 30), max(1, radius // 14))
        return
    initials = "".join(part[0] for part in name.split()[:2]).upper()
    scale = radius / 28
    (wide, tall), _ = cv2.getTextSize(initials, cv2.FONT_HERSHEY_SIMPLEX, scale, 2)
    start = (middle[0] - wide // 2, middle[1] + tall // 2)
    cv2.putText(
        canvas, initials, start, cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), 2, cv2.LINE_AA
    )


def avatar_box(tile: Tile) -> Box:
    """Return the square around an avatar's disc."""
    radius = tile.height // 4
    left, top = tile.x + tile.width // 2 - radius, tile.y + tile.height // 2 - radius
    return (left, top, 2 * radius, 2 * radius)


def draw_name(canvas: Pictures, tile: Tile, name: str) -> None:
    """Write a name into the lower left corner of a tile."""
    import cv2

    scale = float(np.clip(tile.height / 500, 0.3, 0.6))
    plain = name.encode("ascii", "ignore").decode() or "?"
    (wide, tall), _ = cv2.getTextSize(plain, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    left, bottom = tile.x + 4, tile.y + tile.height - 4
    cv2.rectangle(canvas, (left - 2, bottom - tall - 4), (left + wide + 4, bottom + 2), _BACK, -1)
    cv2.putText(
        canvas,
        plain,
        (left, bottom - 2),
        cv2.FONT_HERSHEY_SIMPLEX,
        scale,
        (230, 230, 230),
        1,
        cv2.LINE_AA,
    )


def draw_slide(canvas: Pictures, number: int, seed: int) -> None:
    """Draw a slide with a title and some points over the whole window."""
    import cv2

    random = np.random.default_rng([seed, number])
    height, width = canvas.shape[:2]
    canvas[:] = _PAPER
    size = height / 400
    title = f"{random.choice(_TOPICS)} {int(random.integers(1, 9))}"
    cv2.rectangle(canvas, (0, 0), (width, height // 60), (140, 90, 40), -1)
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(canvas, title, (width // 16, height // 6), font, size, _INK, 2, cv2.LINE_AA)
    for row, point in enumerate(random.permutation(_POINTS)[:5]):
        where = (width // 14, int(height * (0.32 + 0.13 * row)))
        cv2.putText(canvas, f"- {point}", where, font, 0.55 * size, _INK, 1, cv2.LINE_AA)

"""Augment face stills and sequences as cameras of meetings would distort them.

A `Shot` is one draw of everything that a camera does; walking it at random from frame to frame
turns a still into a sequence in which the head drifts, the light changes and frames go missing.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Shot:
    """One way a camera sees a face; lengths are shares of the crop, angles degrees.

    `pixels` is the size the face had in the picture; `quality` that of a JPEG in per cent.
    """

    flipped: bool
    angle: float
    zoom: float
    shift_x: float
    shift_y: float
    gain: float
    gamma: float
    blur: float
    pixels: float
    noise: float
    quality: int
    cover: tuple[float, float, float, float] | None = None


_GOOD_SHARE = 0.6


def draw_shot(random: np.random.Generator) -> Shot:
    """Draw a camera and a pose; six in ten are good cameras that only see the face a bit off."""
    flipped = bool(random.random() < 0.5)
    if random.random() < _GOOD_SHARE:
        return _draw_good_shot(flipped, random)
    dim = random.random() < 0.25
    return Shot(
        flipped=flipped,
        angle=float(random.normal(0, 6)),
        zoom=float(np.exp(random.normal(0, 0.09))),
        shift_x=float(random.normal(0, 0.045)),
        shift_y=float(random.normal(0, 0.045)),
        gain=float(random.uniform(0.2, 0.6) if dim else random.uniform(0.7, 1.25)),
        gamma=float(np.exp(random.normal(0, 0.2))),
        blur=float(random.uniform(0.3, 1.4)) if random.random() < 0.25 else 0.0,
        pixels=float(random.uniform(18, 48)) if random.random() < 0.3 else 48.0,
        noise=float(random.uniform(2, 12)) if random.random() < 0.3 else 0.0,
        quality=int(random.integers(25, 90)) if random.random() < 0.4 else 100,
        cover=_draw_cover(random) if random.random() < 0.2 else None,
    )


def _draw_good_shot(flipped: bool, random: np.random.Generator) -> Shot:
    return Shot(
        flipped=flipped,
        angle=float(random.normal(0, 5)),
        zoom=float(np.exp(random.normal(0, 0.07))),
        shift_x=0.0,
        shift_y=0.0,
        gain=1.0,
        gamma=1.0,
        blur=0.0,
        pixels=48.0,
        noise=0.0,
        quality=100,
        cover=_draw_cover(random) if random.random() < 0.2 else None,
    )


def _draw_cover(random: np.random.Generator) -> tuple[float, float, float, float]:
    width, height = random.uniform(0.1, 0.4, 2)
    return (
        float(random.uniform(0, 1 - width)),
        float(random.uniform(0, 1 - height)),
        float(width),
        float(height),
    )


def next_shot(shot: Shot, random: np.random.Generator) -> Shot:
    """Walk one frame on: the head drifts, the rest mostly stays."""
    return replace(
        shot,
        angle=0.9 * shot.angle + float(random.normal(0, 2)),
        zoom=float(np.clip(shot.zoom * np.exp(random.normal(0, 0.02)), 0.75, 1.35)),
        shift_x=0.9 * shot.shift_x + float(random.normal(0, 0.02)),
        shift_y=0.9 * shot.shift_y + float(random.normal(0, 0.02)),
        gain=float(np.clip(shot.gain * np.exp(random.normal(0, 0.04)), 0.15, 1.4)),
        blur=float(random.uniform(1.0, 2.5)) if random.random() < 0.08 else shot.blur,
    )


def take(face: Image, shot: Shot, random: np.random.Generator) -> Image:
    """Return the face as that camera sees it, shape and type unchanged."""
    import cv2

    size = face.shape[0]
    image: NDArray[Any] = face[:, ::-1] if shot.flipped else face
    turn = cv2.getRotationMatrix2D((size / 2, size / 2), shot.angle, shot.zoom)
    turn[:, 2] += (shot.shift_x * size, shot.shift_y * size)
    image = cv2.warpAffine(image, turn, (size, size), borderMode=cv2.BORDER_REPLICATE)
    if shot.pixels < size:
        small = cv2.resize(image, (int(shot.pixels),) * 2, interpolation=cv2.INTER_AREA)
        image = cv2.resize(small, (size, size), interpolation=cv2.INTER_LINEAR)
    if shot.blur > 0:
        image = cv2.GaussianBlur(image, (0, 0), shot.blur)
    light = 255.0 * shot.gain * (image.astype(np.float32) / 255.0) ** shot.gamma
    if shot.noise > 0:
        light += random.normal(0, shot.noise, light.shape)
    if shot.cover is not None:
        _hide(light, shot.cover, float(random.uniform(0, 255)))
    exposed: Image = np.clip(light, 0, 255).astype(np.uint8)
    if shot.quality < 100:
        _, coded = cv2.imencode(".jpg", exposed, [cv2.IMWRITE_JPEG_QUALITY, shot.quality])
        exposed = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), dtype=np.uint8)
    return exposed


def _hide(light: NDArray[np.float32], cover: tuple[float, float, float, float], by: float) -> None:
    size = light.shape[0]
    x, y, width, height = (int(part * size) for part in cover)
    light[y : y + height, x : x + width] = by


def draw_no_face(random: np.random.Generator, size: int) -> Image:
    """Draw what a detector takes for a face by mistake: walls, gradients, texture, noise."""
    import cv2

    grain = int(random.integers(2, size))
    rough = random.normal(0, 1, (grain, grain)).astype(np.float32)
    texture = cv2.resize(rough, (size, size), interpolation=cv2.INTER_CUBIC)
    level, contrast = random.uniform(20, 220), random.uniform(0, 60)
    noise = random.normal(0, random.uniform(0, 8), (size, size))
    return np.clip(level + contrast * texture + noise, 0, 255).astype(np.uint8)

"""Boxes of faces: shifted, scaled, compared."""

from models.protocols import FaceBox


def moved(box: FaceBox, right: float = 0.0, down: float = 0.0, scale: float = 1.0) -> FaceBox:
    """Return a box and its landmarks shifted by pixels, then scaled."""
    marks = box.landmarks and tuple(
        ((x + right) * scale, (y + down) * scale) for x, y in box.landmarks
    )
    return FaceBox(
        (box.x + right) * scale,
        (box.y + down) * scale,
        box.width * scale,
        box.height * scale,
        box.certainty,
        marks,
    )


def overlap(first: FaceBox, second: FaceBox) -> float:
    """Intersection over union of two boxes, in [0, 1]."""
    right = min(first.x + first.width, second.x + second.width)
    bottom = min(first.y + first.height, second.y + second.height)
    shared = max(0.0, right - max(first.x, second.x)) * max(0.0, bottom - max(first.y, second.y))
    union = first.width * first.height + second.width * second.height - shared
    return shared / union if union > 0 else 0.0


def square_around(
    box: FaceBox, heights: float, shape: tuple[int, ...]
) -> tuple[int, int, int, int]:
    """Return left, top, width and height of a square around a face, inside a picture.

    Its side is `heights` of the face, cut off at the edges; all four are even.
    """
    half = box.height * heights / 2
    middle_x, middle_y = box.x + box.width / 2, box.y + box.height / 2
    height, width = shape[:2]
    left, top = (int(max(0.0, v)) // 2 * 2 for v in (middle_x - half, middle_y - half))
    right = int(min(width, middle_x + half)) // 2 * 2
    bottom = int(min(height, middle_y + half)) // 2 * 2
    return left, top, max(0, right - left), max(0, bottom - top)

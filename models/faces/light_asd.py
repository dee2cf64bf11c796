"""Light-ASD, an active-speaker network, where its files are given.

Liao et al. 2023, "A Light Weight Model for Active Speaker Detection". It hears 13 cepstra 100
times and sees a face 25 times a second. It is added to what the embedded engine finds, and only
where that is in doubt. The files do not ship.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.checkpoint import file_digest
from models.faces.crops import cut_square
from models.faces.evidence import Evidence
from models.faces.mfcc import MFCC_STEP, MFCC_WINDOW, mfcc
from models.faces.speaking import SHIPPED_SPEAKING, SpeakingWeights
from models.protocols import FaceBox, TalkingClip
from schemas.errors import WeightsError
from schemas.settings import WeightSettings
from schemas.values import Probability

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

CLIP_SIDE = 112
"""Side of a crop in pixels."""

PICTURES_A_SECOND = 25.0

_FILES = ("lightASD.onnx", "lossAV.onnx")
_CEPSTRA_PER_PICTURE = 4

_SIDE, _LOWERED = 1.4, 0.4
"""Side of a crop, and how far its middle lies below the face's, in half sizes of the face: the
face enlarged by 40 %, of which the middle half is kept, as the authors' demonstration does."""

_DOUBT: tuple[Probability, Probability] = (0.1, 0.9)
_SLOPE, _BIAS, _MOST = 0.5, 0.0, 3.0
"""Log-odds of a mean score: of slopes tried without a bias the one that spoils least on
the tuning meetings. A bias of .5 gives right faces back there, and as many false ones."""


class LightAsd:
    """Light-ASD from the folder `weights.active_speaker`.

    Raises `WeightsError` where a file is missing or is another network.
    """

    name = "light-asd"
    doubt = _DOUBT

    def __init__(self, weights: WeightSettings) -> None:
        paths = _files(weights.active_speaker)
        seen = hashlib.sha256("".join(map(file_digest, (*paths, SHIPPED_SPEAKING))).encode())
        self.digest = seen.hexdigest()[:12]
        self._weights = SpeakingWeights.read()
        self._network, self._loss = (_opened(path) for path in paths)

    def log_odds(self, evidence: Evidence) -> NDArray[np.float64]:
        """Return the embedded engine's log-odds of each pair, shape (n,), in [-6, 6]."""
        return self._weights.log_odds(evidence)

    def crop(self, gray: NDArray[np.uint8], box: FaceBox) -> NDArray[np.uint8]:
        """Cut mouth and surroundings of a face, shape (112, 112)."""
        import cv2

        half = max(box.width, box.height) / 2
        side = _SIDE * half
        middle_x, middle_y = box.x + box.width / 2, box.y + box.height / 2 + _LOWERED * half
        square = cut_square(gray, middle_x - side / 2, middle_y - side / 2, side)
        method = cv2.INTER_AREA if square.shape[0] > CLIP_SIDE else cv2.INTER_LINEAR
        crop = cv2.resize(square, (CLIP_SIDE, CLIP_SIDE), interpolation=method)
        return np.asarray(crop, dtype=np.uint8)

    def look(self, clips: Sequence[TalkingClip]) -> float:
        """Return the log-odds of the mean score in the turn; 0.0 of no picture in it."""
        scores = [self.scores(clip)[clip.inside] for clip in clips if clip.inside.any()]
        if not scores:
            return 0.0
        mean = float(np.concatenate(scores).mean())
        return float(np.clip(_SLOPE * mean + _BIAS, -_MOST, _MOST))

    def scores(self, clip: TalkingClip) -> NDArray[np.float32]:
        """Return a score per picture, shape (frames,); more than 0: speaking."""
        count = _CEPSTRA_PER_PICTURE * len(clip.crops)
        n_samples = (count - 1) * MFCC_STEP + MFCC_WINDOW
        sound = np.zeros(n_samples, np.float32)
        heard = clip.sound[:n_samples]
        sound[: len(heard)] = heard
        inputs = {
            "audio": mfcc(sound)[None],
            "visual": clip.crops[None].astype(np.float32),
        }
        joined = self._network.run(None, inputs)[0]
        scores: NDArray[np.float32] = self._loss.run(None, {"input": joined})[0]
        return scores


def _files(folder: str) -> list[Path]:
    paths = [Path(folder).expanduser() / name for name in _FILES]
    missing = [path.name for path in paths if not folder or not path.is_file()]
    if missing:
        where = f"not in '{folder}'" if folder else "not given"
        raise WeightsError(
            f"Of Light-ASD {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} {where}; "
            "set weights.active_speaker to the folder with both, or engines.active_speaker to "
            "embedded."
        )
    return paths


def _opened(path: Path) -> "InferenceSession":
    import onnxruntime

    options: Any = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # its errors share no class but this
        raise WeightsError(f"{path} is no network of Light-ASD: {error}") from error

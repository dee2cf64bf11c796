"""The diarizer of the profile `embedded`: others' networks, our own clustering and voting."""

import hashlib
from collections.abc import Sequence
from dataclasses import astuple
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.checkpoint import file_digest, load_weights, shipped
from models.diarization.certainty import HEARD, LONE, RIGHT, calibrated
from models.diarization.clustering import Background, ClusteringSettings, Speakers, find_speakers
from models.diarization.turns import diarization_of
from models.network_store import find_network, is_there
from models.networks import NETWORKS
from models.precision import choose_device
from models.protocols import Span, SpeakerHints, Waveform
from schemas.errors import WeightsError
from schemas.settings import WeightSettings
from schemas.speech import Diarization, Turn

if TYPE_CHECKING:
    from models.diarization.listening import LocalSpeakers
    from models.diarization.voiceprints import Pieces

SEGMENTATIONS = ("segmentation", "segmentation-3.0")
"""The networks whose votes are joined; the first one's local speakers are clustered."""

ENCODER = "campplus"

_LARGEST_BATCH = 16
"""Chunks at once; more is no faster on a processor and costs memory."""


class EmbeddedDiarizer:
    """Segments with two networks of pyannote's, tells voices apart by CAM++.

    Where CAM++ was not to be had all voices are one speaker, at confidence 0; where only
    segmentation 3.0 is missing the first network decides alone.
    """

    name = "embedded"

    def __init__(self, weights: WeightSettings, settings: ClusteringSettings | None = None) -> None:
        from models.diarization.campplus import load_campplus
        from models.diarization.listening import STEPS, Listener
        from models.diarization.segmentation import load_segmentation

        leading, *others = SEGMENTATIONS
        names = [leading, *(name for name in others if is_there(name, weights))]
        networks = [
            (load_segmentation(name, find_network(name, weights) / _file(name)), STEPS[name])
            for name in names
        ]
        encoder = None
        if is_there(ENCODER, weights):
            encoder = load_campplus(find_network(ENCODER, weights) / _file(ENCODER))
        self._weights, self.encoder = weights, encoder
        self._tells_voices_apart = encoder is not None
        batch = min(weights.batch_size, _LARGEST_BATCH)
        self._listener = Listener(networks, encoder, choose_device(weights.device), batch)
        state, _ = load_weights(shipped("diarizer"))
        self._background = Background(state["wide"].numpy(), state["telephone"].numpy())
        self._settings = settings or ClusteringSettings()

    @property
    def digest(self) -> str:
        """12 hex digits over the pinned weights, the background and the constants."""
        networks = [NETWORKS[name].digest for name in (*SEGMENTATIONS, ENCODER)]
        curve = (HEARD, RIGHT, LONE)
        seen = (networks, file_digest(shipped("diarizer")), astuple(self._settings), curve)
        return hashlib.sha256(repr(seen).encode()).hexdigest()[:12]

    def diarize(self, waveform: Waveform, hints: SpeakerHints) -> Diarization:
        """Return overlapping and exclusive turns; memory grows by 4 kB for a second of sound.

        A turn's confidence is the chance that its speaker is right, from how surely somebody
        speaks and how surely it is that speaker (`models/diarization/certainty.py`).
        """
        if waveform.duration <= 0:
            return Diarization()
        return self.decide(self.listen(waveform, hints), waveform.duration, hints)

    def listen(self, waveform: Waveform, hints: SpeakerHints) -> "list[LocalSpeakers]":
        """Run the networks over the recording: the part that takes time."""
        embed = self._tells_voices_apart and hints.exactly != 1
        return self._listener.listen(waveform, embed=embed)

    def decide(
        self,
        heard: "Sequence[LocalSpeakers]",
        duration: float,
        hints: SpeakerHints,
        *,
        calibrate: bool = True,
    ) -> Diarization:
        """Turn local speakers into turns: the part with constants to tune."""
        from models.diarization.listening import ONSET
        from models.diarization.reconstruction import Layer, reconstruct
        from models.diarization.segmentation import FRAME_MIDDLE, FRAME_STEP

        named = zip(heard, self._speakers(heard, hints), strict=True)
        layers = [Layer(h.scores, s.clusters, s.certainty, h.step) for h, s in named]
        activity = reconstruct(layers, ONSET)
        made = diarization_of(
            activity.active,
            activity.exclusive,
            activity.confidence.astype(np.float32),
            FRAME_STEP,
            FRAME_MIDDLE,
        )
        if calibrate and self._tells_voices_apart and hints.exactly != 1:
            made = calibrated(made)
        return _clipped(made, duration)

    def voiceprints(
        self, waveform: Waveform, voices: Sequence[Sequence[Span]]
    ) -> NDArray[np.float32]:
        """Return a unit vector for each voice, shape (len(voices), 192); NaN: it speaks too little.

        Raises `WeightsError` where CAM++ is missing.
        """
        from models.diarization.voiceprints import embed_pieces

        if self.encoder is None:
            find_network(ENCODER, self._weights)
            raise WeightsError(f"The network {ENCODER} came while tonescribe ran; start it again.")
        pieces = [embed_pieces(self.encoder, waveform, spans) for spans in voices]
        return self.prints(pieces)

    def prints(self, voices: "Sequence[Pieces]") -> NDArray[np.float32]:
        """Return voiceprints of embedded pieces of one recording, shape (len(voices), 192)."""
        from models.diarization.voiceprints import prints_of

        return prints_of(voices, self._background, self._settings.own_channel)

    def _speakers(self, heard: "Sequence[LocalSpeakers]", hints: SpeakerHints) -> list[Speakers]:
        from models.diarization.listening import ONSET

        if hints.exactly == 1 or not self._tells_voices_apart:
            sure = float(hints.exactly == 1)
            active = [each.scores.max(axis=1) > ONSET * 255 for each in heard]
            return [Speakers(np.where(a, 0, -1), sure * a.astype(np.float32)) for a in active]
        return find_speakers(heard, self._background, hints, self._settings)


def _file(name: str) -> str:
    """Return the one file of a network."""
    (file,) = NETWORKS[name].files
    return file.name


def _clipped(diarization: Diarization, duration: float) -> Diarization:
    """Cut what reaches into the silence that pads the last chunk."""

    def clip(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
        end = round(duration, 3)
        return tuple(
            turn if turn.end <= end else turn.model_copy(update={"end": end})
            for turn in turns
            if turn.start < end
        )

    return Diarization(turns=clip(diarization.turns), exclusive=clip(diarization.exclusive))

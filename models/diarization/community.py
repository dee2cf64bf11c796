"""pyannote's community-1 pipeline, from a folder or the hub's cache."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from models.precision import choose_device
from models.protocols import SpeakerHints, Waveform
from schemas.errors import WeightsError
from schemas.privacy import switch_off_telemetry
from schemas.settings import WeightSettings
from schemas.speech import Diarization, Turn, speaker_label
from schemas.values import SAMPLE_RATE, Seconds, to_grid

_CONFIG = "config.yaml"
_TERMS = "https://huggingface.co/"


class CommunityDiarizer:
    """Diarizes with a pretrained pyannote 4 pipeline; a GPU makes it fast.

    Unlike the embedded diarizer it holds the whole sound: 230 MB per hour.
    """

    name = "community-1"

    def __init__(self, weights: WeightSettings) -> None:
        switch_off_telemetry()
        folder = _folder(weights)
        self.digest = _digest(folder)
        self._pipeline = _load(folder)
        self._pipeline.to(choose_device(weights.device))

    def diarize(self, waveform: Waveform, hints: SpeakerHints) -> Diarization:
        """Return overlapping and exclusive turns.

        A turn's confidence is the share of it that the exclusive track gives to its speaker.
        """
        import torch

        if waveform.duration <= 0:
            return Diarization()
        sound = torch.from_numpy(waveform.read(0.0, waveform.duration))[None]
        output = self._pipeline(
            {"waveform": sound, "sample_rate": SAMPLE_RATE, "uri": "recording"},
            num_speakers=hints.exactly,
            min_speakers=hints.at_least,
            max_speakers=hints.at_most,
        )
        return to_diarization(
            _tracks(output.speaker_diarization), _tracks(output.exclusive_speaker_diarization)
        )


Track = tuple[Seconds, Seconds, str]
"""Start, end, label."""


def to_diarization(turns: Iterable[Track], exclusive: Iterable[Track]) -> Diarization:
    """Name speakers by first appearance and weigh each turn by its exclusive share."""
    both, alone = sorted(turns), sorted(exclusive)
    order = {label: None for _, _, label in both}
    names = {label: speaker_label(number) for number, label in enumerate(order)}
    kept = tuple(_turn(track, alone, names) for track in both)
    sole = tuple(_turn(track, alone, names) for track in alone if track[2] in names)
    return Diarization(turns=kept, exclusive=sole)


def _turn(track: Track, exclusive: list[Track], names: dict[str, str]) -> Turn:
    start, end, label = track
    own = sum(max(0.0, min(end, e) - max(start, s)) for s, e, who in exclusive if who == label)
    share = min(1.0, own / max(end - start, 1e-3))
    return Turn(
        start=to_grid(start), end=to_grid(end), speaker=names[label], confidence=round(share, 4)
    )


def _tracks(annotation: Any) -> list[Track]:
    return [
        (float(segment.start), float(segment.end), str(label))
        for segment, _, label in annotation.itertracks(yield_label=True)
    ]


def _folder(weights: WeightSettings) -> Path:
    """Return the folder of the pipeline; never the network unless the settings allow it."""
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    folder = Path(weights.diarizer).expanduser()
    if folder.is_dir():
        if not (folder / _CONFIG).is_file():
            raise WeightsError(f"The folder {folder} holds no {_CONFIG} of a pyannote pipeline.")
        return folder
    try:
        found = huggingface_hub.snapshot_download(
            weights.diarizer, local_files_only=not weights.allow_hub
        )
    except (LocalEntryNotFoundError, HFValidationError) as error:
        raise WeightsError(
            f"The diarizer '{weights.diarizer}' is neither a folder nor in the hub's cache; "
            "clone it and set weights.diarizer to its folder, or set weights.allow_hub."
        ) from error
    except (HfHubHTTPError, OSError) as error:
        raise WeightsError(
            f"The diarizer '{weights.diarizer}' could not be downloaded; accept its terms at "
            f"{_TERMS}{weights.diarizer} and set HF_TOKEN, or set weights.diarizer to a folder."
        ) from error
    return Path(found)


def _load(folder: Path) -> Any:
    from pyannote.audio import Pipeline
    from yaml import YAMLError

    try:
        pipeline = Pipeline.from_pretrained(folder)
    except (
        ArithmeticError,
        AttributeError,
        ImportError,
        LookupError,
        OSError,
        RuntimeError,
        TypeError,
        ValueError,
        YAMLError,
    ) as error:
        raise WeightsError(
            f"The folder {folder} holds no pyannote 4 pipeline that loads ({error}); "
            "clone pyannote/speaker-diarization-community-1 again."
        ) from error
    if pipeline is None:
        raise WeightsError(f"The folder {folder} holds no pyannote pipeline; clone it again.")
    return pipeline


def _digest(folder: Path) -> str:
    """12 hex digits over the names, sizes and configuration of a pipeline's files."""
    seen = hashlib.sha256((folder / _CONFIG).read_bytes())
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and ".git" not in p.parts):
        seen.update(f"{path.relative_to(folder)} {path.stat().st_size}\n".encode())
    return seen.hexdigest()[:12]

"""The shipped audio branch, on the CPU or a GPU."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.audio.calibration import calibration_of, voiced_seconds
from models.audio.familiarity import Familiarity, take_familiarity
from models.audio.sound import (
    FRAMES_PER_SECOND,
    at_tempo,
    batches_by_length,
    has_no_voice,
    log_mel,
    normalise_loudness,
    trim_silence,
    windows,
)
from models.audio.voicing import somebody_speaks
from models.baseline import baseline_of
from models.checkpoint import file_digest, load_weights, refusing_other_networks, shipped
from models.precision import choose_device, half_precision
from models.protocols import Judgement, Samples, Scores
from schemas.emotions import EMOTIONS
from schemas.errors import WeightsError
from schemas.settings import WeightSettings
from schemas.values import Json, Seconds

if TYPE_CHECKING:
    import torch

    from models.audio.network import AudioEmotionNetwork

LONGEST_WINDOW: Seconds = 10.0
"""Longer utterances are judged in equal windows: the network knows clips of a few seconds."""

VOICE_CLASSES = (*EMOTIONS, "calm")
"""Classes of the network; calm, which one corpus has beside neutral, counts as neutral."""

TEMPI = (1.0, 0.92, 1.09)
"""Tempi at which an utterance is judged; the mean of three is steadier than one."""

HALFWAY: Seconds = 8.0
"""Seconds of a speaker after which half of the difference to the reference is subtracted: three
utterances, chosen on EMO-DB and nEMO, each left out of the training."""

_BATCH_SECONDS: Seconds = 4.0
"""Seconds of sound per item of the batch size setting."""


class EmbeddedAudioBranch:
    """Judges emotion from the voice; calibrated on corpora that it was not trained on.

    Weights: `models/weights/audio.safetensors`, or the `.safetensors` file that the settings
    name. Raises `WeightsError` where they are missing or of another network.
    """

    name = "embedded"
    languages: frozenset[str] | None = None

    def __init__(self, weights: WeightSettings) -> None:
        own = weights.audio.endswith(".safetensors")
        path = Path(weights.audio) if own else shipped("audio")
        self._network, self._familiarity, config = load_network(path)
        self._calibration = calibration_of(config)
        self.baseline = baseline_of(config, HALFWAY)
        self.unseen_speakers = frozenset(config.get("calibration_speakers", ()))
        self._learned_epochs = float(config.get("epochs", 1))
        self._device = choose_device(weights.device)
        self._network.to(self._device)
        self._batch_frames = int(weights.batch_size * _BATCH_SECONDS * FRAMES_PER_SECOND)
        self.digest = file_digest(path)

    def score(self, samples: Sequence[Samples]) -> Scores:
        """Judge utterances; where nobody is heard (silence, noise, music) scores are even."""
        return self.judge(samples).scores

    def judge(self, samples: Sequence[Samples]) -> Judgement:
        """Judge utterances, and say how familiar each is; NaN where nobody is heard."""
        scores = np.full((len(samples), len(EMOTIONS)), 1 / len(EMOTIONS), dtype=np.float32)
        familiarity = np.full(len(samples), np.nan)
        if spoken := [row for row, sound in enumerate(samples) if somebody_speaks(sound)]:
            voices = [samples[row] for row in spoken]
            heard = hear_voices(
                self._network, voices, self._device, self._batch_frames, self._familiarity
            )
            seconds = np.array([voiced_seconds(voice) for voice in voices])
            logits = merge_calm(heard.logits)
            scores[spoken] = self._calibration.scores(logits, seconds, heard.strangeness)
            if self._familiarity is not None:
                familiarity[spoken] = self._familiarity.shares(heard.strangeness)
        return Judgement(scores, familiarity)

    def untouched_encoder(self) -> dict[str, "torch.Tensor"] | None:
        """Parameters of the encoder where training left it as it came, else None.

        What was not trained on any speaker may be judged on all of them.
        """
        if self._learned_epochs:
            return None
        state = self._network.encoder.state_dict()
        return {name: tensor.cpu() for name, tensor in state.items()}


class Loaded(NamedTuple):
    """What a file of weights holds: the network, what is familiar to it, and the header."""

    network: "AudioEmotionNetwork"
    familiarity: Familiarity | None
    config: Json


def load_network(path: Path) -> Loaded:
    """Load an audio network for judging, what is familiar to it, and its configuration."""
    from models.audio.network import AudioEmotionNetwork

    state, config = load_weights(path)
    if tuple(config.get("classes", ())) not in (EMOTIONS, VOICE_CLASSES):
        raise WeightsError(f"{path} holds no audio network of tonescribe; train it anew.")
    familiarity = take_familiarity(state, config)
    with refusing_other_networks(path, "voice"):
        network = AudioEmotionNetwork(config["shape"])
        network.load_state_dict(state)
    return Loaded(network.eval(), familiarity, config)


class HeardVoices(NamedTuple):
    """What a network makes of voices, before calibration.

    `logits` (n, classes) are log-probabilities of its own classes; `strangeness` (n,) is NaN where
    nobody is heard or nothing is known of what is familiar.
    """

    logits: NDArray[np.float32]
    strangeness: NDArray[np.float64]


def voice_logits(
    network: "AudioEmotionNetwork",
    samples: Sequence[Samples],
    device: "torch.device",
    batch_frames: int = 6_000,
) -> NDArray[np.float32]:
    """Return uncalibrated log-probabilities (len(samples), classes) of the network's own classes.

    Each is the mean over the utterance's windows and `TEMPI`; where nobody is heard it is even.
    """
    return hear_voices(network, samples, device, batch_frames).logits


def hear_voices(
    network: "AudioEmotionNetwork",
    samples: Sequence[Samples],
    device: "torch.device",
    batch_frames: int = 6_000,
    familiarity: Familiarity | None = None,
) -> HeardVoices:
    """Judge utterances as `voice_logits`, and say how strange each is at its own tempo."""
    pieces = [(i, w) for i, s in enumerate(samples) for w in windows(s, LONGEST_WINDOW)]
    owners = np.array([i for i, _ in pieces], dtype=np.int64)
    heard = [window for _, window in pieces]
    each = [
        _hear_windows(network, heard, tempo, device, batch_frames, familiarity) for tempo in TEMPI
    ]
    logits: NDArray[np.float32] = np.stack([e.logits for e in each]).mean(axis=0, dtype=np.float32)
    total = np.zeros((len(samples), logits.shape[1]), dtype=np.float32)
    np.add.at(total, owners, logits)
    counts = np.bincount(owners, minlength=len(samples)).astype(np.float32)
    strange = each[TEMPI.index(1.0)].strangeness
    known = np.isfinite(strange)
    shares = np.bincount(owners[known], strange[known], minlength=len(samples))
    with np.errstate(invalid="ignore"):
        strangeness = shares / np.bincount(owners[known], minlength=len(samples))
    return HeardVoices(total / counts[:, None], strangeness)


def _hear_windows(
    network: "AudioEmotionNetwork",
    pieces: Sequence[Samples],
    tempo: float,
    device: "torch.device",
    batch_frames: int,
    familiarity: Familiarity | None,
) -> HeardVoices:
    import torch

    from models.audio.network import pad_frames

    logits = np.tile(even_logits(network.head.out_features), (len(pieces), 1))
    strangeness = np.full(len(pieces), np.nan)
    heard = [i for i, piece in enumerate(pieces) if not has_no_voice(piece)]
    played = [at_tempo(trim_silence(pieces[i]), tempo) for i in heard]
    lengths = [len(piece) * FRAMES_PER_SECOND // 16_000 for piece in played]
    with torch.inference_mode(), half_precision(device):
        for batch in batches_by_length(lengths, batch_frames):
            mels = [log_mel(normalise_loudness(played[i])) for i in batch]
            # Padded to whole seconds: few shapes, so that kernels are compiled once.
            mel, n_frames = pad_frames(mels, FRAMES_PER_SECOND)
            described = network.describe(mel.to(device), n_frames.to(device))
            rows = [heard[i] for i in batch]
            found = network.head(described).float().log_softmax(dim=1)
            logits[rows] = found.cpu().numpy()
            if familiarity is not None and tempo == 1.0:
                seconds = n_frames.numpy() / FRAMES_PER_SECOND
                strangeness[rows] = familiarity.strangeness(described.float().cpu(), seconds)
    return HeardVoices(logits, strangeness)


def even_logits(n_classes: int) -> NDArray[np.float32]:
    """Log-probabilities (n_classes,) that are even over the seven classes once calm is merged."""
    shares = np.full(n_classes, 1 / len(EMOTIONS), dtype=np.float32)
    if n_classes == len(VOICE_CLASSES):
        shares[[VOICE_CLASSES.index("neutral"), VOICE_CLASSES.index("calm")]] /= 2
    logits: NDArray[np.float32] = np.log(shares)
    return logits


def merge_calm(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log-probabilities (n, 8) of `VOICE_CLASSES` to (n, 7): calm's probability joins neutral's.

    Those of seven classes stay as they are.
    """
    if logits.shape[1] == len(EMOTIONS):
        return logits
    merged = logits[:, : len(EMOTIONS)].copy()
    neutral, calm = VOICE_CLASSES.index("neutral"), VOICE_CLASSES.index("calm")
    merged[:, neutral] = np.logaddexp(logits[:, neutral], logits[:, calm])
    return merged

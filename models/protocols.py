"""Protocols of the engines. Anything that fits one can be named in the settings."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from models.faces.evidence import Evidence
from schemas.speech import Diarization, Transcript, Turn
from schemas.values import Hertz, Probability, Seconds

Samples = NDArray[np.float32]
"""Mono float32 in [-1, 1] at 16 kHz, shape (n,)."""

Scores = NDArray[np.float32]
"""Probabilities of the seven classes in the order of `schemas.emotions.EMOTIONS`, shape (n, 7)."""


@runtime_checkable
class Waveform(Protocol):
    """The sound of one recording, read in windows so that hours never lie in memory."""

    @property
    def sample_rate(self) -> Hertz:
        """Always 16 kHz."""

    @property
    def duration(self) -> Seconds:
        """Length in seconds."""

    def read(self, start: Seconds, end: Seconds) -> Samples:
        """Return samples between two times; times outside the recording are silence."""


@dataclass(frozen=True)
class SpeakerHints:
    """What the user knows of the count of speakers; None where nothing is known."""

    exactly: int | None = None
    at_least: int | None = None
    at_most: int | None = None


class Engine(Protocol):
    """Every engine names itself and the digest of what it computes with."""

    @property
    def name(self) -> str:
        """Name in the registry."""

    @property
    def digest(self) -> str:
        """12 hex digits over weights and constants: a changed digest invalidates caches."""


class Diarizer(Engine, Protocol):
    """Tells who speaks when."""

    def diarize(self, waveform: Waveform, hints: SpeakerHints) -> Diarization:
        """Return overlapping and exclusive turns, speakers named SPEAKER_00 by first appearance."""


Span = tuple[Seconds, Seconds]
"""Start and end."""


@runtime_checkable
class VoicePrinter(Protocol):
    """A diarizer that also says what voices sound like; not every one does."""

    def voiceprints(
        self, waveform: Waveform, voices: Sequence[Sequence[Span]]
    ) -> NDArray[np.float32]:
        """Return a unit vector for each voice, shape (len(voices), dimension).

        A voice is given by the spans in which it alone speaks. A row is NaN where that is too
        little to tell. The product of two rows, also of two recordings, says how alike they are.
        Raises `WeightsError` where the network for it is missing.
        """


class Transcriber(Engine, Protocol):
    """Tells which words are spoken."""

    def transcribe(
        self,
        waveform: Waveform,
        turns: Sequence[Turn],
        language: str | None,
        hot_words: Sequence[str] = (),
        *,
        languages: Collection[str] = (),
        language_changes: bool = False,
    ) -> Transcript:
        """Return words in order of their start; `turns` say where there is speech.

        `hot_words` are names and terms that are likely to be said, such as the participants'.
        Without a `language` it is found, among `languages` if there are any; with
        `language_changes` for each piece of the recording.
        """


@dataclass(frozen=True)
class FaceBox:
    """A face in pixels of the image, its certainty in [0, 1], and landmarks where known.

    `landmarks` has shape (5, 2): right eye, left eye, nose, right and left mouth corner, as seen.
    """

    x: float
    y: float
    width: float
    height: float
    certainty: float
    landmarks: tuple[tuple[float, float], ...] | None = None


class FaceDetector(Engine, Protocol):
    """Finds faces in pictures."""

    def detect(self, image: NDArray[np.uint8]) -> list[FaceBox]:
        """Return the faces of one BGR image of shape (height, width, 3)."""


class ActiveSpeaker(Engine, Protocol):
    """Tells how likely each person who is seen in a turn is the one who speaks."""

    def log_odds(self, evidence: Evidence) -> NDArray[np.float64]:
        """Return the log-odds of each pair of a turn and a person, shape (n,)."""


@dataclass(frozen=True)
class TalkingClip:
    """A face seen without a gap, and the sound that belongs to its pictures.

    `crops` are 25 a second, as `CloserLook.crop` cuts them, shape (frames, 112, 112) uint8;
    `sound` begins with the first of them and lasts at least as long. `inside` says which of them
    are in the turn that is asked about, shape (frames,); the others show what was around it.
    """

    crops: NDArray[np.uint8]
    sound: Samples
    inside: NDArray[np.bool_]


@runtime_checkable
class CloserLook(Protocol):
    """An active-speaker engine that also looks at pictures and sound; not every engine does.

    It is asked only about turns that are in doubt: decoding 25 pictures a second takes time.
    """

    @property
    def doubt(self) -> tuple[Probability, Probability]:
        """Between which confidences of its likeliest person a turn is in doubt."""

    def crop(self, gray: NDArray[np.uint8], box: FaceBox) -> NDArray[np.uint8]:
        """Cut a face out of a gray picture, shape (112, 112)."""

    def look(self, clips: Sequence[TalkingClip]) -> float:
        """Return log-odds to add to those of one person in one turn; 0.0 where nothing is told."""


@dataclass(frozen=True)
class FaceSequence:
    """Gray face crops of one utterance, shape (frames, size, size) uint8, and their times."""

    crops: NDArray[np.uint8]
    times: NDArray[np.float32]


@dataclass(frozen=True)
class TextSample:
    """One utterance's text, its BCP 47 language, the previous ones as (speaker, text), its speaker.

    The speaker only tells which of the previous utterances are by the same person.
    """

    text: str
    language: str | None
    context: tuple[tuple[str, str], ...] = ()
    speaker: str | None = None


@dataclass(frozen=True)
class Baseline:
    """How mostly neutral speech of people it was not trained on looks to a branch.

    `reference` are mean log-probabilities of the seven classes. Where `halfway` seconds of a
    speaker are known, half of the speaker's difference from it is subtracted. What is known of a
    speaker makes scores more often right: with all of the difference subtracted their temperature
    is `exp(-sharpening)`, less of it with less.
    """

    reference: tuple[float, ...]
    halfway: Seconds
    sharpening: float = 0.0


@dataclass(frozen=True)
class Judgement:
    """Scores (n, 7) of a branch, and how familiar each sample is to it, (n,).

    Familiarity is the share of strangers' samples that are at least as strange, in [0, 1]; NaN
    where it is not known.
    """

    scores: Scores
    familiarity: NDArray[np.float64]


Sample = TypeVar("Sample", contravariant=True)


class EmotionBranch(Engine, Protocol[Sample]):
    """Judges utterances by one modality: `Samples`, `FaceSequence` or `TextSample`.

    Batching by length, the device and precision are the branch's own business.
    """

    @property
    def languages(self) -> frozenset[str] | None:
        """Languages it was trained for; None where it does not matter."""

    @property
    def baseline(self) -> Baseline | None:
        """What speakers' own baselines are compared with; None: scores are not relative to them."""

    def score(self, samples: Sequence[Sample]) -> Scores:
        """Return calibrated probabilities, shape (len(samples), 7), in the order given."""


@runtime_checkable
class FamiliarBranch(Protocol[Sample]):
    """A branch that also tells how familiar a sample is; not every branch does."""

    def judge(self, samples: Sequence[Sample]) -> Judgement:
        """Return the scores of `score`, and the familiarity of each sample."""


class Fusion(Engine, Protocol):
    """Joins the branches' scores."""

    def fuse(self, scores: Mapping[str, Scores]) -> Scores:
        """Fuse `audio`, `video`, `text` scores of shape (n, 7); a row of NaN is a missing branch.

        Returns calibrated probabilities of shape (n, 7); NaN where no branch was present.
        """


Representations = NDArray[np.float32]
"""What a branch knows of samples beside their scores, shape (n, width); a row of NaN: nothing."""


@runtime_checkable
class JointFusion(Fusion, Protocol):
    """A fusion that also has branches of its own, trained with it as one; most have none."""

    @property
    def parts(self) -> tuple[str, ...]:
        """The branches that hand over what they know of a sample."""

    def represent(self, branch: str, samples: Sequence[Any]) -> Representations:
        """Return what one of `parts` knows of samples of that branch."""

    def join(self, scores: Mapping[str, Scores], known: Mapping[str, Representations]) -> Scores:
        """Judge by the representations of `parts` where all are there, else as `fuse`: (n, 7)."""

"""Turns, words, utterances, faces, and the annotated utterance."""

from typing import Literal

from schemas.emotions import Emotion, EmotionScores
from schemas.values import Probability, Seconds, Value

UNKNOWN_SPEAKER = "UNKNOWN"
"""The speaker of words far from every voice that was found, or of two voices that cannot be told
apart: unknown is an answer."""


def speaker_label(number: int) -> str:
    """Return the label of a speaker whose name is not known: `SPEAKER_00`, `SPEAKER_01`, …."""
    return f"SPEAKER_{number:02d}"


Flag = Literal[
    "asr_suspect",
    "captions_suspect",
    "face_unsure",
    "low_confidence",
    "no_consent",
    "no_face",
    "no_words",
    "other_language",
    "overlap",
    "short",
    "text_only_policy",
]

FLAGS: dict[Flag, str] = {
    "asr_suspect": "words doubtful",
    "captions_suspect": "captions do not fit",
    "face_unsure": "whose face is unclear",
    "low_confidence": "signs too weak",
    "no_consent": "no consent",
    "no_face": "no face seen",
    "no_words": "no words",
    "other_language": "words in a language that is not judged",
    "overlap": "others speak too",
    "short": "too short for the voice",
    "text_only_policy": "judged by words alone",
}
"""What each flag means, in the words of the page."""


class Turn(Value):
    """A stretch in which one speaker speaks; `confidence` is the diarizer's, in [0, 1]."""

    start: Seconds
    end: Seconds
    speaker: str
    confidence: Probability = 1.0

    @property
    def duration(self) -> Seconds:
        """Length in seconds."""
        return self.end - self.start


class Diarization(Value):
    """Who speaks when. `turns` may overlap each other, `exclusive` never do.

    `names` maps a speaker to a name only where it is certain (own track, sidecar).
    """

    turns: tuple[Turn, ...] = ()
    exclusive: tuple[Turn, ...] = ()
    names: dict[str, str] = {}

    @property
    def speakers(self) -> tuple[str, ...]:
        """The speakers in order of their names."""
        return tuple(sorted({turn.speaker for turn in self.turns}))


class VoiceNames(Value):
    """Which voices are which enrolled people's: speaker -> name, and the chance that it is right.

    `notes` are sentences, without names, that say who could not be compared and why.
    """

    names: dict[str, str] = {}
    chances: dict[str, Probability] = {}
    notes: tuple[str, ...] = ()


class Word(Value):
    """One word. `timing` says where its times come from; `name` who the captions say spoke it.

    Words with the same `unit` were timed as one, by a caption cue. `changes_voice` marks the first
    word after a dash: somebody else speaks.
    """

    word: str
    start: Seconds
    end: Seconds
    score: Probability | None = None
    timing: Literal["aligned", "interpolated"] = "aligned"
    name: str | None = None
    unit: int | None = None
    changes_voice: bool = False


class Stretch(Value):
    """A part of a recording."""

    start: Seconds
    end: Seconds


class SpokenStretch(Stretch):
    """A part of a recording and the language that is spoken in it."""

    language: str


class Transcript(Value):
    """The words of a recording in order of their start.

    `engine` names what made them; `reason` is the sentence why there are none. Where
    `scores_are_calibrated` a word's score is the probability that it is right. `looped` is where
    the recogniser said the same over and over, `heard` where a voice detector heard somebody
    (None: it was not asked), `languages` what is spoken where, if the language changes.
    `faults` are sentences about captions that do not fit or cannot be read; `uncaptioned` are parts
    of turns that captions leave out.
    """

    words: tuple[Word, ...] = ()
    language: str | None = None
    engine: str
    reason: str | None = None
    scores_are_calibrated: bool = False
    looped: tuple[Stretch, ...] = ()
    heard: tuple[Stretch, ...] | None = None
    languages: tuple[SpokenStretch, ...] = ()
    faults: tuple[str, ...] = ()
    uncaptioned: tuple[Turn, ...] = ()


class Utterance(Value):
    """A run of words (or a turn, where there are none) of one speaker.

    `sure_words` counts the words that the recogniser is sure of; None where it cannot tell.
    """

    index: int
    start: Seconds
    end: Seconds
    speaker: str
    speaker_name: str | None = None
    speaker_confidence: Probability
    overlap_ratio: Probability
    text: str | None = None
    language: str | None = None
    words: tuple[Word, ...] = ()
    sure_words: int | None = None
    flags: tuple[Flag, ...] = ()

    @property
    def duration(self) -> Seconds:
        """Length in seconds."""
        return self.end - self.start


class FaceTrack(Value):
    """The speaker's face during one utterance.

    `rows` index the crops that the stage wrote to the scratch folder, `times` are theirs;
    `boxes` are x, y, width and height in pixels of the upright video; `coverage` is the share of
    the sampled frames in which that face was seen, `confidence` how likely it is the speaker's.
    `unsure` says that faces were there but none could be told to be the speaker's.
    """

    utterance_index: int
    coverage: Probability = 0.0
    confidence: Probability = 0.0
    times: tuple[Seconds, ...] = ()
    rows: tuple[int, ...] = ()
    boxes: tuple[tuple[float, float, float, float], ...] = ()
    unsure: bool = False


class ListenerFace(Value):
    """A face that was seen while somebody else spoke.

    `participant` is the speaker whose face it is, or `FACE_00`, `FACE_01`, ... where that is not
    known; `seconds` is how long it was seen in the utterance, `coverage` its share of the sampled
    frames; `rows` and `times` as in `FaceTrack`.
    """

    utterance_index: int
    participant: str
    seconds: Seconds
    coverage: Probability = 0.0
    times: tuple[Seconds, ...] = ()
    rows: tuple[int, ...] = ()


class Faces(Value):
    """All face tracks of a recording and the scratch file of their crops (`.npy`, uint8 gray).

    `audio_delay` is by how many seconds the sound comes after the picture.
    """

    tracks: tuple[FaceTrack, ...] = ()
    listeners: tuple[ListenerFace, ...] = ()
    crops_path: str | None = None
    audio_delay: Seconds = 0.0


class BranchScores(Value):
    """One branch's scores, one entry per utterance; None where it had nothing to judge.

    `familiarity` is empty for a branch that does not know it. `representations` are what a joint
    network knows of each utterance by this branch; empty where the fusion is none.
    """

    model: str
    scores: tuple[EmotionScores | None, ...] = ()
    familiarity: tuple[Probability | None, ...] = ()
    representations: tuple[tuple[float, ...] | None, ...] = ()


class AnnotatedUtterance(Value):
    """An utterance with its scores; one row of the table `utterances`."""

    utterance: Utterance
    emotion: Emotion | None = None
    confidence: Probability | None = None
    scores: EmotionScores | None = None
    audio_scores: EmotionScores | None = None
    video_scores: EmotionScores | None = None
    text_scores: EmotionScores | None = None
    valence: float | None = None
    arousal: float | None = None
    face_coverage: Probability = 0.0
    familiarity: Probability | None = None
    flags: tuple[Flag, ...] = ()
    models: dict[str, str] = {}


class Reaction(Value):
    """How somebody looked while somebody else spoke; one row of the table `reactions`.

    `participant`, `seconds` and `coverage` are those of the `ListenerFace`. `scores` are None where
    no crop could be judged; `emotion` and `confidence` are None where the scores are unsure.
    """

    utterance_index: int
    participant: str
    participant_name: str | None = None
    seconds: Seconds
    coverage: Probability = 0.0
    scores: EmotionScores | None = None
    emotion: Emotion | None = None
    confidence: Probability | None = None
    valence: float | None = None
    arousal: float | None = None


class Reactions(Value):
    """The reactions of a recording in order of their utterances, and the model that scored them."""

    model: str | None = None
    rows: tuple[Reaction, ...] = ()

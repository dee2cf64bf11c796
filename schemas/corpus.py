"""Labelled material and splits that cannot leak."""

from collections.abc import Callable, Mapping, Sequence
from typing import Self

from pydantic import NonNegativeInt, model_validator

from schemas.emotions import Emotion
from schemas.values import Value

_WITH_TEST = ((0, 2), (1, 2))
_ALL_SIDES = ((0, 1), *_WITH_TEST)


SAME_PEOPLE: Mapping[str, str] = {"ravdess-song": "ravdess"}
"""A corpus -> another whose people it shows under the same names."""


class LabelledClip(Value):
    """One labelled clip, face or text.

    `source` is a path (or `archive.tar::member`, or `table.parquet::row`) where there is media;
    `label` stands in the corpus's own scheme, `emotion` in the seven classes (None: dropped).
    `emotions` are all of a sample with several, empty where `emotion` says it all. `dialogue`
    names a conversation alike in every corpus that holds it, `turn` is the 0-based place in it,
    `context` the utterances before as (speaker, text), oldest first.
    """

    corpus: str
    source: str | None = None
    text: str | None = None
    label: str
    emotion: Emotion | None
    emotions: tuple[Emotion, ...] = ()
    speaker: str
    sentence: str | None = None
    intensity: str | None = None
    language: str | None = None
    published_split: str | None = None
    dialogue: str | None = None
    turn: NonNegativeInt | None = None
    context: tuple[tuple[str, str], ...] = ()

    @model_validator(mode="after")
    def _emotion_is_among_emotions(self) -> Self:
        if self.emotions and self.emotion is not None and self.emotion not in self.emotions:
            raise ValueError(f"emotion {self.emotion} is not among {', '.join(self.emotions)}")
        return self

    @property
    def people(self) -> str:
        """The corpus that names the speaker: `ravdess` for a song of RAVDESS, else the clip's."""
        return SAME_PEOPLE.get(self.corpus, self.corpus)

    @property
    def person(self) -> str:
        """The speaker as corpus/speaker, alike in every corpus that shows the same people."""
        return f"{self.people}/{self.speaker}"


class Split(Value):
    """A training, validation and test set with no speaker in two of them.

    Building one that leaks raises `ValueError`: a leaking split cannot exist.
    `disjoint_dialogues` also forbids a dialogue, of any corpus, on two sides, and
    `disjoint_sentences` a corpus's sentence in the test that was trained or validated on.
    `disjoint_speakers` may be off only where dialogues are disjoint: the official splits of
    television series, whose people come back.
    """

    train: tuple[LabelledClip, ...]
    validation: tuple[LabelledClip, ...]
    test: tuple[LabelledClip, ...]
    disjoint_speakers: bool = True
    disjoint_sentences: bool = False
    disjoint_dialogues: bool = False

    @model_validator(mode="after")
    def _refuse_leaks(self) -> Self:
        if not (self.disjoint_speakers or self.disjoint_dialogues):
            raise ValueError("a split with speakers on two sides needs disjoint dialogues")
        if self.disjoint_speakers:
            self._refuse("speaker", lambda clip: clip.person)
        if self.disjoint_sentences:
            # validation is part of training here: two sentences cannot make three sides
            self._refuse("sentence", lambda clip: f"{clip.corpus}/{clip.sentence}", _WITH_TEST)
        if self.disjoint_dialogues:
            self._refuse("dialogue", lambda clip: clip.dialogue or f"{clip.corpus}/None")
        return self

    def _refuse(
        self,
        what: str,
        key: Callable[[LabelledClip], str],
        pairs: Sequence[tuple[int, int]] = _ALL_SIDES,
    ) -> None:
        sides: Sequence[set[str]] = [
            {key(clip) for clip in side} for side in (self.train, self.validation, self.test)
        ]
        for first, second in pairs:
            if shared := sides[first] & sides[second]:
                raise ValueError(f"{what} on two sides of a split: {', '.join(sorted(shared)[:3])}")

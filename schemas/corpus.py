"""Labelled material and splits that cannot leak."""

from collections.abc import Callable, Sequence
from typing import Self

from pydantic import model_validator

from schemas.emotions import Emotion
from schemas.values import Value


class LabelledClip(Value):
    """One labelled clip, face or text.

    `source` is a path (or `archive.tar::member`, or `table.parquet::row`) where there is media;
    `label` stands in the corpus's own scheme, `emotion` in the seven classes (None: dropped).
    """

    corpus: str
    source: str | None = None
    text: str | None = None
    label: str
    emotion: Emotion | None
    speaker: str
    sentence: str | None = None
    language: str | None = None
    published_split: str | None = None


class Split(Value):
    """A training, validation and test set with no speaker in two of them.

    Building one that leaks raises `ValueError`: a leaking split cannot exist.
    `disjoint_sentences` also forbids a sentence on both sides.
    """

    train: tuple[LabelledClip, ...]
    validation: tuple[LabelledClip, ...]
    test: tuple[LabelledClip, ...]
    disjoint_sentences: bool = False

    @model_validator(mode="after")
    def _refuse_leaks(self) -> Self:
        self._refuse("speaker", lambda clip: f"{clip.corpus}/{clip.speaker}")
        if self.disjoint_sentences:
            self._refuse("sentence", lambda clip: f"{clip.corpus}/{clip.sentence}")
        return self

    def _refuse(self, what: str, key: Callable[[LabelledClip], str]) -> None:
        sides: Sequence[set[str]] = [
            {key(clip) for clip in side} for side in (self.train, self.validation, self.test)
        ]
        for first, second in ((0, 1), (0, 2), (1, 2)):
            if shared := sides[first] & sides[second]:
                raise ValueError(f"{what} on two sides of a split: {', '.join(sorted(shared)[:3])}")

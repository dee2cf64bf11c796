"""The head over sentences learns from no translation of a tested text."""

from pathlib import Path

import numpy as np
import pytest

from lab.text.sentences import LIKENESS, _best_share, _may_translate
from schemas.corpus import LabelledClip
from schemas.emotions import EMOTIONS

NEAR = np.array([1.0, 0.0], dtype=np.float32)
FAR = np.array([0.0, 1.0], dtype=np.float32)


def clip(corpus: str, language: str, text: str, label: str = "happy") -> LabelledClip:
    return LabelledClip(
        corpus=corpus, text=text, label=label, emotion=label, speaker="", language=language
    )  # type: ignore[arg-type]


def test_what_may_translate_a_tested_text_of_its_corpus_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tested = clip("xed", "de", "Ich freue mich sehr darüber")
    monkeypatch.setattr("lab.text.sentences.is_there", lambda *_: True)
    monkeypatch.setattr(
        "lab.text.sentences.read_texts",
        lambda _folder, corpus, split, _languages: (
            [tested] if (corpus.name, split) == ("xed", "test") else []
        ),
    )
    clips = [
        clip("xed", "en", "I am very glad of it"),
        clip("xed", "en", "The train has left"),
        clip("xed", "de", "Darüber bin ich sehr froh"),  # its own language is matched by words
        clip("goemotions", "en", "I am very glad of it"),  # stands in no other language
    ]
    rows = np.stack([NEAR, FAR, NEAR, NEAR])
    out = _may_translate(
        tmp_path, clips, rows, ["de", "en"], lambda texts: np.stack([NEAR * LIKENESS] * len(texts))
    )
    assert out.tolist() == [True, False, False, False]


def test_a_language_takes_as_much_of_the_head_as_its_texts_like() -> None:
    random = np.random.default_rng(0)
    clips = [clip("xed", "de", "x", str(random.choice(EMOTIONS))) for _ in range(200)]
    labels = np.array([EMOTIONS.index(c.emotion) for c in clips])
    right = np.full((200, 7), -3.0, dtype=np.float32)
    right[np.arange(200), labels] = -0.1
    noise = random.normal(size=(200, 7)).astype(np.float32)
    assert _best_share(clips, noise, right) == 1.0
    assert _best_share(clips, right, 3 * noise) == 0.25

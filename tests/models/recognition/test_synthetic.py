"""The transcriber of tests hears words in tones."""

from pathlib import Path

import numpy as np
import pytest

from models.recognition.synthetic import VOCABULARIES, WORD_SECONDS
from models.registry import load_engine
from schemas.settings import WeightSettings
from schemas.speech import Transcript
from tasks.media.split import WavFile
from tests.material.sounds import CONVERSATION, Spoken, tone_voices, write_wav


def hear(folder: Path, *spoken: Spoken, duration: float = 10.0) -> Transcript:
    waveform = WavFile(str(write_wav(folder / "a.wav", tone_voices(spoken, duration))))
    engine = load_engine("transcriber", "synthetic", WeightSettings())
    transcript: Transcript = engine.transcribe(waveform, (), None)
    return transcript


def test_every_voice_speaks_from_its_own_vocabulary(tmp_path: Path) -> None:
    words = hear(tmp_path, *CONVERSATION).words
    for turn in CONVERSATION:
        said = [w.word for w in words if turn.start - 0.1 < (w.start + w.end) / 2 < turn.end + 0.1]
        assert len(said) == pytest.approx((turn.end - turn.start) / WORD_SECONDS, abs=1)
        assert set(said) <= set(VOCABULARIES[turn.speaker])


def test_words_lie_where_the_tones_are(tmp_path: Path) -> None:
    words = hear(tmp_path, Spoken(0, 2.0, 4.0), Spoken(1, 6.0, 6.3)).words
    assert words[0].start == pytest.approx(2.0, abs=0.03)
    assert words[-2].end == pytest.approx(4.0, abs=0.03)
    assert (words[-1].start, words[-1].end) == pytest.approx((6.0, 6.3), abs=0.03)


def test_silence_has_no_words_and_says_so(tmp_path: Path) -> None:
    transcript = hear(tmp_path)
    assert transcript.words == ()
    assert transcript.reason == "There is no tone in the recording."


def test_a_tone_across_windows_is_heard_once(tmp_path: Path) -> None:
    words = hear(tmp_path, Spoken(0, 58.0, 62.0), duration=65.0).words
    assert len(words) == 10
    assert np.diff([word.start for word in words]) == pytest.approx(0.4, abs=0.01)

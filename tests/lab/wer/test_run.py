"""A recogniser at work: its turns, its clock, and recordings that cannot be heard."""

from collections.abc import Collection, Sequence
from pathlib import Path

import pytest

import models.recognition.synthetic
from lab.wer.counts import count
from lab.wer.figures import figures_of
from lab.wer.run import run_recogniser
from lab.wer.stm import Reference, Segment
from models.protocols import Waveform
from schemas.errors import InputError
from schemas.settings import EngineSettings, Settings, WeightSettings
from schemas.speech import Transcript, Turn, Word
from tests.material.sounds import CONVERSATION, tone_voices, write_wav

SYNTHETIC = Settings(engines=EngineSettings(diarizer="synthetic", transcriber="synthetic"))

SAID = Reference(
    (
        Segment("A", 0.5, 2.5, "what a wonderful day I"),
        Segment("B", 3.0, 5.0, "this is terrible and makes"),
        Segment("A", 5.5, 7.0, "am so happy what"),
        Segment("B", 7.5, 9.5, "me very angry this is"),
    )
)
"""What the synthetic engines hear in `CONVERSATION`."""


@pytest.fixture(scope="module")
def conversation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound")
    return write_wav(folder / "talk.wav", tone_voices(CONVERSATION, 10.0))


@pytest.mark.parametrize("segments", ["diarizer", "reference"])
def test_words_are_heard_and_given_to_speakers(conversation: Path, segments: str) -> None:
    run = run_recogniser(conversation, SAID, SYNTHETIC, segments)  # type: ignore[arg-type]
    assert run.audio == pytest.approx(10.0)
    assert 0 < run.wall < 60
    figures = figures_of(count(SAID, run.hypothesis, run.audio, run.wall))
    assert (figures.n_words, figures.wer, figures.cp_wer, figures.mimo_wer) == (19, 0, 0, 0)
    assert (figures.words_kept, figures.precision_of_kept_words) == (1, 1)


class TurnsTranscriber:
    """Says "turn" in the middle of every turn that it is given, each with a score of 0.4."""

    name = "turns"
    digest = "0" * 12

    def __init__(self, weights: WeightSettings) -> None:
        self.calibrated = weights.transcriber == "calibrated"

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
        middles = [(turn.start + turn.end) / 2 for turn in turns]
        return Transcript(
            words=tuple(Word(word="turn", start=m, end=m + 0.1, score=0.4) for m in middles),
            engine=self.name,
            scores_are_calibrated=self.calibrated,
        )


def test_the_reference_s_turns_are_given_where_they_are_asked_for(
    conversation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models.recognition.synthetic, "ToneTranscriber", TurnsTranscriber)
    hyp = Reference((Segment("A", 0, 2, "turn"), Segment("B", 1, 2.5, "turn")))
    settings = SYNTHETIC.model_copy(update={"weights": WeightSettings(transcriber="turns-1")})
    by_reference = run_recogniser(conversation, hyp, settings, "reference")
    assert [h.middle for h in by_reference.hypothesis] == pytest.approx([1.05, 1.8])
    by_diarizer = run_recogniser(conversation, hyp, settings, "diarizer")
    assert len(by_diarizer.hypothesis) == len(CONVERSATION)


def test_a_threshold_holds_only_for_scores_that_are_probabilities(
    conversation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models.recognition.synthetic, "ToneTranscriber", TurnsTranscriber)

    def threshold(transcriber: str) -> float:
        settings = SYNTHETIC.model_copy(update={"weights": WeightSettings(transcriber=transcriber)})
        return run_recogniser(conversation, SAID, settings, "diarizer").threshold

    assert threshold("plain") == 0.0
    least = getattr(SYNTHETIC.utterances, "min_word_confidence", 0.0)
    assert threshold("calibrated") == least


def test_a_recording_that_cannot_be_heard_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF no sound at all")
    with pytest.raises(InputError, match=r"broken\.wav: "):
        run_recogniser(broken, SAID, SYNTHETIC, "diarizer")

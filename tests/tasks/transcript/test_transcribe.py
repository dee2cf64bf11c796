"""Words come from captions, else from the engine; where there are none, a sentence says why."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pytest

from models.protocols import Waveform
from models.recognition.synthetic import VOCABULARIES, ToneTranscriber
from models.registry import ENGINES, unload_engines
from schemas.errors import WeightsError
from schemas.media import Recording
from schemas.settings import EngineSettings, Settings, WeightSettings
from schemas.sidecar import Participant, Sidecar
from schemas.speech import Diarization, Transcript, Turn
from tasks.media.split import WavFile
from tasks.transcript.transcribe import hot_words, transcribe
from tests.material.sounds import CONVERSATION, tone_voices, write_wav

TONES = Settings(engines=EngineSettings(transcriber="synthetic"))
NOBODY = Diarization()
CAPTIONS = "WEBVTT\n\n00:01.000 --> 00:02.000\nAna: hello\n"


def recording(
    folder: Path, captions: str | None = None, sidecar: Sidecar | None = None
) -> Recording:
    path = write_wav(folder / "weekly.wav", tone_voices(CONVERSATION, 10.0))
    if captions:
        (folder / captions).write_text(CAPTIONS)
    return Recording(
        recording_id="0" * 16,
        uri=str(path),
        title="weekly",
        path=str(path),
        size=path.stat().st_size,
        version="1",
        captions_path=str(folder / captions) if captions else None,
        sidecar=sidecar or Sidecar(),
    )


def test_captions_win(tmp_path: Path) -> None:
    made = recording(tmp_path, "weekly.vtt")
    transcript = transcribe(made, WavFile(made.path), NOBODY, TONES)
    assert [word.word for word in transcript.words] == ["hello"]
    assert transcript.words[0].name == "Ana"
    assert transcript.engine == "captions"


def test_captions_can_be_ignored(tmp_path: Path) -> None:
    made = recording(tmp_path, "weekly.vtt")
    ignoring = TONES.model_copy(update={"captions": "ignore"})
    assert transcribe(made, WavFile(made.path), NOBODY, ignoring).engine == "synthetic"


def test_participants_are_known_to_the_captions(tmp_path: Path) -> None:
    sidecar = Sidecar(participants=(Participant(name="Ana"),))
    transcript = transcribe(recording(tmp_path, "weekly.vtt", sidecar), None, NOBODY, TONES)
    assert [(word.word, word.name) for word in transcript.words] == [("hello", "Ana")]


@pytest.mark.parametrize(
    ("captions", "sidecar", "setting", "language"),
    [
        ("weekly.vtt", None, None, None),
        ("weekly.vtt", None, "fr", "fr"),
        ("weekly.vtt", "de", "fr", "de"),
        ("weekly.es.vtt", "de", "fr", "es"),
    ],
)
def test_the_nearest_language_wins(
    captions: str, sidecar: str | None, setting: str | None, language: str | None, tmp_path: Path
) -> None:
    made = recording(tmp_path, captions, Sidecar(language=sidecar))
    transcript = transcribe(made, None, NOBODY, TONES.model_copy(update={"language": setting}))
    assert transcript.language == language


def test_the_engine_hears_what_captions_do_not_say(tmp_path: Path) -> None:
    made = recording(tmp_path)
    transcript = transcribe(made, WavFile(made.path), NOBODY, TONES)
    assert [word.word for word in transcript.words[:5]] == list(VOCABULARIES[0][:5])


def test_without_sound_there_are_no_words(tmp_path: Path) -> None:
    transcript = transcribe(recording(tmp_path), None, NOBODY, TONES)
    assert (transcript.words, transcript.engine) == ((), "none")
    assert transcript.reason == "The recording has no sound."


def test_without_a_recogniser_a_sentence_says_what_to_do(tmp_path: Path) -> None:
    made = recording(tmp_path)
    silent = Settings(engines=EngineSettings(transcriber="none"))
    transcript = transcribe(made, WavFile(made.path), NOBODY, silent)
    assert (transcript.words, transcript.engine) == ((), "none")
    assert transcript.reason is not None
    assert "MEETING.vtt" in transcript.reason


def test_a_missing_recogniser_is_one_sentence(tmp_path: Path) -> None:
    made = recording(tmp_path)
    missing = Settings(
        engines=EngineSettings(transcriber="whisper"),
        weights=WeightSettings(transcriber=str(tmp_path / "nowhere")),
    )
    with pytest.raises(WeightsError, match=r"There is no folder .*nowhere: weights\.transcriber"):
        transcribe(made, WavFile(made.path), NOBODY, missing)


class Told(ToneTranscriber):
    """An engine that has nothing to say but what it was told."""

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
        reason = "|".join([*hot_words, *languages, *["changes"] * language_changes])
        return Transcript(engine=self.name, reason=reason)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    monkeypatch.setitem(ENGINES["transcriber"], "told", f"{__name__}:Told")
    yield Settings(engines=EngineSettings(transcriber="told"))
    unload_engines()


def test_the_engine_is_told_names_and_title(told: Settings, tmp_path: Path) -> None:
    people = (Participant(name="Ana  Ruiz"), Participant(name="Bo", consent=False))
    made = recording(tmp_path, sidecar=Sidecar(title="Weekly", participants=people))
    transcript = transcribe(made, WavFile(made.path), NOBODY, told)
    assert transcript.reason == "Ana Ruiz|Weekly"


def test_the_sidecar_narrows_the_languages_of_the_settings(told: Settings, tmp_path: Path) -> None:
    narrowed = told.model_copy(update={"languages": ("en", "de"), "language_changes": True})
    sidecars = (Sidecar(), Sidecar(languages=("it",), language_changes=False))
    made = [recording(tmp_path, sidecar=sidecar) for sidecar in sidecars]
    found = [transcribe(one, WavFile(one.path), NOBODY, narrowed).reason for one in made]
    assert found == ["en|de|changes", "it"]


def test_names_are_told_once_and_only_where_there_are_some() -> None:
    people = (Participant(name="Bo"), Participant(name=" Bo "), Participant(name=" "))
    assert hot_words(Sidecar(participants=people)) == ("Bo",)
    assert hot_words(Sidecar()) == ()


def written(folder: Path, text: str) -> Recording:
    made = recording(folder, "weekly.vtt")
    (folder / "weekly.vtt").write_bytes(text.encode() if text else b"")
    return made


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "hold no words"),
        ("WEBVTT\n", "hold no words"),
        ("\x00\x01\x02\x03" * 99, "no text"),
        ("nothing of captions", "no times"),
        ("WEBVTT\n\n10:00.000 --> 10:02.000\nlate words\n", "do not fit"),
    ],
)
def test_captions_that_cannot_serve_leave_it_to_the_recogniser(
    tmp_path: Path, text: str, fault: str
) -> None:
    made = written(tmp_path, text)
    sound = WavFile(made.path)
    turns = Diarization(turns=(Turn(start=0.5, end=2.5, speaker="SPEAKER_00"),))
    transcript = transcribe(made, sound, turns, TONES)
    assert transcript.engine == "synthetic"
    assert transcript.words
    (sentence,) = transcript.faults
    assert fault in sentence
    assert "recogniser served" in sentence


def test_words_after_the_recordings_end_are_left_out_with_a_sentence(tmp_path: Path) -> None:
    cues = "WEBVTT\n\n00:01.000 --> 00:04.000\none two three\n\n10:00.000 --> 10:02.000\nlate\n"
    made = written(tmp_path, cues)
    transcript = transcribe(made, WavFile(made.path), NOBODY, TONES)
    assert [word.word for word in transcript.words] == ["one", "two", "three"]
    assert transcript.faults == (
        "1 words of the captions lie after the recording's end and are left out.",
    )


def test_speech_that_captions_leave_out_is_left_to_the_recogniser(tmp_path: Path) -> None:
    made = written(tmp_path, "WEBVTT\n\n00:00.500 --> 00:02.500\none two three\n")
    turns = tuple(
        Turn(start=s.start, end=s.end, speaker=f"SPEAKER_{s.speaker:02}") for s in CONVERSATION
    )
    transcript = transcribe(made, WavFile(made.path), Diarization(turns=turns), TONES)
    assert [w.word for w in transcript.words[:3]] == ["one", "two", "three"]
    assert {round(w.start) for w in transcript.words[3:]} <= {3, 4, 5, 6, 7, 8, 9}
    assert len(transcript.words) > 6
    assert [(t.start, t.end) for t in transcript.uncaptioned] == [(3, 5), (5.5, 7), (7.5, 9.5)]
    assert transcript.faults == ()

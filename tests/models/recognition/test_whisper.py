"""The recogniser finds words in speech alone, on the recording's clock, in flat memory."""

import dataclasses
import io
import json
import shutil
import tarfile
import tracemalloc
from collections.abc import Collection, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile
from faster_whisper.audio import decode_audio

from models.network_store import is_there
from models.protocols import Samples, Waveform
from models.recognition import whisper
from models.recognition.decoder import DecodedWord, Decoder
from models.recognition.pipeline import Heard
from models.recognition.voice_activity import PAD, Splice
from models.recognition.whisper import WhisperTranscriber
from models.registry import identify, load_engine
from schemas.errors import WeightsError
from schemas.settings import WeightSettings
from schemas.speech import Transcript, Turn
from tests.material.checkpoints import CONFIDENCE, random_recogniser
from tests.material.sounds import CONVERSATION, tone_voices

pytestmark = pytest.mark.filterwarnings("ignore")

RATE = 16_000


def talk() -> Samples:
    """Half a minute of two people on the telephone, from pyannote.audio's wheel."""
    spec = find_spec("pyannote.audio")
    assert spec is not None
    assert spec.origin is not None
    sound, _ = soundfile.read(Path(spec.origin).parent / "sample" / "sample.wav", dtype="float32")
    return np.asarray(sound, np.float32)


@dataclasses.dataclass
class Recording:
    """Sounds at given times, silence elsewhere; notes what it hands out."""

    sounds: dict[float, Samples]
    duration: float
    sample_rate: int = RATE
    reads: list[tuple[float, float]] = dataclasses.field(default_factory=list)

    def read(self, start: float, end: float) -> Samples:
        self.reads.append((start, end))
        handed = np.zeros(round((end - start) * RATE), np.float32)
        for at, sound in self.sounds.items():
            offset = round((at - start) * RATE)
            low, high = max(0, offset), min(len(handed), offset + len(sound))
            if low < high:
                handed[low:high] = sound[low - offset : high - offset]
        return handed


def everywhere(waveform: Waveform) -> list[Turn]:
    return [Turn(start=0.0, end=waveform.duration, speaker="SPEAKER_00")]


def settings(folder: Path) -> WeightSettings:
    return WeightSettings(transcriber=str(folder), device="cpu", batch_size=4)


def opened(folder: Path) -> WhisperTranscriber:
    return WhisperTranscriber(folder, settings(folder))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_recogniser(tmp_path_factory.mktemp("recogniser"))


@pytest.fixture(scope="module")
def engine(checkpoint: Path) -> WhisperTranscriber:
    made: WhisperTranscriber = load_engine("transcriber", "embedded", settings(checkpoint))
    return made


@pytest.fixture(scope="module")
def heard(engine: WhisperTranscriber) -> Transcript:
    sound = Recording({10.0: talk()}, 50.0)
    return engine.transcribe(sound, everywhere(sound), None)


@pytest.mark.slow
def test_words_lie_where_somebody_speaks_in_order(heard: Transcript) -> None:
    assert (heard.engine, heard.language, heard.reason) == ("embedded", "en", None)
    assert len(heard.words) > 10
    for before, after in zip(heard.words, heard.words[1:], strict=False):
        assert before.start <= after.start
        assert before.end <= after.end
    assert heard.heard is not None
    for word in heard.words:
        assert 10.0 - PAD <= word.start < word.end <= 40.0 + PAD
        near = [s for s in heard.heard if s.start - PAD < word.end and word.start < s.end + PAD]
        assert near, "no word lies where the detector hears nobody"


@pytest.mark.slow
def test_every_word_has_the_probability_that_the_calibration_gives(
    heard: Transcript, engine: WhisperTranscriber
) -> None:
    assert heard.scores_are_calibrated
    sound = Recording({10.0: talk()}, 50.0)
    decoded = [w for p in engine._listener.listen(sound, everywhere(sound), "en") for w in p.words]
    logits = [float(CONFIDENCE["bias"]) + np.mean(w.log_probabilities) for w in decoded]
    expected = [1 / (1 + np.exp(-logit)) for logit in logits]
    assert [w.score for w in heard.words] == pytest.approx(expected, rel=1e-3)
    assert len({round(score, 4) for score in expected}) > 1


@pytest.mark.slow
def test_words_come_only_from_the_turns(engine: WhisperTranscriber) -> None:
    sound = Recording({0.0: talk()}, 30.0)
    found = engine.transcribe(sound, [Turn(start=5.0, end=12.0, speaker="SPEAKER_00")], "en-GB")
    assert found.words
    assert all(4.8 <= word.start < word.end <= 12.2 for word in found.words)
    assert found.language == "en-GB"
    assert max(end for _, end in sound.reads) <= 12.2


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["silence", "noise", "tones", "clicks"])
def test_what_is_no_speech_gives_no_words(kind: str, engine: WhisperTranscriber) -> None:
    random = np.random.default_rng(0)
    clicks = np.zeros(20 * RATE, np.float32)
    clicks[:: RATE // 3] = 0.8
    sounds: dict[str, Samples] = {
        "silence": np.zeros(20 * RATE, np.float32),
        "noise": (0.1 * random.standard_normal(20 * RATE)).astype(np.float32),
        "tones": tone_voices(CONVERSATION, 20.0),
        "clicks": clicks,
    }
    sound = Recording({0.0: sounds[kind]}, 20.0)
    found = engine.transcribe(sound, everywhere(sound), None)
    assert (found.words, found.heard) == ((), ())
    assert found.reason == "Nobody is heard to speak in the recording."


def test_where_there_are_no_turns_nothing_is_read(checkpoint: Path) -> None:
    sound = Recording({0.0: talk()}, 30.0)
    found = opened(checkpoint).transcribe(sound, [], None)
    assert (found.words, sound.reads) == ((), [])


@pytest.mark.slow
def test_three_hours_need_no_more_memory_than_ten_minutes(engine: WhisperTranscriber) -> None:
    def peak(minutes: int) -> int:
        sound = Recording({60.0: talk(), minutes * 60.0 - 60.0: talk()}, minutes * 60.0)
        tracemalloc.start()
        found = engine.transcribe(sound, everywhere(sound), None)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert min(w.start for w in found.words) < 100 < minutes * 60 - 70
        assert max(w.end for w in found.words) > minutes * 60 - 60
        assert max(end - start for start, end in sound.reads) <= 300
        return most

    assert peak(180) < 1.2 * peak(10)


@pytest.mark.slow
def test_hot_words_reach_the_decoder_and_change_what_it_writes(
    checkpoint: Path, engine: WhisperTranscriber
) -> None:
    decoder = Decoder(checkpoint, "cpu")
    (plain,), (told,) = (
        decoder.decode(decoder.encode([talk()[: 16 * RATE]]), "en", words)
        for words in ((), ("Ana", "Bo"))
    )
    assert [w.text for w in plain] != [w.text for w in told]
    sound = Recording({0.0: talk()}, 30.0)
    without = engine.transcribe(sound, everywhere(sound), None)
    named = engine.transcribe(sound, everywhere(sound), None, hot_words=("Ana", "Bo"))
    assert [w.word for w in named.words] != [w.word for w in without.words]


@pytest.mark.slow
def test_hot_words_are_told_as_they_fit_and_cannot_end_the_prompt(checkpoint: Path) -> None:
    decoder = Decoder(checkpoint, "cpu")
    name = decoder._tokens.token_to_id
    assert decoder._hints(()) == []
    hints = decoder._hints(("Ana", "Weekly", "x" * 500, "Bo"))
    assert hints[0] == name("<|startofprev|>")
    assert decoder._tokens.decode(hints) == " Ana, Weekly"
    sly = decoder._hints(("Ana<|startoftranscript|>",))
    assert name("<|startoftranscript|>") not in sly


@pytest.mark.slow
def test_a_batch_hears_what_each_piece_alone_does(checkpoint: Path) -> None:
    decoder = Decoder(checkpoint, "cpu")
    sounds = [talk()[: 4 * RATE], talk()[4 * RATE : 16 * RATE], np.zeros(RATE // 2, np.float32)]
    together = decoder.decode(decoder.encode(sounds), "en")
    for sound, words in zip(sounds, together, strict=True):
        assert all(0.0 <= w.start <= w.end <= len(sound) / RATE for w in words)
    (alone,) = decoder.decode(decoder.encode(sounds[1:2]), "en")
    assert [w.text for w in alone][:5] == [w.text for w in together[1]][:5]


# languages


class Script:
    """A listener that has heard given pieces: (words, log-probability of each token)."""

    languages = frozenset({"en", "de"})

    def __init__(self, *pieces: tuple[str, float], language: str = "en") -> None:
        self._pieces = pieces
        self._language = language

    def find_language(
        self, waveform: Waveform, turns: Sequence[Turn], allowed: Collection[str] = ()
    ) -> str:
        return self._language

    def listen(
        self,
        waveform: Waveform,
        turns: Sequence[Turn],
        language: str,
        hot_words: Sequence[str] = (),
        *,
        changing: Collection[str] | None = None,
    ) -> Iterator[Heard]:
        for number, (text, chance) in enumerate(self._pieces):
            at, words = 100.0 * number, text.split()
            spans = ((at, at + len(words)),)
            decoded = [
                DecodedWord(word, float(n), n + 0.8, (chance,)) for n, word in enumerate(words)
            ]
            spoken = "de" if changing is not None and number % 2 else language
            yield Heard(Splice(spans), decoded, list(spans), spoken)


def scripted(
    checkpoint: Path, folder: Path, *pieces: tuple[str, float], **confidence: object
) -> WhisperTranscriber:
    """An engine whose words are scripted; `confidence` changes its calibration."""
    shutil.copytree(checkpoint, folder, dirs_exist_ok=True)
    content = {**CONFIDENCE, "bias": 0.0, **confidence}
    (folder / "confidence.json").write_text(json.dumps(content))
    made = opened(folder)
    made._listener = Script(*pieces)  # type: ignore[assignment]
    return made


def test_names_that_were_nearly_heard_are_put_right(checkpoint: Path, tmp_path: Path) -> None:
    unsure = scripted(checkpoint, tmp_path, ("zzyz lark spir's zzyz", -1.0))
    sound = Recording({}, 200.0)
    told = unsure.transcribe(sound, [], "en", hot_words=("Dana Larkspur",))
    assert [word.word for word in told.words] == ["zzyz", "Larkspur's", "zzyz"]
    name = told.words[1]
    assert (name.start, name.end) == (1.0, 2.8)
    assert name.score == pytest.approx((7 / 8 + 1) / 2)
    untold = unsure.transcribe(sound, [], "en")
    assert [word.word for word in untold.words] == ["zzyz", "lark", "spir's", "zzyz"]


def test_a_told_language_that_is_not_english_is_not_listened_to(
    engine: WhisperTranscriber,
) -> None:
    sound = Recording({0.0: talk()}, 30.0)
    found = engine.transcribe(sound, everywhere(sound), "de-CH")
    assert (found.words, found.language, sound.reads) == ((), "de-CH", [])
    assert found.reason == (
        "The recogniser knows English only, and the language is 'de-CH': put captions MEETING.vtt "
        "beside the recording, or name another recogniser in weights.transcriber."
    )


def test_where_the_language_changes_every_stretch_has_its_own(
    checkpoint: Path, tmp_path: Path
) -> None:
    engine = scripted(checkpoint, tmp_path, ("all is well", 0.0), ("das ist gut", 0.0))
    one = engine.transcribe(Recording({}, 200.0), [], None)
    assert (one.language, one.languages) == ("en", ())
    both = engine.transcribe(Recording({}, 200.0), [], None, language_changes=True)
    assert both.language == "en"
    assert [(part.start, part.language) for part in both.languages] == [(0.0, "en"), (100.0, "de")]


def test_what_is_in_no_lexicon_is_unsure_however_sure_the_decoder_is(
    checkpoint: Path, tmp_path: Path
) -> None:
    engine = scripted(checkpoint, tmp_path, ("a crockedile and turbulants near Larkspur", 3.0))
    found = engine.transcribe(Recording({}, 200.0), [], "en", hot_words=("Dana Larkspur",))
    unsure = [w.word for w in found.words if (w.score or 0.0) < 0.3]
    assert unsure == ["crockedile", "turbulants"]
    german = engine.transcribe(Recording({}, 200.0), [], "de")
    assert "near" in [w.word for w in german.words if (w.score or 0.0) < 0.3]


@pytest.mark.slow
@pytest.mark.needs_shared
@pytest.mark.skipif(not is_there("whisper-base", WeightSettings()), reason="weights not fetched")
@pytest.mark.parametrize(
    ("corpus", "file", "language", "words"),
    [
        ("emodb", "03a02Nc.opus", "de", {"mittwoch", "abgeben"}),
        ("ravdess", "03-01-01-01-01-01-01.opus", "en", {"kids", "door"}),
    ],
)
def test_the_language_of_a_clip_is_found_and_its_words_are(
    corpus: str, file: str, language: str, words: set[str], shared: Path
) -> None:
    with tarfile.open(shared / "data" / "speech" / f"{corpus}.tar") as archive:
        member = next(m for m in archive.getmembers() if Path(m.name).name == file)
        coded = archive.extractfile(member)
        assert coded is not None
        samples = decode_audio(io.BytesIO(coded.read()), sampling_rate=RATE)
    sound = Recording({0.0: samples}, len(samples) / RATE)
    engine = load_engine("transcriber", "embedded", WeightSettings(device="cpu"))
    found = engine.transcribe(sound, everywhere(sound), None)
    assert found.language == language
    assert words <= {word.word.strip(".,?!").lower() for word in found.words}


def test_a_piece_without_a_word_that_may_be_right_has_none(
    checkpoint: Path, tmp_path: Path
) -> None:
    # scores are 1 / (1 + e^4) = 0.018 and 1 / 2
    pieces = (("Yeah", -4.0), ("all is well", 0.0))
    found = scripted(checkpoint, tmp_path, *pieces).transcribe(Recording({}, 200.0), [], None)
    assert [w.word for w in found.words] == ["all", "is", "well"]
    nothing = scripted(checkpoint, tmp_path, ("Yeah", -4.0)).transcribe(
        Recording({}, 200.0), [], None
    )
    assert nothing.words == ()
    assert nothing.reason == "The recogniser heard no words in the recording."


# loops


def test_a_loop_is_said_once_and_unsurely(checkpoint: Path, tmp_path: Path) -> None:
    pieces = (("so I think we I think we I think we I think we do", 3.0), ("all is well", 3.0))
    found = scripted(checkpoint, tmp_path, *pieces).transcribe(Recording({}, 200.0), [], None)
    assert [w.word for w in found.words] == ["so", "I", "think", "we", "do", "all", "is", "well"]
    assert [w.word for w in found.words if (w.score or 0) < 0.3] == ["I", "think", "we"]
    assert [(s.start, s.end) for s in found.looped] == [(1.0, 12.8)]


# what ships, what is given, what is broken


def test_without_its_network_the_profile_has_no_words_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.network_store.places", lambda *_: [])
    none = whisper.open_embedded(WeightSettings())
    reason = none.transcribe(Recording({}, 1.0), [], "en").reason
    assert reason is not None
    assert "run 'tonescribe weights fetch whisper-base'" in reason


def test_any_folder_and_any_calibration_in_it_serve(checkpoint: Path, tmp_path: Path) -> None:
    copy = tmp_path / "other"
    shutil.copytree(checkpoint, copy)
    (copy / "confidence.json").write_text(json.dumps({**CONFIDENCE, "bias": 1.0}))
    made = [whisper.open_embedded(settings(folder)) for folder in (checkpoint, copy)]
    made.append(whisper.open_standard(settings(checkpoint)))
    assert made[0].digest == made[2].digest != made[1].digest


def test_a_path_that_is_no_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"There is no folder .*nowhere: weights\.transcriber"):
        whisper.open_embedded(WeightSettings(transcriber=str(tmp_path / "nowhere")))


@pytest.mark.parametrize("name", ["model.bin", "tokenizer.json", "config.json"])
def test_a_missing_file_is_one_sentence(name: str, checkpoint: Path, tmp_path: Path) -> None:
    shutil.copytree(checkpoint, tmp_path, dirs_exist_ok=True)
    (tmp_path / name).unlink()
    with pytest.raises(WeightsError, match=f"lacks {name}"):
        opened(tmp_path)


@pytest.mark.parametrize("name", ["model.bin", "tokenizer.json", "confidence.json"])
def test_a_broken_file_is_one_sentence(name: str, checkpoint: Path, tmp_path: Path) -> None:
    shutil.copytree(checkpoint, tmp_path, dirs_exist_ok=True)
    (tmp_path / name).write_text("{")
    with pytest.raises(WeightsError, match=r"cannot be loaded|no calibration of words") as caught:
        opened(tmp_path)
    assert "\n" not in caught.value.sentence


def test_a_recogniser_with_other_tokens_is_one_sentence(checkpoint: Path, tmp_path: Path) -> None:
    shutil.copytree(checkpoint, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "tokenizer.json"
    path.write_text(path.read_text().replace("<|startofprev|>", "<|before|>"))
    with pytest.raises(WeightsError, match="is no Whisper: its tokenizer lacks"):
        opened(tmp_path)


def test_the_identity_follows_every_file_of_the_folder(checkpoint: Path, tmp_path: Path) -> None:
    shutil.copytree(checkpoint, tmp_path, dirs_exist_ok=True)
    before = identify("transcriber", "embedded", settings(tmp_path))
    (tmp_path / "confidence.json").write_text(json.dumps({**CONFIDENCE, "bias": 11.5}))
    assert identify("transcriber", "embedded", settings(tmp_path)) != before

"""The recogniser's training: talk, voices, windows, vocabulary, stages, export."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from flows.train import train
from models.protocols import Samples
from schemas.errors import SettingsError, WeightsError
from schemas.values import SAMPLE_RATE
from tasks.training import synthetic_voices, words_clips, words_windows
from tasks.training.spoken_text import REPORTED_MEETINGS, Spoken, draw, spoken, spoken_texts
from tasks.training.synthetic_voices import UNHEARD, Voice, choose, speak, voices_here
from tasks.training.words_clips import Clip, hear_clips
from tasks.training.words_looks import Looks, collate, mask, spoken_part
from tasks.training.words_material import TRAINED_ACTORS, parts, parts_of, read_part
from tasks.training.words_network import (
    Recogniser,
    freeze_all_but_embedding,
    freeze_encoder,
    start_network,
    thaw,
)
from tasks.training.words_told import CHOSEN_ACTORS, CHOSEN_ON
from tasks.training.words_vocabulary import END, PLAIN, PREVIOUS, START, Vocabulary, prune
from tasks.training.words_windows import Recorded, Sources, make_window
from tests.material.checkpoints import whisper_without_embedding

VOICE = Voice("flite", "slt")
TEXTS = {"ami": [Spoken("Um well the cat sat", "Well the cat sat.", "ami")]}


@pytest.fixture
def beeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A voice that needs no program: half a second of a tone."""

    def beep(text: str, voice: Voice, random: np.random.Generator) -> Samples:
        times = np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE
        return (0.3 * np.sin(2 * np.pi * random.uniform(200, 400) * times)).astype(np.float32)

    for module in (words_windows, words_clips):
        monkeypatch.setattr(module, "speak", beep)


@pytest.fixture
def start(tmp_path: Path) -> Path:
    return whisper_without_embedding(tmp_path / "start")


@pytest.fixture
def vocabulary(start: Path) -> Vocabulary:
    return prune(start / "tokenizer.json", {"Ġthe": 5, "Ġcat": 3}, 262)


@pytest.fixture
def recogniser(start: Path, vocabulary: Vocabulary) -> Recogniser:
    return start_network(start, vocabulary)


def tokenizer_of(vocabulary: Vocabulary):
    from tokenizers import Tokenizer

    return Tokenizer.from_str(json.dumps(vocabulary.tokenizer))


@pytest.mark.parametrize(
    ("text", "said", "written"),
    [
        (
            "So he 's <disfmarker> going , um , home",
            "So he's going, um, home",
            "So he's going, home.",
        ),
        ("Mm-hmm .", "Mm-hmm.", ""),
        ("uh-huh", "uh-huh", "Uh-huh."),
        ("OK , so is it ok", "Okay, so is it okay", "Okay, so is it okay."),
        ("Don ' t be sad .", "Don't be sad.", "Don't be sad."),
        ("the X_M_L_ file", "the XML file", "The XML file."),
        ("yes — really…", "yes, really", "Yes, really."),
    ],
)
def test_what_is_said_and_what_is_written(text: str, said: str, written: str) -> None:
    found = spoken(text, "icsi")
    assert found is not None
    assert (found.said, found.written) == (said, written)


@pytest.mark.parametrize("text", ["it costs 40 euros", "[NAME] left", "see http://x.y", "", "😀"])
def test_what_a_voice_cannot_say_as_it_is_written_is_left_out(text: str) -> None:
    assert spoken(text, "goemotions") is None


@pytest.mark.needs_shared
def test_no_word_of_a_reported_meeting_is_read(shared: Path) -> None:
    import pyarrow.parquet as pq

    path = shared / "data" / "meeting" / "ami_words.parquet"
    rows = pq.read_table(path, columns=["meeting"]).column("meeting").to_pylist()
    assert set(rows) >= REPORTED_MEETINGS, "else leaving them out would prove nothing"
    names = " ".join(turn.said for turn in spoken_texts(shared / "data")["ami"])
    assert "Ademesoye" not in names  # said in ES2003a alone
    assert "specification" in names


def test_corpora_are_drawn_by_their_shares_and_missing_ones_are_no_fault() -> None:
    texts = TEXTS | {"icsi": [Spoken("no", "No.", "icsi")]}
    turns = draw(texts, {"ami": 0.9, "icsi": 0.1, "meld": 0.5}, np.random.default_rng(0))
    corpora = [next(turns).corpus for _ in range(2000)]
    assert 0.8 < corpora.count("ami") / 2000 < 0.97


def test_no_corpus_of_talk_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="No corpus of talk"):
        spoken_texts(tmp_path)


def test_a_voice_set_aside_is_never_drawn() -> None:
    voices = dict.fromkeys([*UNHEARD, VOICE], 1.0)
    random = np.random.default_rng(0)
    assert {choose(voices, UNHEARD, random) for _ in range(200)} == {VOICE}


def test_without_a_synthesiser_one_sentence_names_the_packages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(synthetic_voices.shutil, "which", lambda _: None)
    with pytest.raises(SettingsError, match="espeak-ng"):
        voices_here()


def test_a_synthesiser_that_fails_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = synthetic_voices.ENGINES["flite"]
    engine = type(broken)("false", "x", 1.0, {"slt": None}, lambda *_: ["false"])
    monkeypatch.setitem(synthetic_voices.ENGINES, "flite", engine)  # type: ignore[arg-type]
    assert len(speak("hello", VOICE, np.random.default_rng(0))) == 0


@pytest.mark.usefixtures("beeps")
def test_a_window_depends_on_its_number_and_seed_alone() -> None:
    sources = Sources(TEXTS, {VOICE: 1.0})
    first, again = make_window(sources, 7, 3), make_window(sources, 7, 3)
    other = make_window(sources, 8, 3)
    np.testing.assert_array_equal(first.samples, again.samples)
    assert first.written == again.written
    assert len(first.samples) != len(other.samples)


@pytest.mark.usefixtures("beeps")
def test_windows_are_at_most_half_a_minute_and_some_have_nobody_in_them() -> None:
    windows = [make_window(Sources(TEXTS, {VOICE: 1.0}), number) for number in range(60)]
    assert all(0 < len(window.samples) <= 30 * SAMPLE_RATE for window in windows)
    assert 0 < sum(not window.written for window in windows) < 12
    assert all(np.abs(window.samples).max() <= 1.001 for window in windows)


@pytest.mark.usefixtures("beeps")
def test_fillers_are_heard_and_not_written_and_real_speech_is_mixed_in() -> None:
    real = Recorded(np.full(4000, 0.1, np.float32), "Real words.")
    sources = Sources(TEXTS, {VOICE: 1.0}, [real], 0.5, is_clean=True)
    written = " ".join(make_window(sources, number).written for number in range(5))
    assert "Real words." in written
    assert "Well the cat sat." in written
    assert "Um" not in written


def test_a_trial_of_few_windows_has_a_part_all_the_same() -> None:
    assert [parts_of(hours) for hours in (0.2, 1.0, 28.0)] == [1, 2, 52]


def test_people_of_reports_are_not_trained_or_chosen_on() -> None:
    reported = {f"{number:02}" for number in range(19, 25)}
    assert not TRAINED_ACTORS & CHOSEN_ACTORS
    assert not reported & (TRAINED_ACTORS | CHOSEN_ACTORS)
    assert not {name.split("_")[1] for name in CHOSEN_ON} & REPORTED_MEETINGS


def test_a_pruned_tokenizer_cuts_frequent_words_as_before_and_spells_the_others(
    start: Path, vocabulary: Vocabulary
) -> None:
    from tokenizers import Tokenizer

    before = Tokenizer.from_file(str(start / "tokenizer.json"))
    after = tokenizer_of(vocabulary)
    assert after.encode(" the cat").tokens == before.encode(" the cat").tokens == ["Ġthe", "Ġcat"]
    assert before.encode(" that").tokens == ["Ġthat"]
    assert after.decode(after.encode(" that Zürich").ids) == " that Zürich"
    ids = [after.token_to_id(name) for name in (END, START, PREVIOUS, PLAIN)]
    assert sorted(ids) == ids
    assert after.get_vocab_size() == vocabulary.size == vocabulary.n_subwords + 8


def test_the_encoder_hears_as_that_of_transformers(recogniser: Recogniser) -> None:
    import torch

    frames = torch.randn(1, 80, 3000)
    with torch.no_grad():
        theirs = recogniser.whisper.model.encoder.eval()(frames).last_hidden_state
        torch.testing.assert_close(recogniser.hear(frames), theirs)
        assert recogniser.hear(frames[..., :200]).shape == (1, 100, 16)


def test_what_is_frozen_does_not_learn(recogniser: Recogniser) -> None:
    def learned() -> set[str]:
        return {name for name, p in recogniser.named_parameters() if p.requires_grad}

    freeze_all_but_embedding(recogniser)
    assert learned() == {"whisper.model.decoder.embed_tokens.weight"}
    freeze_encoder(recogniser)
    assert all(name.startswith("whisper.model.decoder") for name in learned())
    thaw(recogniser)
    frozen = {name for name, _ in recogniser.named_parameters()} - learned()
    assert frozen == {"whisper.model.encoder.embed_positions.weight"}


def test_start_weights_that_are_missing_or_others_are_one_sentence(
    tmp_path: Path, start: Path, vocabulary: Vocabulary
) -> None:
    with pytest.raises(WeightsError, match="lacks"):
        start_network(tmp_path / "nothing", vocabulary)
    (start / "encoder.safetensors").write_bytes(
        (start / "decoder_without_embed_tokens.safetensors").read_bytes()
    )
    with pytest.raises(WeightsError, match="not Whisper's"):
        start_network(start, vocabulary)


def looks_of(vocabulary: Vocabulary, *, is_frames: bool = False) -> Looks:
    heard = [np.random.default_rng(n).normal(size=(80, 3000)).astype(np.float16) for n in range(4)]
    written = ["The cat.", "", "That cat's in Zürich, remembering", "The the the"]
    random = np.random.default_rng(0)
    return Looks(heard, written, tokenizer_of(vocabulary), random, is_frames=is_frames)


def test_a_look_asks_for_the_words_and_their_end_never_for_what_it_was_told(
    vocabulary: Vocabulary,
) -> None:
    looks, tokenizer = looks_of(vocabulary), tokenizer_of(vocabulary)
    end, start, told = (tokenizer.token_to_id(name) for name in (END, START, PREVIOUS))
    hinted = 0
    for _ in range(80):
        look = looks[2]
        asked = [number for number in look["targets"] if number >= 0]
        assert tokenizer.decode(asked[:-1]) == " That cat's in Zürich, remembering"
        assert asked[-1] == end
        assert len(look["input_ids"]) == len(look["targets"])
        first = look["input_ids"].index(start)
        assert look["targets"][: first + 1] == [-100] * (first + 1)
        hinted += look["input_ids"][0] == told
    assert 5 < hinted < 40


def test_a_batch_of_frames_is_as_wide_as_its_longest_sound(vocabulary: Vocabulary) -> None:
    looks = looks_of(vocabulary, is_frames=True)
    short = np.full((80, 3000), -1.5, np.float16)
    short[:, :301] = 0.2
    looks.heard = [short] * 4
    batch = collate([looks[0], looks[1]])
    assert batch["frames"].shape == (2, 80, 402)


def test_masks_leave_most_of_a_window() -> None:
    frames = np.random.default_rng(0).normal(size=(80, 900)).astype(np.float32)
    masked = mask(frames, np.random.default_rng(1))
    assert 0.02 < float((masked != frames).mean()) < 0.6
    assert spoken_part(np.zeros((80, 3000), np.float32)).shape == (80, 100)


def test_clips_are_heard_at_their_own_length(
    recogniser: Recogniser, vocabulary: Vocabulary
) -> None:
    tone = np.sin(np.arange(SAMPLE_RATE) / 10) * 9000
    clips = [
        Clip(tone.astype(np.int16), "The cat."),
        Clip(np.tile(tone, 4).astype(np.int16), "That"),
    ]
    batches = hear_clips(recogniser, clips, tokenizer_of(vocabulary), 8, 0)
    assert len(batches) == 2
    assert [batches[n]["states"].shape for n in range(2)] == [(1, 100, 16), (1, 250, 16)]


@pytest.mark.usefixtures("beeps")
def test_one_command_trains_and_exports_a_recogniser_that_can_be_read(
    tmp_path: Path, start: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All stages on a tiny network and two windows; the measures are left to their own tests."""
    from models.words.decoder import NEEDED_FILES, Decoder
    from tasks.training import words

    out = tmp_path / "out"
    windows = out / "material" / "windows"
    windows.mkdir(parents=True)
    frames = np.random.default_rng(0).normal(size=(2, 80, 3000)).astype(np.float16)
    np.save(windows / "00000.npy", frames)
    (windows / "00000.json").write_text(json.dumps(["The cat.", "That."]))
    shutil.copytree(windows, out / "material" / "aside")
    tone = (np.sin(np.arange(SAMPLE_RATE) / 10) * 9000).astype(np.int16)
    (out / "material" / "clips").mkdir()
    content = {"samples": np.tile(tone, 2), "lengths": [len(tone)] * 2, "written": ["The", "Cat"]}
    np.savez(out / "material" / "clips" / "000.npz", **content)
    monkeypatch.setattr(words, "spoken_texts", lambda _: TEXTS)
    monkeypatch.setattr(words, "N_SUBWORDS", 262)
    monkeypatch.setattr(words, "calibrate_and_measure", lambda *_: {"confidence": {"ece": 0.0}})
    report = train("words", tmp_path, out, start=start, device="cpu")
    assert report.n_train == 4
    assert 0 < report.measures["last stage"]["share"] <= 1
    assert all((report.weights / name).is_file() for name in NEEDED_FILES)
    heads = json.loads((report.weights / "config.json").read_text())["alignment_heads"]
    assert heads == [[0, 0]]
    Decoder(report.weights, "cpu").decode([np.zeros(SAMPLE_RATE, np.float32)])
    assert [path.name for path in parts(windows)] == ["00000"]
    assert read_part(windows / "00000").written == ("The cat.", "That.")


def test_without_material_or_start_one_sentence_says_what_to_give(
    tmp_path: Path, start: Path
) -> None:
    with pytest.raises(SettingsError, match="--make-data"):
        train("words", tmp_path, tmp_path / "out", start=start)
    with pytest.raises(SettingsError, match="--start"):
        train("words", tmp_path, tmp_path / "out")

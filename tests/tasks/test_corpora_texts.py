"""Text corpora keep their splits, and no test text leaks into the training mix."""

from pathlib import Path

import pandas as pd
import pytest

from schemas.errors import InputError
from tasks.corpora.texts import TEXT_CORPORA, TextCorpus, fingerprint, read_texts, read_training_mix

LINES = [
    ("What a lovely day this is", "joy", "en", "train"),
    ("Was für ein schöner Tag heute", "joy", "de", "train"),
    ("I lost my keys again today", "sadness", "en", "train"),
    ("I lost my keys, again, TODAY!", "sadness", "en", "test"),
    ("Yeah", "neutral", "en", "train"),
    ("yeah.", "neutral", "en", "train"),
    ("Yeah.", "neutral", "en", "test"),
    ("They waited for the bus", "anticipation", "en", "train"),
    ("I am torn between two things", "joy,sadness", "en", "train"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    columns = ["text", "label", "lang", "split"]
    pd.DataFrame(LINES, columns=columns).to_parquet(tmp_path / "meld_en.parquet")
    return tmp_path


def corpus_named(name: str) -> TextCorpus:
    return next(corpus for corpus in TEXT_CORPORA if corpus.name == name)


def test_english_rows_with_one_known_emotion_are_read(folder: Path) -> None:
    clips = read_texts(folder, corpus_named("meld"), "train")
    assert [(clip.text, clip.emotion) for clip in clips] == [
        ("What a lovely day this is", "happy"),
        ("I lost my keys again today", "sad"),
        ("Yeah", "neutral"),
        ("yeah.", "neutral"),
    ]
    assert {clip.published_split for clip in clips} == {"train"}


def test_a_test_text_is_left_out_of_the_mix_and_repeats_count_once(folder: Path) -> None:
    mix = {clip.text for clip in read_training_mix(folder, ["meld"], seed=0)}
    assert "What a lovely day this is" in mix
    assert "I lost my keys again today" not in mix  # stands in the test, differently written
    assert len(mix & {"Yeah", "yeah."}) == 1  # too short to be a leak, but once is enough


def test_the_words_make_the_fingerprint() -> None:
    assert fingerprint("I’m  FINE, thanks!") == fingerprint("im fine thanks")


def test_a_missing_table_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no table of labelled texts"):
        read_texts(tmp_path, corpus_named("meld"), "train")


@pytest.mark.needs_shared
def test_a_corpus_without_splits_is_cut_by_its_words(shared: Path) -> None:
    xed = corpus_named("xed")
    parts = {s: read_texts(shared / "data" / "text", xed, s) for s in ("train", "dev", "test")}
    words = {s: {fingerprint(c.text or "") for c in clips} for s, clips in parts.items()}
    assert not words["train"] & words["test"]
    assert not words["train"] & words["dev"]
    assert 0.08 < len(parts["test"]) / sum(map(len, parts.values())) < 0.12

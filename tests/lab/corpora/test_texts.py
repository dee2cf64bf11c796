"""Text corpora keep their splits, languages, dialogues and several emotions."""

from pathlib import Path

import pandas as pd
import pytest

from lab.corpora.labels import LABELS, emotions_of
from lab.corpora.text_overlap import named_alike, shared_dialogues, telling_texts
from lab.corpora.texts import corpus_named, fingerprint, read_texts
from schemas.corpus import Split
from schemas.errors import InputError

COLUMNS = ["text", "label", "lang", "split", "dialogue_id", "utterance_id", "speaker"]
MELD = [
    ("What a lovely day this is", "joy", "en", "train", 0, 1, "Bob"),
    ("Good morning to all of you", "neutral", "en", "train", 0, 0, "Ann"),
    ("I lost my keys again today", "sadness", "en", "train", 0, 2, "Ann"),
    ("Yeah", "neutral", "en", "train", 1, 0, "Ann"),
    ("Was für ein schöner Tag heute", "joy", "de", "train", 1, 1, "Bob"),
    ("You never listen to me at all", "anger", "en", "test", 0, 0, "Ann"),
    ("Yeah.", "neutral", "en", "test", 0, 1, "Bob"),
]
EMORY = [
    ("You never listen to me, at ALL!", "Mad", "en", "train", "train_0", 0, "Ann B"),
    ("And then we went home", "Neutral", "en", "train", "train_0", 1, "Bob C"),
    ("The sea was calm and cold", "Joyful", "en", "train", "train_1", 0, "Bob C"),
    ("Yeah!", "Joyful", "en", "train", "train_1", 1, "Bob C"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pd.DataFrame(MELD, columns=COLUMNS).to_parquet(tmp_path / "meld_en.parquet")
    pd.DataFrame(EMORY, columns=COLUMNS).to_parquet(tmp_path / "emorynlp.parquet")
    return tmp_path


def test_a_split_is_read_in_the_order_of_its_dialogues(folder: Path) -> None:
    clips = read_texts(folder, corpus_named("meld"), "train")
    assert [(clip.turn, clip.emotion) for clip in clips] == [
        (0, "neutral"),
        (1, "happy"),
        (2, "sad"),
        (0, "neutral"),
    ]
    assert clips[2].context == (
        ("Ann", "Good morning to all of you"),
        ("Bob", "What a lovely day this is"),
    )
    assert clips[3].context == ()
    assert {clip.published_split for clip in clips} == {"train"}


def test_only_the_languages_asked_for_are_read(folder: Path) -> None:
    (german,) = read_texts(folder, corpus_named("meld"), "train", ("de",))
    assert german.language == "de"


def test_every_label_of_a_map_is_one_of_ours_or_said_to_be_dropped() -> None:
    assert emotions_of("xed", ["trust", "joy", "anger", "joy"]) == ("happy", "angry")
    assert emotions_of("goemotions", ["approval", "love", "confusion"]) == ("happy", "surprised")
    assert emotions_of("emorynlp", ["Powerful"]) == ()
    assert len(LABELS["goemotions"]) == 28


def test_a_scene_of_two_corpora_cannot_be_trained_on_and_tested(folder: Path) -> None:
    tested = read_texts(folder, corpus_named("meld"), "test")
    trained = read_texts(folder, corpus_named("emorynlp"), "train")
    assert shared_dialogues(trained, telling_texts(tested)) == {"emorynlp/train_0"}
    alike = named_alike(trained, tested)
    assert [clip.dialogue for clip in alike] == ["friends/test_0"] * 2 + ["emorynlp/train_1"] * 2
    with pytest.raises(ValueError, match="dialogue on two sides of a split: friends/test_0"):
        Split(
            train=tuple(alike),
            validation=(),
            test=tuple(tested),
            disjoint_speakers=False,
            disjoint_dialogues=True,
        )


def test_the_words_make_the_fingerprint() -> None:
    assert fingerprint("I’m  FINE, thanks!") == fingerprint("im fine thanks")
    assert fingerprint("Schön, oder?") == "schön oder"


def test_a_broken_table_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "meld_en.parquet").write_text("no table")
    with pytest.raises(InputError, match="is no table of labelled texts"):
        read_texts(tmp_path, corpus_named("meld"), "train")


def test_an_unknown_corpus_is_named_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="no text corpus 'meldd'; known are goemotions, meld"):
        corpus_named("meldd")


@pytest.mark.needs_shared
def test_a_corpus_without_splits_is_cut_by_its_words(shared: Path) -> None:
    corpus, folder = corpus_named("multiemotions"), shared / "data" / "text"
    train, dev, test = (
        read_texts(folder, corpus, split, ("it",)) for split in ("train", "dev", "test")
    )
    words = [{fingerprint(clip.text or "") for clip in part} for part in (train, dev, test)]
    assert not words[0] & words[2]
    assert not words[0] & words[1]
    assert 0.07 < len(test) / (len(train) + len(dev) + len(test)) < 0.13


@pytest.mark.needs_shared
def test_real_dialogues_carry_who_said_what_before(shared: Path) -> None:
    clips = read_texts(shared / "data" / "text", corpus_named("mmeld"), "dev", ("fr",))
    later = [clip for clip in clips if clip.context]
    assert len(later) > 0.7 * len(clips)
    assert all(speaker for clip in later for speaker, _ in clip.context)

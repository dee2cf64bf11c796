"""The mix that the text networks are trained on holds nothing that is tested."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lab.corpora.texts import corpus_named
from lab.text.mix import (
    read_part,
    read_training_mix,
    refuse_shared_scenes,
    sample_of,
    targets_of,
)
from schemas.corpus import LabelledClip
from schemas.errors import InputError

PLAIN = ["text", "label", "lang", "split"]
TURNS = [*PLAIN, "dialogue_id", "utterance_id", "speaker"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    meld = [
        ("You never listen to me at all", "anger", "en", "test", 0, 0, "Ann"),
        ("Yeah.", "neutral", "en", "test", 0, 1, "Bob"),
        ("Yeah", "neutral", "en", "train", 0, 0, "Ann"),
        ("Yeah", "joy", "en", "train", 0, 1, "Bob"),
    ]
    emory = [
        ("You never listen to me, at ALL!", "Mad", "en", "train", "train_0", 0, "Ann B"),
        ("And then we went home", "Neutral", "en", "train", "train_0", 1, "Bob C"),
        ("The sea was calm and cold", "Joyful", "en", "train", "train_1", 0, "Bob C"),
        ("Quite so, my dear friend", "Peaceful", "en", "train", "train_1", 1, "Ann B"),
    ]
    comments = [
        ("you never listen to me at all", "annoyance", "en", "train"),
        ("I love it and I fear it", "love,fear", "en", "train"),
        ("I love it, and I fear it!", "love,fear", "en", "train"),
        ("So sad to hear that", "sadness", "en", "dev"),
    ]
    pd.DataFrame(meld, columns=TURNS).to_parquet(tmp_path / "meld_en.parquet")
    pd.DataFrame(emory, columns=TURNS).to_parquet(tmp_path / "emorynlp.parquet")
    pd.DataFrame(comments, columns=PLAIN).to_parquet(tmp_path / "goemotions.parquet")
    return tmp_path


def test_nothing_that_is_tested_is_trained_on_in_any_corpus(folder: Path) -> None:
    mix = [(clip.corpus, clip.text) for clip in read_training_mix(folder, (), ("en",), 0)]
    # a tested line is left out of every corpus, and of the same series its whole scene; repeats
    # count once outside dialogues; a label that is none of ours leaves the text out
    assert sorted(mix) == [
        ("emorynlp", "The sea was calm and cold"),
        ("goemotions", "I love it and I fear it"),
        ("meld", "Yeah"),
        ("meld", "Yeah"),
    ]


def test_a_mix_with_a_tested_scene_is_refused(folder: Path) -> None:
    tested = read_part(folder, corpus_named("meld"), "test", "en")
    trained = read_part(folder, corpus_named("emorynlp"), "train", "en")
    with pytest.raises(ValueError, match="dialogue on two sides"):
        refuse_shared_scenes(trained, tested)


def test_a_scene_that_emorynlp_tests_is_in_no_training_of_meld(folder: Path) -> None:
    meld = [
        ("We should have left him there", "anger", "en", "train", 5, 0, "Ann"),
        ("Nobody asked what you think", "anger", "en", "train", 5, 1, "Bob"),
        ("It rains again this morning", "sadness", "en", "train", 6, 0, "Ann"),
    ]
    translated = [("Personne ne te l'a demandé", "anger", "fr", "train", 5, 1, "Bob")]
    emory = [("We should have LEFT him there!", "Mad", "en", "test", "test_0", 0, "Ann B")]
    pd.DataFrame(meld, columns=TURNS).to_parquet(folder / "meld_en.parquet")
    pd.DataFrame(translated, columns=TURNS).to_parquet(folder / "mmeld_fr_es.parquet")
    pd.DataFrame(emory, columns=TURNS).to_parquet(folder / "emorynlp.parquet")
    mix = read_training_mix(folder, ("meld", "mmeld"), ("en", "fr"), 0)
    assert [clip.text for clip in mix] == ["It rains again this morning"]
    spoiled = read_part(folder, corpus_named("meld"), "train", "en")
    with pytest.raises(ValueError, match="dialogue on two sides"):
        refuse_shared_scenes(spoiled, read_part(folder, corpus_named("emorynlp"), "test", "en"))


def test_a_corpus_that_would_drown_the_others_is_capped(tmp_path: Path) -> None:
    rows = [(f"text number {i} of many", "joy", "en", "train") for i in range(900)]
    rows += [(f"something sad {i} of many", "sadness", "en", "train") for i in range(5)]
    pd.DataFrame(rows, columns=PLAIN).to_parquet(tmp_path / "dair_emotion.parquet")
    mix = read_training_mix(tmp_path, ("dair",), ("en",), 0)
    assert sum(clip.emotion == "happy" for clip in mix) == 800
    assert sum(clip.emotion == "sad" for clip in mix) == 5


def test_several_emotions_share_a_text(folder: Path) -> None:
    (clip,) = read_training_mix(folder, ("goemotions",), ("en",), 0)
    assert clip.emotion is None
    assert targets_of([clip]).tolist() == [[0, 0.5, 0, 0, 0.5, 0, 0]]
    assert np.allclose(targets_of([clip]).sum(axis=1), 1)


def test_a_sample_shows_who_spoke_before() -> None:
    clip = LabelledClip(
        corpus="meld",
        text="No!",
        label="anger",
        emotion="angry",
        speaker="Ann",
        language="en",
        context=(("Bob", "Come."), ("Ann", "Wait.")),
    )
    sample = sample_of(clip)
    assert (sample.speaker, sample.context) == ("Ann", (("Bob", "Come."), ("Ann", "Wait.")))


def test_a_folder_without_corpora_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no text corpus in"):
        read_training_mix(tmp_path, (), ("en",), 0)

"""Splits: the published folds, the other sentence, and nobody on two sides."""

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from lab.audio.folds import corpus_splits, unseen_corpus
from lab.corpora.iemocap import read_iemocap
from lab.corpora.speech import CORPORA, SUNG, TWINS, read_corpus, read_speech, stem
from lab.corpora.splits import (
    FOLDS,
    PROTOCOL_CORPUS,
    held_out_speakers,
    other_sentence_folds,
    rotating_folds,
    speaker_folds,
    trainable,
)
from schemas.corpus import LabelledClip, Split
from tests.material.corpora import write_iemocap, write_ravdess, write_songs


def clip(speaker: str, name: str = "x", corpus: str = "emodb") -> LabelledClip:
    return LabelledClip(corpus=corpus, source=name, label="anger", emotion="angry", speaker=speaker)


def test_every_protocol_is_of_a_known_corpus_and_tests_each_speaker_once() -> None:
    for protocol, folds in FOLDS.items():
        assert PROTOCOL_CORPUS.get(protocol, protocol) in {*CORPORA, *SUNG, "iemocap"}
        speakers = Counter(speaker for fold in folds for speaker in fold)
        assert set(speakers.values()) == {1}


@pytest.mark.parametrize(
    ("protocol", "n_speakers", "per_fold"),
    [
        ("ravdess", 24, [4, 4, 4, 4, 4, 4]),
        ("ravdess-five", 24, [5, 5, 5, 5, 4]),
        ("emovo", 6, [1] * 6),
        ("savee", 4, [1] * 4),
        ("iemocap", 10, [2] * 5),
        ("crema-d", 91, [19, 18, 18, 18, 18]),
    ],
)
def test_folds_have_the_published_sizes(
    protocol: str, n_speakers: int, per_fold: list[int]
) -> None:
    assert [len(fold) for fold in FOLDS[protocol]] == per_fold
    assert sum(per_fold) == n_speakers


def test_a_song_of_an_actor_is_on_the_side_of_the_actors_speech(tmp_path: Path) -> None:
    write_ravdess(tmp_path)
    write_songs(tmp_path)
    clips = read_speech(tmp_path, ("ravdess", "ravdess-song"))
    for corpus, other in (("ravdess", "ravdess-song"), ("ravdess-song", "ravdess")):
        splits = corpus_splits(clips, corpus)
        assert [{c.speaker for c in split.test} for split in splits] == [{"01"}, {"07"}, {"02"}]
        for split in splits:
            sides = [{c.speaker for c in side} for side in (split.train, split.validation)]
            sides.append({c.speaker for c in split.test})
            assert sorted(map(len, sides)) == [1, 1, 1]
            assert len(set.union(*sides)) == 3
            assert {c.corpus for c in split.test} == {corpus}
            assert {c.corpus for c in split.train} == {corpus, other}
            if corpus == "ravdess-song":
                assert not {c.label for c in split.train} & {"disgust", "surprised"}
    train, held = held_out_speakers(clips, share=8)
    assert {c.corpus for c in held} == {"ravdess", "ravdess-song"}
    assert not {c.speaker for c in train} & {c.speaker for c in held}
    strange = unseen_corpus([*clips, clip("x"), clip("y")], "ravdess-song")
    assert {c.corpus for c in strange.train} == {"emodb"}


def test_a_split_with_an_actors_song_in_training_and_speech_in_the_test_cannot_exist() -> None:
    sung, spoken = clip("01", "a", "ravdess-song"), clip("01", "b", "ravdess")
    with pytest.raises(ValueError, match="speaker on two sides of a split: ravdess/01"):
        Split(train=(sung,), validation=(), test=(spoken,))


def test_the_other_sentence_is_heard_from_unseen_actors_only(tmp_path: Path) -> None:
    write_ravdess(tmp_path)
    clips = read_corpus(tmp_path, "ravdess")
    splits = other_sentence_folds(clips, [("01",), ("02",), ("07",)], 1)
    assert len(splits) == 3
    for split in splits:
        assert split.disjoint_sentences
        assert {c.sentence for c in (*split.train, *split.validation)} == {"01"}
        assert {c.sentence for c in split.test} == {"02"}
        assert len(split.train) == len(split.validation) == len(split.test) == 8


def test_sessions_rotate_so_that_no_dialogue_is_on_two_sides(tmp_path: Path) -> None:
    clips = read_iemocap(write_iemocap(tmp_path))
    splits = rotating_folds(clips, FOLDS["iemocap"], disjoint_dialogues=True)
    assert [{c.speaker for c in split.test} for split in splits] == [
        {f"Ses0{session}F"}
        for session in range(1, 6)  # the men only frustrated or unclear here
    ]
    for split in splits:
        assert len({c.dialogue for c in split.validation}) == 1
        assert len({c.dialogue for c in split.train}) == 3
    assert Counter(c.source for split in splits for c in split.test).most_common(1)[0][1] == 1


def test_folds_of_conversations_never_part_a_session(tmp_path: Path) -> None:
    clips = trainable(read_iemocap(write_iemocap(tmp_path)))
    splits = corpus_splits(clips, "iemocap")
    assert len(splits) == 5
    assert all(split.disjoint_dialogues for split in splits)
    two = [clip for clip in clips if clip.speaker[:5] in ("Ses01", "Ses02")]
    assert corpus_splits(two, "iemocap") == []


@pytest.mark.needs_shared
def test_folds_test_every_clip_once_and_share_no_speaker(shared: Path) -> None:
    clips = read_speech(shared / "data" / "speech")
    there = {clip.corpus for clip in clips}
    for protocol, folds in FOLDS.items():
        corpus = PROTOCOL_CORPUS.get(protocol, protocol)
        if corpus not in there:
            continue
        own = [clip for clip in clips if clip.corpus == corpus]
        splits = speaker_folds(own, folds, 1)
        tested = Counter(clip.source for split in splits for clip in split.test)
        assert set(tested.values()) == {1}
        assert len(tested) == sum(clip.emotion is not None for clip in own)


@pytest.mark.needs_shared
def test_the_five_folds_are_those_of_the_published_posteriors(shared: Path) -> None:
    table = shared / "data" / "face" / "ravdess_posteriors_lunajimenez2022.parquet"
    rows = pd.read_parquet(table, filters=[("split", "==", "val")])
    published = rows.groupby("fold")["actor"].agg(
        lambda actors: {f"{actor:02}" for actor in actors}
    )
    assert sorted(map(sorted, published)) == sorted(map(list, FOLDS["ravdess-five"]))


@pytest.mark.needs_shared
def test_the_twin_recording_is_tested_but_not_trained_on(shared: Path) -> None:
    clips = read_corpus(shared / "data" / "speech", "ravdess")
    for split in speaker_folds(clips, FOLDS["ravdess"], 2):
        trained = {stem(clip.source or "") for clip in (*split.train, *split.validation)}
        assert not trained & TWINS
    assert any(stem(c.source or "") in TWINS for c in clips)


def test_other_corpora_join_the_training_side_only() -> None:
    own = [clip(str(speaker)) for speaker in range(6)]
    other = [clip("0", "y", "emovo")]
    (split,) = speaker_folds(own, [("0", "1")], 1, other)
    assert {c.speaker for c in split.test} == {"0", "1"}
    assert len(split.validation) == 1
    assert other[0] in split.train


def test_speakers_are_held_out_whole_and_of_every_corpus() -> None:
    clips = [clip(str(i % 9), f"{i}", corpus) for i in range(90) for corpus in ("emodb", "emovo")]
    rest, held = held_out_speakers(clips, share=8, seed=3)
    for corpus in ("emodb", "emovo"):
        gone = {c.speaker for c in held if c.corpus == corpus}
        assert len(gone) == 1
        assert not gone & {c.speaker for c in rest if c.corpus == corpus}

"""A corpus is read by its name alone."""

from pathlib import Path

import pytest

from lab.corpora.catalogue import CATALOGUE, read
from schemas.errors import SettingsError, TonescribeError
from tests.material.corpora import (
    write_fer2013,
    write_iemocap,
    write_ravdess,
    write_sounds,
    write_table,
)


def test_corpora_of_all_kinds_are_read_by_name(tmp_path: Path) -> None:
    write_ravdess(tmp_path)
    write_sounds(tmp_path / "SAVEE", ("DC_a01",))
    write_iemocap(tmp_path, sessions=(1,))
    write_fer2013(tmp_path / "fer2013.csv", ["Training", "PrivateTest"])
    write_sounds(tmp_path / "own" / "happy", ("a", "b"))
    write_table(tmp_path / "own.csv", [{"text": "Well done!", "label": "happy"}])
    counts = {"ravdess": 48, "savee": 1, "iemocap": 5, "fer2013": 2}
    assert {name: len(read(name, tmp_path)) for name in counts} == counts
    assert len(read("folder", tmp_path / "own")) == 2
    assert read("csv", tmp_path / "own.csv")[0].text == "Well done!"


def test_an_unknown_name_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no corpus 'CREMAD'; did you mean 'crema-d'\?"):
        read("CREMAD", tmp_path)
    with pytest.raises(SettingsError, match=r"known are ravdess, .*csv\."):
        read("0", tmp_path)


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_every_corpus_has_terms_and_says_where_it_is_missing(tmp_path: Path, name: str) -> None:
    entry = CATALOGUE[name]
    assert entry.terms.endswith(".")
    assert entry.origin
    with pytest.raises(TonescribeError) as raised:
        read(name, tmp_path)
    assert str(tmp_path) in raised.value.sentence


@pytest.mark.needs_shared
def test_the_video_clip_and_the_tables_of_faces_and_words_are_read(shared: Path) -> None:
    (clip,) = read("ravdess-video", shared / "data" / "meeting" / "video")
    assert (clip.speaker, clip.emotion, clip.sentence) == ("01", "neutral", "01")
    assert len(read("fer2013", shared / "data" / "face")) == 35_887
    assert {c.language for c in read("emoevent", shared / "data" / "text")} == {"en", "es"}

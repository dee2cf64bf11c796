"""Voice corpora: read from archives and folders, split by speaker, never leaking."""

import csv
import tarfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from schemas.corpus import LabelledClip
from schemas.emotions import EMOTIONS
from schemas.errors import InputError, SettingsError
from tasks.corpora.labelled_csv import read_labelled_csv
from tasks.corpora.labels import LABELS, NAME_CODES
from tasks.corpora.sound import read_sound
from tasks.corpora.speech import TWINS, read_corpus, read_speech, stem
from tasks.corpora.splits import FOLDS, held_out_speakers, speaker_folds, trainable


def tone(path: Path, seconds: float = 0.5, rate: int = 16_000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    times = np.arange(int(seconds * rate)) / rate
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 220 * times), rate)
    return path


def clip(speaker: str, name: str = "x", corpus: str = "emodb") -> LabelledClip:
    return LabelledClip(corpus=corpus, source=name, label="anger", emotion="angry", speaker=speaker)


def test_every_code_has_a_label_and_every_label_a_meaning() -> None:
    for corpus, codes in NAME_CODES.items():
        assert set(codes.values()) == set(LABELS[corpus])
        assert {label for label in LABELS[corpus].values() if label} <= set(EMOTIONS)


def test_ravdess_is_read_from_its_own_folders_with_calm_as_neutral(tmp_path: Path) -> None:
    actors = tmp_path / "Audio_Speech_Actors_01-24"
    tone(actors / "Actor_07" / "03-01-02-01-01-01-07.wav")
    tone(actors / "Actor_07" / "03-01-05-02-02-01-07.wav")
    tone(actors / "Actor_07" / "notes.wav")
    calm, angry = read_corpus(tmp_path, "ravdess")
    assert (calm.label, calm.emotion, calm.speaker) == ("calm", "neutral", "07")
    assert (angry.emotion, angry.sentence, angry.language) == ("angry", "02", "en")


def test_files_that_a_copy_of_ravdess_holds_twice_are_read_once(tmp_path: Path) -> None:
    tone(tmp_path / "RAVDESS" / "Actor_01" / "03-01-03-01-01-01-01.wav")
    tone(tmp_path / "RAVDESS" / "audio_speech" / "Actor_01" / "03-01-03-01-01-01-01.wav")
    assert len(read_corpus(tmp_path, "ravdess")) == 1


def test_the_other_corpora_are_read_by_their_names(tmp_path: Path) -> None:
    tone(tmp_path / "emodb" / "wav" / "03a01Wa.wav")
    tone(tmp_path / "EMOVO" / "f1" / "gio-f1-b2.wav")
    tone(tmp_path / "nEMO" / "samples" / "EB0_surprised_85.wav")
    found = [
        (c.corpus, c.speaker, c.emotion, c.sentence)
        for c in read_speech(tmp_path, ("emodb", "emovo", "nemo"))
    ]
    assert found == [
        ("emodb", "03", "angry", "a01"),
        ("emovo", "f1", "happy", "b2"),
        ("nemo", "EB0", "surprised", "85"),
    ]


def test_boredom_is_read_and_never_trained_on(tmp_path: Path) -> None:
    tone(tmp_path / "emodb" / "03a01Lb.wav")
    (bored,) = read_corpus(tmp_path, "emodb")
    assert bored.label == "boredom"
    assert trainable([bored]) == ()


def test_sound_is_read_out_of_an_archive_as_it_is_from_a_file(tmp_path: Path) -> None:
    file = tone(tmp_path / "03a01Wa.wav", rate=44_100)
    with tarfile.open(tmp_path / "emodb.tar", "w") as archive:
        archive.add(file, "wav/03a01Wa.wav")
    (inside,) = read_corpus(tmp_path, "emodb")
    assert inside.source is not None
    sound = read_sound(inside.source)
    assert sound.dtype == np.float32
    assert abs(len(sound) - 8_000) < 20
    np.testing.assert_array_equal(sound, read_sound(str(file)))


def test_a_file_without_sound_is_one_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_text("not a sound")
    with pytest.raises(InputError, match=r"broken\.wav cannot be read as sound"):
        read_sound(str(broken))


def test_missing_and_unknown_corpora_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"put nemo\.tar or a folder nemo"):
        read_speech(tmp_path, ("nemo",))
    with pytest.raises(SettingsError, match="no speech corpus 'savee'"):
        read_speech(tmp_path, ("savee",))


@pytest.mark.needs_shared
def test_the_corpora_have_the_counts_that_their_papers_say(shared: Path) -> None:
    clips = read_speech(shared / "data" / "speech")
    assert Counter(clip.corpus for clip in clips) == {
        "ravdess": 1440,
        "emodb": 535,
        "emovo": 588,
        "nemo": 1161,
    }
    ravdess = Counter(clip.emotion for clip in clips if clip.corpus == "ravdess")
    assert ravdess.pop("neutral") == 288
    assert set(ravdess.values()) == {192}


@pytest.mark.needs_shared
def test_folds_test_every_clip_once_and_share_no_speaker(shared: Path) -> None:
    clips = read_speech(shared / "data" / "speech")
    for corpus, folds in FOLDS.items():
        own = [clip for clip in clips if clip.corpus == corpus]
        splits = speaker_folds(own, folds, 1)
        tested = Counter(clip.source for split in splits for clip in split.test)
        assert set(tested.values()) == {1}
        assert len(tested) == sum(clip.emotion is not None for clip in own)


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


def write_table(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_table_names_files_beside_itself(tmp_path: Path) -> None:
    tone(tmp_path / "clips" / 'Ärger "1".wav')
    row = {"path": 'clips/Ärger "1".wav', "label": "angry", "speaker": "Ana", "language": "de"}
    (found,) = read_labelled_csv(write_table(tmp_path / "set.csv", [row]))
    assert found.emotion == "angry"
    assert found.language == "de"
    assert Path(found.source or "").is_file()


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"path": "a.wav", "label": "angr"}, r"Row 2 .* 'angr'; did you mean 'angry'\?"),
        ({"path": "a.wav", "label": "bored!"}, "use one of neutral, happy"),
        ({"path": "none.wav", "label": "sad"}, r"Row 2 .* none\.wav, which is not there"),
        ({"path": "", "label": "sad"}, "neither path nor text"),
        ({"path": "a.wav", "emotion": "sad"}, "needs the columns label"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, row: dict[str, str], sentence: str) -> None:
    tone(tmp_path / "a.wav")
    with pytest.raises(SettingsError, match=sentence):
        read_labelled_csv(write_table(tmp_path / "set.csv", [row]))


def test_an_empty_or_missing_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("text,label\n")
    with pytest.raises(SettingsError, match="has no rows"):
        read_labelled_csv(tmp_path / "empty.csv")
    with pytest.raises(SettingsError, match="There is no file"):
        read_labelled_csv(tmp_path / "nothing.csv")

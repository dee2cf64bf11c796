"""Voice corpora: read from archives and folders in the layouts in which they are published."""

import shutil
import tarfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lab.corpora.labelled_csv import read_labelled_csv
from lab.corpora.labels import LABELS
from lab.corpora.name_codes import NAME_CODES
from lab.corpora.sound import read_sound
from lab.corpora.speech import CORPORA, read_corpus, read_speech, stem
from lab.corpora.splits import trainable
from schemas.emotions import EMOTIONS
from schemas.errors import InputError, SettingsError
from tests.material.corpora import (
    RAVDESS_FILES,
    RAVDESS_SONGS,
    write_iemocap,
    write_ravdess,
    write_songs,
    write_sounds,
    write_table,
    write_zip,
)


def tone(path: Path, seconds: float = 0.5, rate: int = 16_000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    times = np.arange(int(seconds * rate)) / rate
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 220 * times), rate)
    return path


def test_every_code_has_a_label_and_every_label_a_meaning() -> None:
    for corpus, codes in NAME_CODES.items():
        assert set(codes.values()) == set(LABELS[corpus]), corpus
        assert {label for label in LABELS[corpus].values() if label} <= set(EMOTIONS)


def test_ravdess_is_read_from_its_own_folders_with_calm_as_neutral(tmp_path: Path) -> None:
    actors = tmp_path / "Audio_Speech_Actors_01-24"
    tone(actors / "Actor_07" / "03-01-02-01-01-01-07.wav")
    tone(actors / "Actor_07" / "03-01-05-02-02-01-07.wav")
    tone(actors / "Actor_07" / "notes.wav")
    calm, angry = read_corpus(tmp_path, "ravdess")
    assert (calm.label, calm.emotion, calm.speaker) == ("calm", "neutral", "07")
    assert (angry.emotion, angry.sentence, angry.language) == ("angry", "02", "en")


def test_songs_of_ravdess_are_read_by_their_own_name_and_never_with_the_speech(
    tmp_path: Path,
) -> None:
    write_ravdess(tmp_path)
    songs = read_corpus(write_songs(tmp_path), "ravdess-song")
    assert len(songs) == len(RAVDESS_SONGS)
    assert {clip.corpus for clip in songs} == {"ravdess-song"}
    assert Counter(clip.emotion for clip in songs)["neutral"] == 2 * 6  # calm is neutral
    assert not {clip.emotion for clip in songs} & {"disgust", "surprised"}
    for spoken in (read_speech(tmp_path), read_speech(tmp_path, ("ravdess",))):
        assert {stem(clip.source or "")[:5] for clip in spoken} == {"03-01"}
    both = read_speech(tmp_path, ("ravdess", "ravdess-song"))
    assert Counter(clip.corpus for clip in both) == {"ravdess": 48, "ravdess-song": 36}
    with pytest.raises(SettingsError, match="No speech corpus was found"):
        read_speech(tmp_path / "Audio_Song_Actors_01-24")


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
    with pytest.raises(SettingsError, match=r"no speech corpus 'save'; known are .*savee"):
        read_speech(tmp_path, ("save",))
    with pytest.raises(SettingsError, match=r"No speech corpus was found .* NAME\.zip"):
        read_speech(tmp_path)


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


def test_copies_packed_as_zip_are_read_and_decoded(tmp_path: Path) -> None:
    loose = write_ravdess(tmp_path / "loose")
    write_zip(tmp_path / "Audio_Speech_Actors_01-24.zip", loose)
    clips = read_corpus(tmp_path, "ravdess")
    assert [stem(c.source or "") for c in clips] == sorted(RAVDESS_FILES)
    assert {c.intensity for c in clips} == {"normal"}
    assert len(read_sound(clips[0].source or "")) == 4_000


def test_the_corpus_folder_itself_may_be_named(tmp_path: Path) -> None:
    assert len(read_corpus(write_ravdess(tmp_path), "ravdess")) == len(RAVDESS_FILES)


def test_savee_is_read_from_speakers_folders_and_from_flat_names(tmp_path: Path) -> None:
    names = ("DC/a01", "DC/sa02", "JE/su15", "KL/n30", "JK/f03")
    write_sounds(tmp_path / "kept" / "AudioData", names)
    write_sounds(tmp_path / "flat" / "SAVEE", (name.replace("/", "_") for name in names))
    expected = [
        ("DC", "anger", "angry"),
        ("DC", "sadness", "sad"),
        ("JE", "surprise", "surprised"),
        ("JK", "fear", "fearful"),
        ("KL", "neutral", "neutral"),
    ]
    for layout in ("kept", "flat"):
        clips = read_corpus(tmp_path / layout, "savee")
        assert [(c.speaker, c.label, c.emotion) for c in clips] == expected


def test_crema_d_is_read_as_it_was_meant_or_as_it_was_heard(tmp_path: Path) -> None:
    names = ("1001_DFA_ANG_XX", "1001_IEO_HAP_LO", "1040_ITH_SAD_X", "1091_WSI_FEA_XX")
    write_sounds(tmp_path / "CREMA-D" / "AudioWAV", names)
    meant = read_corpus(tmp_path, "crema-d")
    assert [(c.speaker, c.emotion, c.sentence, c.intensity) for c in meant] == [
        ("1001", "angry", "DFA", None),
        ("1001", "happy", "IEO", "low"),
        ("1040", "sad", "ITH", None),
        ("1091", "fearful", "WSI", None),
    ]
    with pytest.raises(SettingsError, match=r"votes of CREMA-D need summaryTable\.csv"):
        read_corpus(tmp_path, "crema-d-consensus")
    votes = [("1001_DFA_ANG_XX", "A"), ("1001_IEO_HAP_LO", "N"), ("1091_WSI_FEA_XX", "D:F")]
    write_table(
        tmp_path / "CREMA-D" / "processedResults" / "summaryTable.csv",
        [{"FileName": name, "VoiceVote": vote, "FaceVote": "H"} for name, vote in votes],
    )
    heard = read_corpus(tmp_path, "crema-d-consensus")
    assert [(c.label, c.emotion) for c in heard] == [
        ("anger", "angry"),
        ("neutral", "neutral"),
        ("disgust:fear", None),
    ]


def test_tess_is_read_with_its_misnamed_file_and_doubled_folders(tmp_path: Path) -> None:
    root = tmp_path / "TESS Toronto emotional speech set data"
    write_sounds(root / "OAF_angry", ("OAF_back_angry",))
    write_sounds(root / "OAF_neutral", ("OA_bite_neutral",))
    write_sounds(root / "YAF_pleasant_surprised", ("YAF_young_ps",))
    write_sounds(root / root.name / "OAF_angry", ("OAF_back_angry",))
    clips = read_corpus(tmp_path, "tess")
    assert [(c.speaker, c.emotion, c.sentence) for c in clips] == [
        ("OAF", "angry", "back"),
        ("OAF", "neutral", "bite"),
        ("YAF", "surprised", "young"),
    ]


def test_all_corpora_that_are_there_are_read_when_none_is_named(tmp_path: Path) -> None:
    write_sounds(tmp_path / "SAVEE", ("DC_a01",))
    write_sounds(tmp_path / "emovo", ("gio-f1-b2",))
    assert [clip.corpus for clip in read_speech(tmp_path)] == ["emovo", "savee"]


@pytest.mark.parametrize("name", sorted(CORPORA))
def test_an_empty_or_damaged_copy_of_a_corpus_is_one_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match=rf"^There is no folder .*; name .* holds {name}\.$"):
        read_corpus(tmp_path / "nothing", name)
    (tmp_path / name).mkdir()
    (tmp_path / name / "readme.wav").write_bytes(b"")
    with pytest.raises(SettingsError, match=rf"^No {name} recordings were found under .*\.$"):
        read_corpus(tmp_path, name)
    (tmp_path / f"{name}.tar").write_bytes(b"half a download")
    with pytest.raises(InputError, match=rf"{name}\.tar is no whole, uncompressed tar"):
        read_corpus(tmp_path, name)
    (tmp_path / f"{name}.tar").unlink()
    (tmp_path / f"{name}.zip").write_bytes(b"half a download")
    with pytest.raises(InputError, match=rf"{name}\.zip is no whole zip"):
        read_corpus(tmp_path, name)


def test_a_damaged_file_in_an_archive_is_one_sentence(tmp_path: Path) -> None:
    write_sounds(tmp_path / "loose", ("03a01Wa",))
    archive = write_zip(tmp_path / "emodb.zip", tmp_path / "loose")
    packed = bytearray(archive.read_bytes())
    packed[60:100] = bytes(40)
    archive.write_bytes(packed)
    (clip,) = read_corpus(tmp_path, "emodb")
    with pytest.raises(InputError, match=r"03a01Wa\.wav (is damaged|cannot be read as sound)"):
        read_sound(clip.source or "")


def test_iemocap_is_read_with_its_words_dialogues_and_those_before(tmp_path: Path) -> None:
    write_iemocap(tmp_path, sessions=(1, 2))
    clips = read_corpus(tmp_path, "iemocap")
    assert len(clips) == 10
    first = clips[:5]
    assert [(c.speaker, c.label, c.emotion, c.turn) for c in first] == [
        ("Ses01F", "neutral", "neutral", 0),
        ("Ses01M", "frustration", None, 1),
        ("Ses01F", "excitement", "happy", 2),
        ("Ses01M", "no agreement", None, 3),
        ("Ses01F", "anger", "angry", 4),
    ]
    assert first[2].text == "Yeah!"
    assert first[2].context == (("Ses01F", "Excuse me."), ("Ses01M", "Do you have your forms?"))
    assert {c.dialogue for c in clips} == {"iemocap/Ses01F_impro01", "iemocap/Ses02F_impro01"}
    assert len(read_sound(first[0].source or "")) == 4_000


def test_iemocap_without_sounds_is_read_for_its_words(tmp_path: Path) -> None:
    root = write_iemocap(tmp_path, sessions=(3,))
    shutil.rmtree(root / "Session3" / "sentences")
    assert {(c.source, bool(c.text)) for c in read_corpus(tmp_path, "iemocap")} == {(None, True)}


def test_a_broken_release_of_iemocap_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No IEMOCAP session was found"):
        read_corpus(tmp_path, "iemocap")
    root = write_iemocap(tmp_path, sessions=(1,))
    (judged,) = (root / "Session1" / "dialog" / "EmoEvaluation").glob("*.txt")
    judged.write_text("[0.1 - 0.2]\tSes01F_impro01_F000\tjoy\t[1, 1, 1]\n")
    with pytest.raises(InputError, match=r"impro01\.txt has the line .*joy.* is no judgement"):
        read_corpus(tmp_path, "iemocap")
    judged.unlink()
    with pytest.raises(SettingsError, match=r"Session1 has no dialog/EmoEvaluation"):
        read_corpus(tmp_path, "iemocap")


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

"""Text corpora are read as their authors publish them."""

import json
from pathlib import Path

import pytest

from lab.corpora.text_layouts import LAYOUTS
from lab.corpora.texts import TEXT_CORPORA, corpus_named, read_texts
from schemas.corpus import LabelledClip
from schemas.errors import InputError


def put(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")


def read(folder: Path, name: str, split: str, language: str = "en") -> list[LabelledClip]:
    return read_texts(folder, corpus_named(name), split, (language,))  # type: ignore[arg-type]


def test_every_corpus_has_a_layout_and_labels() -> None:
    assert {corpus.name for corpus in TEXT_CORPORA} == set(LAYOUTS)


def test_goemotions_numbers_become_names_and_groups(tmp_path: Path) -> None:
    files = {f"goemotions/{split}.tsv": "" for split in ("dev", "test")}
    files["goemotions/emotions.txt"] = "admiration\nannoyance\nneutral\n"
    files["goemotions/train.tsv"] = 'So good!\t0\tab1\nUgh "fine\t1,0\tab2\nA table.\t2\tab3\n'
    put(tmp_path, files)
    clips = read(tmp_path, "goemotions", "train")
    assert [clip.emotion for clip in clips] == ["happy", None, "neutral"]
    assert clips[1].emotions == ("angry", "happy")
    assert clips[1].text == 'Ugh "fine'


MELD = (
    "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode\n"
    "1,Hi there.,Ann,neutral,neutral,0,0,1,1\n"
    '2,"Oh, you\x92re back!",Bob,joy,positive,0,1,1,1\n'
    "3,And you left me.,Ann,anger,negative,0,2,1,1\n"
    "4,Who is this?,Cid,surprise,neutral,1,0,1,1\n"
)


def test_meld_gives_each_line_what_was_said_before(tmp_path: Path) -> None:
    put(tmp_path, {"meld/train_sent_emo.csv": MELD, "meld/test_sent_emo.csv": MELD})
    clips = read(tmp_path, "meld", "train")
    assert clips[2].context == (("Ann", "Hi there."), ("Bob", "Oh, you’re back!"))
    assert (clips[2].speaker, clips[2].turn, clips[2].emotion) == ("Ann", 2, "angry")
    assert clips[3].context == ()
    assert {c.dialogue for c in clips} == {"friends/train_0", "friends/train_1"}
    assert read(tmp_path, "meld", "test")[0].dialogue == "friends/test_0"


def test_translations_of_meld_are_told_by_their_names(tmp_path: Path) -> None:
    put(tmp_path, {"mmeld/french/MELD_fr_train.csv": MELD, "mmeld/MELD_es_dev.csv": MELD})
    assert len(read(tmp_path, "mmeld", "train", "fr")) == 4
    assert len(read(tmp_path, "mmeld", "dev", "es")) == 4
    assert read(tmp_path, "mmeld", "train", "es") == []


def test_emorynlp_scenes_are_dialogues(tmp_path: Path) -> None:
    said = [
        {"speakers": ["Ann Bee"], "transcript": "Well  then.", "emotion": "Peaceful"},
        {"speakers": ["Bob Cee"], "transcript": "Stop it!", "emotion": "Mad"},
    ]
    scenes = {"episodes": [{"scenes": [{"scene_id": "s01_e02_c01", "utterances": said}]}]}
    put(tmp_path, {"emorynlp/json/emotion-detection-trn.json": json.dumps(scenes)})
    clips = read(tmp_path, "emorynlp", "train")
    assert [clip.emotion for clip in clips] == [None, "angry"]
    assert clips[1].context == (("Ann Bee", "Well then."),)
    assert clips[1].dialogue == "emorynlp/s01_e02_c01"


def test_emorynlp_is_read_from_its_tables_too(tmp_path: Path) -> None:
    table = (
        "Utterance,Speaker,Emotion,Scene_ID,Utterance_ID,Season,Episode\n"
        "Well.,\"['Ann']\",Joyful,3,1,1,2\n"
    )
    put(tmp_path, {"emorynlp/emorynlp_dev_final.csv": table})
    (clip,) = read(tmp_path, "emorynlp", "dev")
    assert (clip.emotion, clip.dialogue) == ("happy", "emorynlp/s1_e2_c3")


def test_dailydialog_is_cut_at_its_marks_and_two_take_turns(tmp_path: Path) -> None:
    texts = "Hello . __eou__ Hi ! __eou__ Bye . __eou__\nOne line . __eou__\n"
    numbers = "0 4 5\n0 0\n"
    base = "dailydialog/validation/dialogues"
    files = {f"{base}_validation.txt": texts, f"{base}_emotion_validation.txt": numbers}
    put(tmp_path, files)
    clips = read(tmp_path, "dailydialog", "dev")
    assert [clip.emotion for clip in clips] == ["neutral", "happy", "sad"]  # the second is broken
    assert clips[2].context == (("A", "Hello ."), ("B", "Hi !"))
    assert clips[2].speaker == "A"


def test_dailydialog_without_splits_is_cut_by_dialogue(tmp_path: Path) -> None:
    lines = "".join(f"Hello {i} . __eou__ Hi . __eou__\n" for i in range(200))
    base = "dailydialog/dialogues"
    put(tmp_path, {f"{base}_text.txt": lines, f"{base}_emotion.txt": "0 4\n" * 200})
    parts = [read(tmp_path, "dailydialog", split) for split in ("train", "dev", "test")]
    dialogues = [{clip.dialogue for clip in part} for part in parts]
    assert sum(map(len, dialogues)) == 200
    assert len(dialogues[0]) > 120
    assert min(map(len, dialogues)) > 5


def test_xed_joins_its_files_and_drops_what_has_no_class(tmp_path: Path) -> None:
    files = {
        "xed/AnnotatedData/en-annotated.tsv": "I hate it .\t1, 3\nWait for it\t2\n",
        "xed/AnnotatedData/neu_en.txt": "0\tA chair .\nbroken\n",
        "xed/Projections/de-projections.tsv": "Ich freue mich\t5,8\n",
    }
    put(tmp_path, files)
    splits = ("train", "dev", "test")
    clips = [clip for split in splits for clip in read(tmp_path, "xed", split)]
    assert {clip.text: clip.emotions for clip in clips} == {
        "I hate it .": ("angry", "disgust"),
        "Wait for it": (),
        "A chair .": ("neutral",),
    }
    assert {clip.published_split for clip in clips} == {None}
    german = [clip for split in splits for clip in read(tmp_path, "xed", split, "de")]
    assert [clip.emotion for clip in german] == ["happy"]


def test_emoevent_keeps_quoted_tweets_whole(tmp_path: Path) -> None:
    table = (
        'id\tevent\ttweet\toffensive\temotion\n1\tX\t"¡Qué\nbien!"\tNO\tjoy\n2\tX\tya\tNO\tothers\n'
    )
    put(tmp_path, {"emoevent/splits/es/test.tsv": table})
    clips = read(tmp_path, "emoevent", "test", "es")
    assert [(clip.text, clip.emotion) for clip in clips] == [
        ("¡Qué bien!", "happy"),
        ("ya", "neutral"),
    ]


def test_brighter_has_one_column_per_emotion(tmp_path: Path) -> None:
    heading = "id,text,anger,disgust,fear,joy,sadness,surprise\n"
    table = heading + "1,Na toll,1,1,0,0,0,0\n2,Um acht,0,0,0,0,0,0\n"
    empty = heading + "3,Ohne,,,,,,\n"
    files = {"dev/deu.csv": table, "test/deu.csv": empty, "dev/hin.csv": table}
    put(tmp_path, {f"brighter/track_a/{name}": content for name, content in files.items()})
    clips = read(tmp_path, "brighter", "dev", "de")
    assert [clip.emotions for clip in clips] == [("angry", "disgust"), ("neutral",)]
    assert read(tmp_path, "brighter", "test", "de") == []


def test_multiemotions_marks_are_read(tmp_path: Path) -> None:
    rows = ("comment UNRELATED NEUT JOY TRUST", "Bella! 0 0 1 1", "Boh 0 1 0 0", "X 1 0 0 0")
    table = "".join("\t".join(row.split()) + "\n" for row in rows)
    put(tmp_path, {"multiemotions/MultiEmotions-It.tsv": table})
    splits = ("train", "dev", "test")
    clips = [clip for split in splits for clip in read(tmp_path, "multiemotions", split, "it")]
    assert {clip.text: clip.emotion for clip in clips} == {
        "Bella!": "happy",
        "Boh": "neutral",
        "X": None,
    }


def test_dair_and_emocontext_lines(tmp_path: Path) -> None:
    chat = "id\tturn1\tturn2\tturn3\tlabel\n0\thi\twhat is it\tleave me alone\tangry\n"
    chat += "1\ta\tb\tc\tothers\n"
    put(tmp_path, {"dair/val.txt": "i feel loved; truly;love\n", "emocontext/train.txt": chat})
    (clip,) = read(tmp_path, "dair", "dev")
    assert (clip.text, clip.emotion) == ("i feel loved; truly", "happy")
    angry, other = read(tmp_path, "emocontext", "train")
    assert (angry.emotion, angry.context) == ("angry", (("A", "hi"), ("B", "what is it")))
    assert other.emotion is None


def test_reviews_have_a_valence_and_no_emotion(tmp_path: Path) -> None:
    put(tmp_path, {"imdb/aclImdb/test/neg/0_1.txt": "Dull.<br /><br />Very dull."})
    (clip,) = read(tmp_path, "imdb", "test")
    assert (clip.text, clip.label, clip.emotion) == ("Dull. Very dull.", "negative", None)


def test_a_corpus_that_is_not_there_is_named_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no corpus xed in .*put xed\.parquet there"):
        read(tmp_path, "xed", "train")


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    put(tmp_path, {"emorynlp/emotion-detection-trn.json": "{"})
    with pytest.raises(InputError, match="holds no episodes"):
        read(tmp_path, "emorynlp", "train")

"""Dialogues as their authors publish them, with who speaks and in which order."""

import json
from collections.abc import Iterator
from pathlib import Path

from lab.corpora.text_rows import TextRow, delimited, split_of
from schemas.errors import InputError
from schemas.values import Json

_DAILY = ("no emotion", "anger", "disgust", "fear", "happiness", "sadness", "surprise")
"""DailyDialog's emotions in the order of their numbers."""

_END_OF_UTTERANCE = "__eou__"


def read_meld(folder: Path) -> Iterator[TextRow]:
    """`train|dev|test_sent_emo.csv`: Utterance, Speaker, Emotion, Dialogue_ID, Utterance_ID."""
    for path in sorted(folder.glob("**/*_sent_emo.csv")):
        yield from _series_rows(path, "en", split_of(path))


def read_mmeld(folder: Path) -> Iterator[TextRow]:
    """MELD's columns; the language and split stand in the names of files or folders."""
    for path in sorted(folder.glob("**/*.csv")):
        words = str(path.relative_to(folder)).lower().replace("_", "/").replace("-", "/")
        for language, names in (("fr", {"fr", "french"}), ("es", {"es", "spanish"})):
            if names & set(words.removesuffix(".csv").split("/")):
                yield from _series_rows(path, language, split_of(path))


def _series_rows(path: Path, language: str, split: str) -> Iterator[TextRow]:
    for row in delimited(path, ","):
        try:
            dialogue, turn = f"{split}_{int(row['dialogue_id'])}", int(row["utterance_id"])
            text, label = row["utterance"], row["emotion"].lower()
        except (KeyError, ValueError) as error:
            raise InputError(f"{path} is no table of MELD: {error} is missing.") from error
        yield TextRow(text, (label,), language, split, row.get("speaker", ""), dialogue, turn)


def read_emorynlp(folder: Path) -> Iterator[TextRow]:
    """`emotion-detection-trn|dev|tst.json`, else `emorynlp_train|dev|test_final.csv`."""
    documents = sorted(folder.glob("**/emotion-detection-*.json"))
    for path in documents:
        try:
            episodes = json.loads(path.read_text(encoding="utf-8"))["episodes"]
        except (ValueError, KeyError) as error:
            raise InputError(f"{path} holds no episodes of EmoryNLP: {error}.") from error
        for episode in episodes:
            for scene in episode["scenes"]:
                yield from _scene_rows(scene, split_of(path))
    for path in [] if documents else sorted(folder.glob("**/emorynlp_*_final.csv")):
        split = split_of(path.with_stem(path.stem.removesuffix("_final")))
        for row in delimited(path, ","):
            yield TextRow(
                row["utterance"],
                (row["emotion"],),
                "en",
                split,
                row["speaker"],
                f"s{row['season']}_e{row['episode']}_c{row['scene_id']}",
                int(row["utterance_id"]),
            )


def _scene_rows(scene: Json, split: str) -> Iterator[TextRow]:
    for turn, said in enumerate(scene["utterances"]):
        if text := " ".join(said["transcript"].split()):
            speaker = ", ".join(said["speakers"])
            yield TextRow(text, (said["emotion"],), "en", split, speaker, scene["scene_id"], turn)


def read_dailydialog(folder: Path) -> Iterator[TextRow]:
    """`train|validation|test/dialogues[_emotion]_SPLIT.txt`, a dialogue a line, two who take turns.

    The file of all dialogues, `dialogues_text.txt`, has no split and is used where it is alone.
    """
    parts = sorted(folder.glob("**/dialogues_emotion_*.txt"))
    pairs = [(path.with_name(path.name.replace("_emotion", "")), path) for path in parts]
    if not pairs:
        whole = folder / "dialogues_text.txt"
        pairs = [(whole, folder / "dialogues_emotion.txt")]
    for texts, emotions in pairs:
        try:
            dialogues = texts.read_text(encoding="utf-8").splitlines()
            numbers = emotions.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError as error:
            raise InputError(f"{error.filename} is missing beside DailyDialog's files.") from error
        for place, (dialogue, line) in enumerate(zip(dialogues, numbers, strict=True)):
            yield from _daily_rows(dialogue, line, split_of(texts), place)


def _daily_rows(dialogue: str, numbers: str, split: str, place: int) -> Iterator[TextRow]:
    said = [part.strip() for part in dialogue.split(_END_OF_UTTERANCE) if part.strip()]
    labels = numbers.split()
    # a few dialogues are published with one label more or less than utterances
    if len(said) != len(labels):
        return
    for turn, (text, number) in enumerate(zip(said, labels, strict=True)):
        label = _DAILY[int(number)]
        yield TextRow(text, (label,), "en", split, "AB"[turn % 2], f"{split}_{place}", turn)


def read_emocontext(folder: Path) -> Iterator[TextRow]:
    """`train|dev|test.txt`: id, turn1, turn2, turn3, label (of the third turn)."""
    for path in sorted(folder.glob("*.txt")):
        if split_of(path) == "none":
            continue
        for row in delimited(path, "\t", quoted=False):
            if "label" in row:
                before = (("A", row["turn1"]), ("B", row["turn2"]))
                yield TextRow(
                    row["turn3"], (row["label"],), "en", split_of(path), "A", context=before
                )

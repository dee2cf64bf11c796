"""Filmed corpora: a face network is trained on them and measured on actors nobody trained on."""

import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import cv2
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from flows.cli.app import app
from flows.evaluate import evaluate_branch
from lab.corpora.catalogue import read
from lab.training.architecture_data import Material, read_material
from lab.training.options import TrainingOptions
from schemas.emotions import EMOTIONS
from schemas.errors import SettingsError
from tasks.media.split import ffmpeg_program
from tests.material.corpora import IEMOCAP_JUDGEMENTS, faces, write_iemocap, write_table


def film(path: Path, brightness: int) -> None:
    """Write a second of a face-sized gray picture with a tone, that needs no detector."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = f"color=c=0x{brightness:02x}{brightness:02x}{brightness:02x}:s=64x64:r=5:d=1"
    sources = ("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=d=1")
    command = [ffmpeg_program(), "-nostdin", "-loglevel", "error", "-y", *sources]
    subprocess.run([*command, "-c:v", "mpeg4", "-c:a", "aac", str(path)], check=True)


def write_filmed_ravdess(data: Path, actors: Iterable[int]) -> None:
    """Write a bright and a dark performance of every actor."""
    for actor in actors:
        for emotion, brightness in ((3, 220), (4, 20)):
            name = f"01-01-{emotion:02}-01-01-01-{actor:02}.mp4"
            film(data / "video" / "ravdess" / f"Actor_{actor:02}" / name, brightness)


def sides(material: Material) -> list[list[set[str]]]:
    """Who is trained on, validates and is tested, in each fold."""
    (protocol,) = material.protocols.values()
    return [[{material.speakers[row] for row in rows} for rows in fold] for fold in protocol.folds]


def told(*corpora: str) -> TrainingOptions:
    return TrainingOptions(architecture="resnet18-transformer", corpora=corpora, device="cpu")


@pytest.mark.slow
def test_a_face_network_is_trained_stored_and_judged_on_filmed_actors_by_folds(
    tmp_path: Path,
) -> None:
    write_filmed_ravdess(tmp_path, (1, 11, 4, 10))
    found = sides(read_material("video", tmp_path, told("ravdess")))
    assert [fold[2] for fold in found] == [
        {"ravdess/01", "ravdess/11"},
        {"ravdess/04", "ravdess/10"},
    ]
    for fold in found:
        assert all(fold)
        assert sum(map(len, fold)) == len(set().union(*fold))

    out = tmp_path / "out"
    corpus = ("--corpus", "ravdess", "--data", str(tmp_path), "--out", str(out))
    network = ("--architecture", "resnet18-transformer", "--set", "size=32", "--set", "inner=32")
    plan = ("--epochs", "1", "--batch-size", "4", "--device", "cpu", "--learning-rate", "0.001")
    said = CliRunner().invoke(app, ["train", "video", *corpus, *network, *plan])
    assert said.exit_code == 0, said.output
    (figures,) = json.loads((out / "training.json").read_text())["measures"].values()
    assert figures["classes"] == ["happy", "sad"]
    assert figures["n"] == 8
    assert [fold["speakers"] for fold in figures["folds"]] == [
        ["ravdess/01", "ravdess/11"],
        ["ravdess/04", "ravdess/10"],
    ]

    films = sorted((tmp_path / "video").rglob("*.mp4"))
    rows: list[dict[str, object]] = [
        {"path": str(path), "label": "happy" if path.stem[7] == "3" else "sad"} for path in films
    ]
    table = write_table(tmp_path / "films.csv", rows)
    judged = evaluate_branch("video", table, str(out / "video.safetensors"))
    assert judged["n"] == 8
    assert judged["not_judged"] == judged["damaged"] == 0


def write_stills(data: Path, usages: Iterable[str]) -> None:
    """`face/fer2013.parquet` with one random face for each part."""
    home = data / "face"
    home.mkdir()
    named = list(usages)
    rows = [cv2.imencode(".png", face)[1].tobytes() for face in faces(len(named))]
    votes = [[0] * 10 for _ in named]
    columns = {"image": rows, "label": [0] * len(named), "usage": named, "ferplus_votes": votes}
    pq.write_table(pa.table(columns), home / "fer2013.parquet")


def test_films_keep_their_folds_behind_stills_and_too_few_actors_have_none(tmp_path: Path) -> None:
    write_filmed_ravdess(tmp_path, (1, 4, 8))
    write_stills(tmp_path, ["Training", "PublicTest", "PrivateTest"])
    alone, behind = (
        read_material("video", tmp_path, told(*corpora))
        for corpora in (("ravdess",), ("fer2013", "ravdess"))
    )
    assert len(behind.labels) == len(alone.labels) + 3
    assert sides(behind) == sides(alone)
    (protocol,) = behind.protocols.values()
    assert (protocol.labels[:3] == -1).all()
    for fold in protocol.folds:
        for rows in fold:
            labels = [protocol.classes[label] for label in protocol.labels[rows]]
            assert labels == [EMOTIONS[label] for label in behind.labels[rows]]
    shutil.rmtree(tmp_path / "video" / "ravdess" / "Actor_08")
    assert read_material("video", tmp_path, told("ravdess")).protocols == {}


def test_filmed_sessions_of_iemocap_are_never_parted(tmp_path: Path) -> None:
    root = write_iemocap(tmp_path / "video", sessions=(1, 2, 3))
    with pytest.raises(SettingsError, match="No filmed utterance of IEMOCAP"):
        read("iemocap-video", tmp_path / "video")
    for session in (1, 2, 3):
        dialogue = f"Ses0{session}F_impro01"
        home = root / f"Session{session}" / "sentences" / "avi" / dialogue
        home.mkdir(parents=True)
        for turn in IEMOCAP_JUDGEMENTS:
            (home / f"{dialogue}_{turn}.avi").touch()
    clips = read("iemocap-video", tmp_path / "video")
    assert len(clips) == 3 * len(IEMOCAP_JUDGEMENTS)
    assert {Path(clip.source or "").suffix for clip in clips} == {".avi"}
    found = sides(read_material("video", tmp_path, told("iemocap")))
    for fold in found:
        sessions = [{person[:13] for person in people} for people in fold]
        assert all(sessions)
        assert sum(map(len, sessions)) == len(set().union(*sessions)) == 3

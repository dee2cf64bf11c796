"""`train` and `evaluate` as a user meets them."""

import csv
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

import lab.audio.measure
import lab.audio.train
from flows.evaluate import evaluate, evaluate_branch
from flows.train import TRAINERS, load_from, train
from lab.acoustics import CONDITIONS
from lab.audio.measure import measure_left_out
from lab.corpora.samples import read_voice
from lab.corpora.speech import TWINS, read_corpus, stem
from lab.training.options import TrainingOptions
from schemas.corpus import LabelledClip
from schemas.errors import InputError, SettingsError
from tests.material.checkpoints import random_fusion
from tests.material.encoders import small_start

TWICE = {*TWINS, "03-01-03-01-02-01-07"}
"""Both names of a recording that stands in RAVDESS twice."""


@pytest.mark.parametrize("branch", TRAINERS)
def test_every_trainer_is_where_the_table_says(branch: str) -> None:
    assert callable(load_from(TRAINERS, branch))


def test_what_is_unknown_or_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no branch 'smell'; known are audio"):
        train("smell", tmp_path, tmp_path)
    with pytest.raises(SettingsError, match="There is no folder"):
        train("audio", tmp_path / "none", tmp_path)
    with pytest.raises(SettingsError, match="did you mean 'epochs'"):
        train("audio", tmp_path, tmp_path, epoch=3)
    with pytest.raises(SettingsError, match="there is no 'linear'; known are cosine, inverse-sqrt"):
        train("audio", tmp_path, tmp_path, schedule="linear")
    with pytest.raises(SettingsError, match="--label-smoothing is not for this training"):
        train("audio", tmp_path, tmp_path, label_smoothing=0.1)
    with pytest.raises(SettingsError, match="--schedule is not for this training: a fusion"):
        train("fusion", tmp_path, tmp_path, schedule="cosine", architecture="probability-mlp")
    with pytest.raises(SettingsError, match=r"no folder .*speech; name the one that holds ravdess"):
        train("audio", tmp_path, tmp_path / "out", corpora=("ravdess",))
    with pytest.raises(SettingsError, match="no branch 'words'; known are audio"):
        train("words", tmp_path, tmp_path)
    with pytest.raises(SettingsError, match="run tonescribe train audio first"):
        train("fusion", tmp_path, tmp_path / "out", architecture="probability-mlp")
    with pytest.raises(SettingsError, match="no branch 'smell'"):
        evaluate_branch("smell", tmp_path / "x.csv")
    with pytest.raises(SettingsError, match=r"audio\.md\) cannot come .* give --corpora"):
        evaluate_branch("audio")
    with pytest.raises(SettingsError, match="none; name the one that holds the corpora"):
        evaluate_branch("audio", corpora=tmp_path / "none")
    with pytest.raises(SettingsError, match="--robustness is of the voice"):
        evaluate_branch("text", tmp_path / "x.csv", robustness=True)
    with pytest.raises(SettingsError, match="no file of weights"):
        evaluate_branch("audio", tmp_path / "x.csv", "none.safetensors")
    with pytest.raises(SettingsError, match="no protocol 'right-in'; known are card, left-out"):
        evaluate_branch("audio", corpora=tmp_path, protocol="right-in")
    with pytest.raises(SettingsError, match="--protocol left-out is of the voice"):
        evaluate_branch("text", corpora=tmp_path, protocol="left-out")
    (tmp_path / "own.safetensors").write_bytes(b"")
    own = str(tmp_path / "own.safetensors")
    with pytest.raises(SettingsError, match="judges networks of a training, not"):
        evaluate_branch("audio", None, own, corpora=tmp_path, protocol="left-out")


def test_an_unknown_architecture_is_refused_before_anything_is_read_or_written(
    tmp_path: Path,
) -> None:
    with pytest.raises(SettingsError, match="no audio architecture 'mfc-cnn'"):
        train("audio", tmp_path, tmp_path / "out", architecture="mfc-cnn")
    assert not (tmp_path / "out").exists()


def test_a_training_says_at_once_what_it_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match="no corpus goemotions"):
        train("text", tmp_path, tmp_path / "out", architecture="tfidf-mlp")
    said = capsys.readouterr().err
    assert "Training text: tfidf-mlp, from" in said


@pytest.fixture(scope="module")
def table(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set as a user has it: wav files, and a CSV beside them."""
    import soundfile

    folder = tmp_path_factory.mktemp("set")
    clips = [c for c in read_corpus(shared / "data" / "speech", "emodb") if c.emotion][::35]
    with (folder / "set.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "speaker", "language"])
        for clip in clips:
            name = f"{stem(clip.source or '')}.wav"
            soundfile.write(folder / name, read_voice(clip), 16_000)
            writer.writerow([name, clip.emotion, clip.speaker, "de"])
    return folder / "set.csv"


@pytest.mark.needs_shared
def test_any_labelled_set_is_measured_and_reported(table: Path, tmp_path: Path) -> None:
    figures = evaluate_branch("audio", table, report=tmp_path / "report", robustness=True)
    assert figures["n"] == len(table.read_text().splitlines()) - 1
    assert figures["not_judged"] == 0
    assert figures["uar"] > 0.4
    assert {"accuracy", "macro_f1", "recall", "ece", "accuracy_at_half_coverage"} <= set(figures)
    assert figures["conditions"]["clean"]["uar"] == pytest.approx(figures["uar"])
    assert set(figures["uar_drops"]) == set(CONDITIONS)
    assert 0.0 <= figures["no_voice"]["confident"] <= 1.0
    names = {file.name for file in (tmp_path / "report").iterdir()}
    assert {"index.html", "measures.json", "report.md", "confusion-set.png"} <= names
    assert {"set-length.png", "set-deviation.png"} <= names
    page = (tmp_path / "report" / "index.html").read_text()
    assert "babble-10db" in page
    assert "UAR lost: opus-24k " in page
    assert "typing" in page


@pytest.mark.needs_shared
def test_figures_are_lines_to_read_or_one_json(table: Path) -> None:
    said = evaluate("audio", table)
    assert said.splitlines()[0] == "audio on set"
    record = json.loads(evaluate("audio", table, as_json=True))
    assert f"{record['uar']:.3f} [" in said
    assert f"{record['weighted_f1']:.3f}" in said


@pytest.mark.needs_shared
def test_a_folder_of_classes_is_measured_as_its_table_is(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same sounds as folders of classes and of speakers, one damaged file among them."""
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        home = tmp_path / "emodb" / row["label"] / row["speaker"]
        home.mkdir(parents=True, exist_ok=True)
        shutil.copy(table.parent / row["path"], home)
    (tmp_path / "emodb" / "happy" / "broken.wav").write_bytes(b"RIFF and no more")
    figures = json.loads(evaluate("audio", tmp_path / "emodb", as_json=True))
    by_table = json.loads(evaluate("audio", table, as_json=True))
    told = ("n", "accuracy", "uar", "ece", "recall", "uar_interval", "not_judged")
    assert {name: figures[name] for name in told} == {name: by_table[name] for name in told}
    assert (figures["damaged"], by_table["damaged"]) == (1, 0)
    left_out, known = capsys.readouterr().err.splitlines()
    assert left_out.startswith(f"1 of {len(rows) + 1} clips cannot be read and are left out; ")
    assert "broken.wav" in left_out
    assert "was trained on emodb" in known
    fused = evaluate_branch("fusion", tmp_path / "emodb")
    assert (fused["n"], fused["damaged"]) == (len(rows), 1)


@pytest.mark.needs_shared
def test_people_whom_the_weights_know_are_not_passed_off_as_strangers(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = table.with_name("emodb.csv")
    known.write_text("\n".join(table.read_text().splitlines()[:3]) + "\n")
    record = json.loads(evaluate("audio", known, as_json=True))
    (sentence,) = capsys.readouterr().err.splitlines()
    assert "was trained on emodb" in sentence
    assert record["warnings"] == [sentence]


@pytest.mark.needs_shared
def test_the_fusion_judges_each_row_by_what_it_has(shared: Path, table: Path) -> None:
    """One row has a voice, one a voice and words, one a face and a voice, one words alone."""
    film = shared / "data" / "meeting" / "video" / "01-01-01-01-01-01-01.mp4"
    with table.open(newline="") as file:
        first, second = list(csv.DictReader(file))[:2]
    rows = [
        (first["path"], "", first["label"], "de"),
        (second["path"], "I am so angry with you!", second["label"], "en"),
        (str(film), "", "neutral", "en"),
        ("", "What a wonderful day, I love it!", "happy", "en"),
    ]
    mixed = table.with_name("mixed.csv")
    with mixed.open("w", newline="") as file:
        csv.writer(file).writerows([("path", "text", "label", "language"), *rows])
    figures = evaluate_branch("fusion", mixed)
    assert figures["n"] == 4
    assert figures["judged_by_audio"] == 3
    assert figures["judged_by_video"] == 1
    assert figures["judged_by_text"] == 2
    assert figures["recall"]["happy"] == 1.0
    own = random_fusion(table.parent)
    assert evaluate_branch("fusion", mixed, str(own))["ece"] != figures["ece"]


@pytest.mark.slow
@pytest.mark.needs_shared
def test_a_branch_is_trained_and_each_corpus_measured_by_what_comes_of_the_others(
    shared: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The training's own figures, once more from what its networks had judged.

    One recording of RAVDESS stands there under two names; it is trained on once and tested twice.
    """
    drawn_at_random = lab.audio.train.limited

    def drawn(
        clips: Sequence[LabelledClip], limit: int | None, seed: int
    ) -> tuple[LabelledClip, ...]:
        few = drawn_at_random(clips, limit, seed)
        both = [clip for clip in clips if stem(clip.source or "") in TWICE and clip not in few]
        return (*few, *both)

    monkeypatch.setattr(lab.audio.train, "limited", drawn)
    monkeypatch.setattr(lab.audio.measure, "limited", drawn)
    given = {"limit": 6, "corpora": ("emodb", "ravdess"), "threads": 1}
    (tmp_path / "start").mkdir()
    with small_start(tmp_path / "start") as start:
        told = TrainingOptions.model_validate(
            {"start": start, "epochs": 0, "folds": False, **given}
        )
        chosen = told.model_dump(exclude_unset=True)
        report = train("audio", shared / "data", tmp_path, **chosen)
    assert json.loads((tmp_path / "training.json").read_text())["n_train"] == report.n_train
    assert evaluate_branch("audio", table, str(report.weights))["n"] > 0
    again = told.model_copy(update={"start": tmp_path, "protocol": "left-out"})
    figures = measure_left_out(shared / "data", again)
    assert {name for name in figures if "," not in name.partition(", left out")[2]} == {
        "emodb, left out",
        "ravdess, left out",
    }
    assert figures["ravdess, left out"].n > 6
    for name, found in figures.items():
        assert found.n == report.measures[name]["n"]
        assert found.uar == pytest.approx(report.measures[name]["uar"])
    assert (tmp_path / "left-out.png").stat().st_size > 10_000
    assert (tmp_path / "folds" / "ravdess-left-out.npz").is_file()

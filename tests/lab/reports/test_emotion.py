"""A report is a folder that a person can open."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lab.measures import measure, measure_folds
from lab.measures.leakage import warn_of_trained_speakers
from lab.reports.curves import read_curves
from lab.reports.emotion import Evaluation, report_of
from lab.reports.exploration import explore
from lab.reports.render import to_terminal, write_folder
from schemas.corpus import LabelledClip
from schemas.emotions import EMOTIONS, Emotion


def sure_of(classes: list[int], confidence: float = 0.9) -> np.ndarray:
    scores = np.full((len(classes), 7), (1 - confidence) / 6, dtype=np.float32)
    scores[np.arange(len(classes)), classes] = confidence
    return scores


class Page(HTMLParser):
    """What a browser would load, and what it would say of every image."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.said: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        if tag not in {"meta", "img", "link"}:
            self.open.append(tag)
        if tag in {"img", "script", "link"}:
            self.sources.append(found.get("src") or found.get("href") or "")
            self.said.append(found.get("alt") or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    labels, speakers = [0, 1, 1, 2], ["a", "a", "b", "b"]
    scores = sure_of([0, 1, 2, 2])
    folds = measure_folds(labels, scores, [0, 0, 1, 1], speakers, protocol="Two <speakers>.")
    out = tmp_path_factory.mktemp("report") / "report"
    found = Evaluation(
        title="voice on <tests>",
        measures={"folds & all": folds, "alone": measure(labels, scores)},
        facts={"data": "tests.csv", "not_judged": 3},
        warnings=("They were heard.",),
        conditions={"clean": measure(labels, scores)},
        abstention={
            "n": 2,
            "confident": 0.5,
            "min_confidence": 0.5,
            "by_kind": {"hum": 0.0, "song": 1.0},
        },
        explored={"tests": {"length in seconds": {"happy": [1.0, 2.0], "sad": [3.0]}}},
        curves={
            "stills": {"loss": [(1.0, 2.0), (2.0, 1.5)], "learning_rate": [(1.0, 0.1)]},
            "voice": {
                "loss": [(1.0, 2.0), (2.0, 1.5)],
                "eval_loss": [(1.0, 2.1), (2.0, 1.8)],
                "eval_accuracy": [(1.0, 0.5), (2.0, 0.7)],
                "eval_uar": [(1.0, 0.4), (2.0, 0.625)],
            },
        },
    )
    out.mkdir()
    write_folder(out, report_of(found, drawn_in=out))
    return out


def test_the_page_is_whole_alone_and_says_what_its_drawings_show(folder: Path) -> None:
    page = Page((folder / "index.html").read_text())
    assert page.open == []
    assert len(page.sources) == 2 * 4 + 4
    assert all(source.startswith("data:image/png;base64,") for source in page.sources)
    assert all(page.said)
    assert any("happy is called sad (50%" in said for said in page.said)
    assert any("UAR of the validation people 0.625" in said for said in page.said)
    text = (folder / "index.html").read_text()
    assert "They were heard." in text
    assert "<tests>" not in text
    assert "&lt;tests&gt;" in text
    assert not re.search(r"https?://", text)


def test_every_drawing_is_a_picture_that_the_markdown_shows(folder: Path) -> None:
    pictures = {path.name for path in folder.glob("*.png")}
    kinds = ("confusion", "recall", "reliability", "risk-coverage")
    expected = {f"{kind}-{name}.png" for kind in kinds for name in ("folds-all", "alone")}
    curves = {"loss-stills.png", "loss-voice.png", "validation-voice.png"}
    assert pictures == expected | curves | {"tests-length.png"}
    shown = set(re.findall(r"\]\(([^)]+\.png)\)", (folder / "report.md").read_text()))
    assert shown == pictures
    assert all((folder / name).read_bytes().startswith(b"\x89PNG") for name in pictures)


def test_the_figures_are_in_json_and_markdown(folder: Path) -> None:
    record = json.loads((folder / "measures.json").read_text())
    assert record["not_judged"] == 3
    assert record["protocols"]["folds & all"]["deviation"]["uar"] == pytest.approx(0.25)
    assert record["no_voice"]["by_kind"]["song"] == 1.0
    page = (folder / "report.md").read_text()
    assert "| happy | 50.0% |" in page
    assert "± 0.250" in page
    assert "| song | 100% |" in page
    assert all(name in page for name in EMOTIONS)


def test_the_terminal_tells_the_mean_over_folds_beside_all_samples_together() -> None:
    folds = measure_folds([0, 1, 1, 2], sure_of([0, 1, 2, 2]), [0, 0, 1, 1])
    said = to_terminal(report_of(Evaluation("voice", {"by speaker": folds})))
    assert "mean 75.0%, deviation 25.0%" in said
    (row,) = [line.split("  ") for line in said.splitlines() if line.startswith("by speaker  ")]
    assert "0.833 ± 0.250" in row


def test_curves_come_from_checkpoints_and_from_what_tensorboard_shows(tmp_path: Path) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    checkpoint = tmp_path / "words" / "checkpoints" / "checkpoint-9"
    checkpoint.mkdir(parents=True)
    log = [{"loss": 2.0, "learning_rate": 0.1, "step": 5}, {"eval_loss": 1.5, "step": 9}]
    (checkpoint / "trainer_state.json").write_text(json.dumps({"log_history": log}))
    writer = EventFileWriter(str(tmp_path / "faces" / "runs"))
    for step, loss in ((50, 1.5), (100, 1.25)):
        value = Summary.Value(tag="train/loss", simple_value=loss)
        writer.add_event(Event(step=step, summary=Summary(value=[value])))
    writer.close()
    assert read_curves(tmp_path) == {
        "faces": {"loss": [(50.0, 1.5), (100.0, 1.25)]},
        "words": {"loss": [(5.0, 2.0)], "learning_rate": [(5.0, 0.1)], "eval_loss": [(9.0, 1.5)]},
    }


def test_length_and_level_of_each_class_are_measured_from_its_sound(tmp_path: Path) -> None:
    for name, seconds, height in (("calm", 2.0, 0.01), ("loud", 0.5, 0.1)):
        times = np.arange(int(seconds * 16_000)) / 16_000
        soundfile.write(tmp_path / f"{name}.wav", height * np.sin(2000 * times), 16_000)
    clips = [clip(tmp_path / "calm.wav", "sad"), clip(tmp_path / "loud.wav", "angry")]
    found = explore("audio", clips)
    lengths, levels = found.values()
    assert lengths == {"sad": [pytest.approx(2.0)], "angry": [pytest.approx(0.5)]}
    assert levels["angry"][0] - levels["sad"][0] == pytest.approx(20.0, abs=0.2)


def test_texts_are_measured_in_words() -> None:
    clips = [
        LabelledClip(corpus="c", text="oh no not again", label="sad", emotion="sad", speaker="a")
    ]
    assert explore("text", clips) == {"length in words": {"sad": [4.0]}}


def clip(path: Path, emotion: Emotion) -> LabelledClip:
    return LabelledClip(
        corpus="c", source=str(path), label=emotion, emotion=emotion, speaker=path.stem
    )


def test_speakers_whom_the_weights_know_are_named_but_not_those_kept_for_calibration(
    tmp_path: Path,
) -> None:
    import torch

    from models.checkpoint import save_weights

    weights = tmp_path / "audio.safetensors"
    config = {"corpora": ["emodb", "ravdess"], "calibration_speakers": ["emodb/15"]}
    save_weights(weights, {"x": torch.zeros(1)}, config)

    def tested(corpus: str, *speakers: str) -> list[str]:
        clips = [
            LabelledClip(corpus=corpus, text="x", label="sad", emotion="sad", speaker=speaker)
            for speaker in speakers
        ]
        return warn_of_trained_speakers(weights, clips)

    assert tested("emodb", "15") == []
    assert tested("mine", "03") == []
    (sentence,) = tested("EmoDB", "15", "03", "08")
    assert "trained on emodb" in sentence
    assert len(tested("ravdess-song", "01")) == len(tested("ravdess", "01")) == 1
    assert "speakers 03, 08 are" in sentence

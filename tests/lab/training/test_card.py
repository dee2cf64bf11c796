"""Every training leaves a card that says what it is, from what, how, how good, and what not for."""

from pathlib import Path

import numpy as np

from lab.fusion.architecture import made_of
from lab.fusion.networks import Recipe, fit_network
from lab.measures import measure
from lab.training.architecture import train_architecture
from lab.training.card import Made, Source, command_line, counted, to_card
from lab.training.options import TrainingOptions, TrainingReport
from models.architectures.branch import load_trained
from tests.material.sounds import write_wav
from tests.material.witnesses import witnesses

SURE = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]], dtype=np.float32)


def made(**more: object) -> Made:
    given: dict[str, object] = {
        "what": "A test.",
        "n_parameters": 1_234,
        "classes": ("neutral", "happy"),
        "sources": [Source("goemotions", "en", 3, 2)],
        "calibration": "One temperature.",
        "plans": {"fit": {"epochs": "1"}},
    }
    return Made(**given | more)  # type: ignore[arg-type]


def report(**more: object) -> TrainingReport:
    given = {"branch": "text", "weights": Path("text.safetensors"), "n_train": 3, "seconds": 1.0}
    return TrainingReport.model_validate(given | more)


def test_the_command_is_told_without_the_places_of_folders() -> None:
    options = TrainingOptions(
        architecture="bert",
        start=Path("/home/somebody/models/bert base"),
        corpora=("meld", "xed"),
        parameters={"pooling": "mean", "words": 10},
        label_smoothing=0.1,
        schedule="inverse-sqrt",
        folds=False,
        seed=3,
    )
    assert command_line("text", options) == (
        "tonescribe train text --architecture bert --set pooling=mean --set words=10 "
        "--corpus meld --corpus xed --start 'bert base' --schedule inverse-sqrt "
        "--label-smoothing 0.1 --seed 3 --no-folds --data DATA --out OUT"
    )


def test_terms_that_bind_are_named_and_free_ones_bind_nobody() -> None:
    free = to_card(report(), made(), TrainingOptions())
    assert "goemotions: CC BY 4.0." in free
    assert "Non-commercial" not in free
    bound = [Source("goemotions", "en", 3, 2), Source("ravdess", "en", 1, 0)]
    card = to_card(report(), made(sources=bound), TrainingOptions())
    assert "**Non-commercial use only**, for ravdess." in card
    assert "| ravdess | en | 1 | 0 |" in card


def test_every_figure_and_recall_stands_in_a_table() -> None:
    classes = ("neutral", "happy", "sad")
    figures = measure([0, 0, 1, 1], SURE[[0, 0, 1, 2]], classes=classes)
    measures = {"a test": figures.model_dump(), "summarised": {"accuracy": 0.5, "uar": 0.25}}
    card = to_card(report(measures=measures), made(), TrainingOptions())
    assert f"| a test | 4 | 0.750 | 0.750 | {figures.macro_f1:.3f} | {figures.ece:.3f} |" in card
    assert "| summarised | - | 0.500 | 0.250 | - | - | - |" in card
    assert "| recall | neutral | happy |" in card
    assert "| a test | 100.0% | 50.0% |" in card
    assert "a test: happy is recognised least, in 50%" in card
    assert "Chance is a UAR of 50.0%" in card
    assert "Must not be used" in card
    assert "Nothing was measured" in to_card(report(), made(), TrainingOptions())


def test_samples_are_counted_by_corpus_and_language() -> None:
    german, english = ("xed", "de"), ("xed", "en")
    found = counted([german, english, german], [english])
    assert found == [Source("xed", "de", 2, 0), Source("xed", "en", 1, 1)]


def test_a_training_leaves_its_card_beside_the_weights(tmp_path: Path) -> None:
    home = tmp_path / "data" / "speech" / "ravdess"
    home.mkdir(parents=True)
    for actor in (1, 2, 3):
        for emotion in (3, 4):
            noise = np.random.default_rng(actor).standard_normal(4_000 * emotion)
            name = f"03-01-{emotion:02}-01-01-01-{actor:02}.wav"
            write_wav(home / name, (0.1 * noise).astype(np.float32))
    options = TrainingOptions(
        architecture="level-logistic", epochs=2, learning_rate=0.02, folds=False, device="cpu"
    )
    found = train_architecture("audio", tmp_path / "data", tmp_path / "out", options)
    assert found.card == tmp_path / "out" / "audio.md"
    card = found.card.read_text()
    network, config = load_trained("audio", found.weights)
    assert f"{sum(p.numel() for p in network.parameters())} parameters" in card
    assert "Logistic regression on a clip's length" in card
    assert "| ravdess | en | 4 | 2 |" in card
    (person,) = config["calibration_speakers"]
    assert f"One temperature, {config['temperature']:.2f}," in card
    assert f"{person} calibrate and were not trained on" in card
    assert "--architecture level-logistic --epochs 2 --learning-rate 0.02 --device cpu" in card
    assert "| fit | 2 | 64 | 0.02 | cosine after a warm-up of 10% | 0 | adamw | 0 | 0 |" in card
    assert str(tmp_path) not in card


def test_a_fusion_network_tells_its_people_and_both_corpora() -> None:
    judged = witnesses(210, alike=False)
    recipe = Recipe("probability-mlp", epochs=1, absent=0.3)
    fitted = fit_network(recipe, judged)
    said = made_of(recipe, fitted, judged)
    card = to_card(report(branch="fusion"), said, TrainingOptions())
    held = sum(str(person) in fitted.held for person in judged.speakers)
    assert f"| meld | en | {210 - held} | {held} |" in card
    assert "ravdess/0, ravdess/6 calibrate" in card
    assert "Non-commercial use only" in card


def test_folds_say_who_trained_what_is_measured() -> None:
    """Figures of a cross-validation are of networks made anew, not of the weights beside."""
    figures = {"accuracy": 0.5, "protocol": "Trained on the others of each fold.", "n": 4}
    card = to_card(report(measures={"folds": figures}), made(), TrainingOptions())
    assert "\nTrained on the others of each fold.\n" in card
    assert "\n\n| tested on |" in card

"""Rare classes get changed copies of their training texts, and nothing else does."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lab.text.augmentation import COPIES, augment_rare, change
from lab.training.architecture import train_architecture
from lab.training.architecture_data import Material, read_material
from lab.training.options import TrainingOptions
from models.architectures.branch import load_trained
from models.protocols import TextSample

SAD = ("it was such a sad and lonely day", "we lost what we loved so much", "so sad")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """GoEmotions with thirty joyful texts, three sad ones, and both in dev and test."""
    rows = [(f"what a lovely day number {n} this is", "joy", "en", "train") for n in range(30)]
    rows += [(text, "sadness", "en", "train") for text in SAD]
    rows += [
        (text, label, "en", part)
        for part in ("dev", "test")
        for text, label in (
            (f"a truly lovely thing to {part}", "joy"),
            (f"a truly sad thing to {part}", "sadness"),
        )
    ]
    home = tmp_path / "text"
    home.mkdir()
    table = pd.DataFrame(rows, columns=["text", "label", "lang", "split"])
    table.to_parquet(home / "goemotions.parquet")
    return tmp_path


def told(**parameters: str) -> TrainingOptions:
    return TrainingOptions(
        architecture="one-hot-mlp", device="cpu", epochs=2, parameters={"words": "50"} | parameters
    )


def texts(material: Material, rows: np.ndarray) -> list[str]:
    return [material.read(int(row)).text for row in rows]


def test_copies_are_of_rare_training_texts_alone(data: Path) -> None:
    plain = read_material("text", data, told())
    found = augment_rare(plain, seed=1)
    new = np.arange(len(plain.labels), len(found.labels))
    # the average is 16, and two of the three sad texts are long enough for four copies each
    assert found.augmented == {"sad": 2 * COPIES}
    assert len(new) == 2 * COPIES
    assert set(found.labels[new]) == {2}
    assert found.n_train == plain.n_train == 33
    np.testing.assert_array_equal(found.train, [*plain.train, *new])
    np.testing.assert_array_equal(found.validation, plain.validation)
    np.testing.assert_array_equal(found.tests["goemotions test"], plain.tests["goemotions test"])
    known = [set(text.split()) for text in SAD[:2]]
    for text in texts(found, new):
        assert text not in SAD
        assert any(set(text.split()) < words for words in known)
    assert texts(found, plain.train) == texts(plain, plain.train)
    assert len(found.speakers) == len(found.labels)


def test_the_same_seed_gives_the_same_copies(data: Path) -> None:
    plain = read_material("text", data, told())
    first, again, other = (augment_rare(plain, seed) for seed in (1, 1, 2))
    assert texts(first, first.train) == texts(again, again.train)
    assert texts(first, first.train) != texts(other, other.train)


def test_a_changed_text_keeps_most_of_its_words_and_all_else() -> None:
    words = [f"w{number}" for number in range(12)]
    sample = TextSample(" ".join(words), "de", (("Ann", "Hm."),), "Bob")
    random = np.random.default_rng(0)
    copies = [change(sample, random) for _ in range(200)]
    orders = [[words.index(word) for word in copy.text.split()] for copy in copies]
    assert all(8 <= len(set(order)) == len(order) < 12 for order in orders)
    swapped = sum(order != sorted(order) for order in orders)
    assert 50 < swapped < 190
    assert {(copy.language, copy.context, copy.speaker) for copy in copies} == {
        ("de", (("Ann", "Hm."),), "Bob")
    }
    assert len(change(TextSample("no no no", "en"), random).text.split()) == 2


def test_a_training_counts_its_copies_and_leaves_them_out_of_dev_and_test(
    data: Path, tmp_path: Path
) -> None:
    for chosen, wanted in (("true", {"sad": 2 * COPIES}), ("false", {})):
        report = train_architecture("text", data, tmp_path / chosen, told(augment=chosen))
        assert report.augmented == wanted
        assert report.n_train == 33
        assert report.measures["goemotions test"]["n"] == 2
        network, config = load_trained("text", report.weights)
        assert network.augment == bool(wanted)
        assert config["augmented"] == wanted
        vocabulary = report.weights.with_suffix(".vocabulary.json").read_text()
        assert '"dev"' not in vocabulary

"""The linear models over words and their pieces are added to the networks, and come from a file."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from models.checkpoint import SHIPPED, load_weights, save_weights
from models.protocols import TextSample
from models.text.embedded import WORDING_SUFFIX, EmbeddedTextBranch
from models.text.wording import CHARACTERS, WORDS, Wording, features_of, weighed
from schemas.emotions import EMOTIONS
from schemas.errors import WeightsError
from schemas.settings import WeightSettings


def write_wording(path: Path, liked: str) -> None:
    """A model of English for which one word says happy and nothing else says anything."""
    weights = torch.zeros(WORDS + CHARACTERS, len(EMOTIONS))
    weights[features_of([liked]).indices, EMOTIONS.index("happy")] = 30.0
    state = {
        "en.idf": torch.ones(512, 256),
        "en.weights": weights,
        "en.offsets": torch.zeros(len(EMOTIONS)),
    }
    calibration = {"en": {"temperature": 1.0, "offsets": [0.0] * len(EMOTIONS)}}
    config = {"classes": list(EMOTIONS), "share": 1.0, "calibration": calibration}
    save_weights(path, state, config)


def test_a_text_is_judged_by_the_words_that_are_known(tmp_path: Path) -> None:
    write_wording(tmp_path / "w.safetensors", "hurrah")
    wording = Wording(tmp_path / "w.safetensors")
    assert wording.languages == ("en",)
    logs = wording.log_probabilities(["hurrah", "tables", ""], "en")
    assert EMOTIONS[int(logs[0].argmax())] == "happy"
    assert np.exp(logs).sum(axis=1) == pytest.approx(1.0, abs=1e-2)
    assert logs[2] == pytest.approx(np.full(7, np.log(1 / 7)), abs=1e-4)


def test_every_text_has_length_one_and_what_occurs_twice_counts_once() -> None:
    once, twice = weighed(features_of(["so good", "so good so good"]), np.ones(WORDS + CHARACTERS))
    assert once.power(2).sum() == pytest.approx(1.0)
    assert (features_of(["very very very"]) > 1).nnz == 0
    assert twice.nnz >= once.nnz


def test_it_is_added_to_the_network_of_its_language_alone(tmp_path: Path) -> None:
    for file in SHIPPED.glob("text.*"):
        if WORDING_SUFFIX not in file.name:
            shutil.copyfile(file, tmp_path / file.name)
    own = WeightSettings(text=str(tmp_path / "text.safetensors"), device="cpu")
    samples = [TextSample("The hurrah is on the table.", lang) for lang in ("en", "de")]
    before = EmbeddedTextBranch(own)
    write_wording(tmp_path / f"text{WORDING_SUFFIX}", "hurrah")
    after = EmbeddedTextBranch(own)
    assert before.digest != after.digest
    happy = EMOTIONS.index("happy")
    plain, added = before.score(samples), after.score(samples)
    assert added[0, happy] > plain[0, happy] + 0.1
    np.testing.assert_allclose(added[1], plain[1], atol=1e-6)
    assert added.sum(axis=1) == pytest.approx(1.0, abs=1e-5)


def test_what_ships_knows_all_languages_but_english_and_holds_no_words() -> None:
    path = SHIPPED / f"text{WORDING_SUFFIX}"
    branch = EmbeddedTextBranch(WeightSettings(device="cpu"))
    assert branch.languages == {"en", *Wording(path).languages}
    state, _ = load_weights(path)
    assert {name.split(".")[1] for name in state} == {"idf", "weights", "offsets"}


def test_another_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="holds no wordings"):
        Wording(SHIPPED / "text.safetensors")
    (tmp_path / "w.safetensors").write_bytes(b"no")
    with pytest.raises(WeightsError, match="holds no weights of tonescribe"):
        Wording(tmp_path / "w.safetensors")

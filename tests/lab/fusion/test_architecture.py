"""A fusion network of the table is trained, stored, and joins branches as it was trained."""

from pathlib import Path

import numpy as np
import pytest

from lab.fusion.architecture import save_fitted, train_fusion_network
from lab.fusion.networks import Recipe, fit_network, recipe_of
from lab.measures.leakage import warn_of_trained_speakers
from lab.training.options import TrainingOptions
from models.fusion.embedded import BRANCHES
from models.registry import load_engine
from schemas.corpus import LabelledClip
from schemas.errors import SettingsError
from schemas.settings import WeightSettings
from tests.material.witnesses import accuracy, witnesses


def test_a_network_is_stored_and_annotates_as_it_was_trained(tmp_path: Path) -> None:
    judged = witnesses(2_100, alike=False)
    recipe = Recipe("probability-mlp", seed=3, parameters={"width": "24"}, epochs=200.0)
    fitted = fit_network(recipe, judged)
    path = tmp_path / "fusion.safetensors"
    save_fitted(path, recipe, fitted, judged)
    fusion = load_engine("fusion", "embedded", WeightSettings(fusion=str(path)))
    assert recipe_of(fusion.config) == recipe
    for company in (("audio", "video"), ("audio", "text"), ("video", "text"), BRANCHES):
        shown = {name: judged.scores[BRANCHES.index(name)] for name in company}
        found = fusion.fuse(shown)
        np.testing.assert_allclose(found, fitted.use(judged.hiding(company)), atol=1e-3)
        assert accuracy(judged, found) > max(accuracy(judged, own) for own in shown.values())
    for place, name in enumerate(BRANCHES):
        np.testing.assert_allclose(fusion.fuse({name: judged.scores[place]}), judged.scores[place])


def test_those_who_set_the_temperature_are_not_counted_as_trained_on(tmp_path: Path) -> None:
    judged = witnesses(210, alike=False)
    recipe = Recipe("probability-mlp", epochs=1)
    fitted = fit_network(recipe, judged)
    assert fitted.held == ("0", "6")
    path = tmp_path / "fusion.safetensors"
    save_fitted(path, recipe, fitted, judged)
    clips = [
        LabelledClip(text="", corpus="ravdess", speaker=person, label="sad", emotion="sad")
        for person in ("0", "6", "7")
    ]
    (sentence,) = warn_of_trained_speakers(path, clips)
    assert "speaker 7 are of people whom it knows" in sentence


def test_an_architecture_that_cannot_annotate_or_is_unknown_is_refused(tmp_path: Path) -> None:
    def told(name: str, **parameters: int) -> TrainingOptions:
        return TrainingOptions(architecture=name, parameters=parameters)

    for options, sentence in (
        (told("concatenation"), "concatenation joins what .* they do not hand over"),
        (told("probability-mpl"), "did you mean 'probability-mlp'"),
        (told("probability-mlp", widht=3), "did you mean 'width'"),
        (told("probability-mlp"), "run tonescribe train audio first"),
    ):
        with pytest.raises(SettingsError, match=sentence):
            train_fusion_network("fusion", tmp_path, tmp_path, options)

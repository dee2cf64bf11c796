"""Any audio classifier of transformers as the audio branch, from a folder, offline."""

from pathlib import Path

import numpy as np
import pytest

from models.audio.wav2vec2 import Wav2Vec2Branch
from models.hub_classifier import class_matrix
from schemas.emotions import EMOTIONS
from schemas.errors import WeightsError
from schemas.settings import WeightSettings

NAMES = {0: "angry", 1: "calm", 2: "Neutral", 3: "contempt", 4: "hap"}


def save_checkpoint(folder: Path, *, masked: bool, names: dict[int, str] = NAMES) -> Path:
    """A wav2vec 2.0 with random weights, saved as trained ones are."""
    import torch
    from transformers import (
        Wav2Vec2Config,
        Wav2Vec2FeatureExtractor,
        Wav2Vec2ForSequenceClassification,
    )

    torch.manual_seed(0)
    config = Wav2Vec2Config(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=(16,) * 7,
        num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2,
        classifier_proj_size=8,
        feat_extract_norm="layer" if masked else "group",
        id2label=names,
        label2id={name: index for index, name in names.items()},
    )
    Wav2Vec2ForSequenceClassification(config).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(return_attention_mask=masked).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=[True, False], ids=["with a mask", "without a mask"])
def branch(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Wav2Vec2Branch:
    folder = save_checkpoint(tmp_path_factory.mktemp("checkpoint"), masked=request.param)
    return Wav2Vec2Branch(WeightSettings(audio=str(folder), device="cpu"))


def noise(seconds: float, seed: int) -> np.ndarray:
    """Noise that swells four times a second, as syllables do."""
    times = np.arange(int(seconds * 16_000)) / 16_000
    swell = 0.1 * (1 + 0.9 * np.sin(2 * np.pi * 4 * times))
    return (swell * np.random.default_rng(seed).standard_normal(len(times))).astype(np.float32)


def test_its_classes_become_the_seven(branch: Wav2Vec2Branch) -> None:
    scores = branch.score([noise(1.0, 0), noise(2.0, 1)])
    assert scores.shape == (2, 7)
    np.testing.assert_allclose(scores.sum(axis=1), 1.0, atol=1e-5)
    unknown = [EMOTIONS.index(name) for name in ("sad", "fearful", "disgust", "surprised")]
    assert (scores[:, unknown] == 0).all()


def test_a_clip_is_judged_alike_alone_and_in_company(branch: Wav2Vec2Branch) -> None:
    clips = [noise(seconds, seed) for seed, seconds in enumerate((1.0, 2.2, 0.7))]
    together = branch.score(clips)
    alone = np.concatenate([branch.score([clip]) for clip in clips])
    np.testing.assert_allclose(together, alone, atol=2e-3)


def test_silence_is_judged_evenly_and_long_clips_in_windows(branch: Wav2Vec2Branch) -> None:
    silent, long = branch.score([np.zeros(16_000, np.float32), noise(23.0, 3)])
    np.testing.assert_allclose(silent, 1 / 7, atol=1e-6)
    assert long.sum() == pytest.approx(1.0, abs=1e-5)


def test_calm_and_neutral_are_one_class_and_contempt_none() -> None:
    matrix = class_matrix("audio", NAMES, "x")
    assert matrix[1].argmax() == matrix[2].argmax() == EMOTIONS.index("neutral")
    assert matrix[3].sum() == 0


def test_a_checkpoint_of_other_things_is_refused() -> None:
    with pytest.raises(WeightsError, match="names no emotions of ours: cat, dog"):
        class_matrix("audio", {0: "cat", 1: "dog"}, "x")


def test_a_checkpoint_without_a_trained_classifier_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = save_checkpoint(tmp_path / "headless", masked=True)
    state = load_file(str(folder / "model.safetensors"))
    kept = {name: tensor for name, tensor in state.items() if "classifier" not in name}
    save_file(kept, str(folder / "model.safetensors"), metadata={"format": "pt"})
    with pytest.raises(WeightsError, match=r"lacks classifier\.(weight|bias)"):
        Wav2Vec2Branch(WeightSettings(audio=str(folder)))


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("", "set weights.audio to its folder"),
        ("nobody/has-such-a-checkpoint", "nobody/has-such-a-checkpoint cannot be loaded"),
    ],
)
def test_a_missing_checkpoint_is_one_sentence(source: str, sentence: str) -> None:
    with pytest.raises(WeightsError, match=sentence):
        Wav2Vec2Branch(WeightSettings(audio=source))


def test_the_digest_is_the_weights_not_the_folder(tmp_path: Path) -> None:
    first = Wav2Vec2Branch(WeightSettings(audio=str(save_checkpoint(tmp_path / "a", masked=True))))
    same = Wav2Vec2Branch(WeightSettings(audio=str(save_checkpoint(tmp_path / "b", masked=True))))
    other = save_checkpoint(tmp_path / "c", masked=True, names={0: "sad", 1: "angry"})
    assert first.digest == same.digest
    assert Wav2Vec2Branch(WeightSettings(audio=str(other))).digest != first.digest

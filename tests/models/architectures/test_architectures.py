"""Every architecture of the table is built, judges any length through its mask, and is stored."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models.architectures.branch import judge, load_trained
from models.architectures.mfcc_cnn import mfcc
from models.architectures.network import TrainableNetwork, pad_last
from models.architectures.table import ARCHITECTURES, build, checked, construct
from models.checkpoint import save_weights, shipped
from models.protocols import FaceSequence, TextSample
from models.registry import load_engine
from schemas.emotions import EMOTIONS
from schemas.errors import SettingsError, WeightsError
from schemas.settings import WeightSettings
from tests.material.checkpoints import random_text_encoder, random_wav2vec2

SMALL: dict[str, dict[str, Any]] = {
    "mel-transformer": {"frames_per_second": 20},
    "mel-transformer-495": {"frames_per_second": 20},
    "vggish": {"width": 4},
    "resnet18-transformer": {"size": 32, "inner": 32},
}
CPU = torch.device("cpu")


def voice(seconds: float, seed: int = 0) -> np.ndarray:
    """Noise that swells four times a second, as syllables do."""
    times = np.arange(int(seconds * 16_000)) / 16_000
    swell = 0.1 * (1 + 0.9 * np.sin(2 * np.pi * 4 * times))
    return (swell * np.random.default_rng(seed).standard_normal(len(times))).astype(np.float32)


def face(frames: int, seed: int = 0) -> FaceSequence:
    crops = np.random.default_rng(seed).integers(0, 255, (frames, 48, 48), dtype=np.uint8)
    return FaceSequence(crops, np.arange(frames, dtype=np.float32) / 5)


def said(text: str) -> TextSample:
    return TextSample(text, "en")


SAMPLES: dict[str, list[Any]] = {
    "audio": [voice(1.0), voice(3.7, 1), voice(0.3, 2)],
    "video": [face(1), face(5, 1), face(2, 2)],
    "text": [said("what a day"), said("no"), said("good good morning what a nice day")],
}


def new(branch: str, name: str, folder: Path) -> TrainableNetwork:
    """A small network of the row, started as a training starts it."""
    torch.manual_seed(0)
    network = build(branch, name, SMALL.get(name))
    source = {
        "wav2vec2": lambda: random_wav2vec2(folder / "start"),
        "bert": lambda: random_text_encoder(folder / "start", "bert"),
        "xlm-r": lambda: random_text_encoder(folder / "start", "xlm-roberta"),
    }.get(name)
    network.start_from(str(source()) if source else None)
    network.learn_vocabulary(SAMPLES[branch])
    features = [network.prepare(sample) for sample in SAMPLES[branch]]
    network.learn_scale(features)
    return network.eval()


ROWS = [(branch, name) for branch in SAMPLES for name in ARCHITECTURES[branch]]


@pytest.mark.parametrize(("branch", "name"), ROWS)
def test_a_sample_is_judged_alike_alone_and_in_company(
    branch: str, name: str, tmp_path: Path
) -> None:
    network = new(branch, name, tmp_path)
    features = [network.prepare(sample) for sample in SAMPLES[branch]]
    with torch.inference_mode():
        together = network(*pad_last(features))
        alone = torch.cat([network(*pad_last([own])) for own in features])
    assert together.shape == (3, 7)
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-3)
    assert (together[0] - together[1]).abs().max() > 1e-6


@pytest.mark.parametrize(("branch", "name"), ROWS)
def test_stored_weights_judge_as_before_through_the_registry(
    branch: str, name: str, tmp_path: Path
) -> None:
    network = new(branch, name, tmp_path)
    path = store(network, branch, name, tmp_path)
    engine = load_engine(branch, "embedded", WeightSettings(**{branch: str(path), "device": "cpu"}))
    scores = engine.score(SAMPLES[branch])
    features = [network.prepare(sample) for sample in SAMPLES[branch]]
    expected = torch.from_numpy(judge(network, features, CPU)).softmax(dim=1).numpy()
    np.testing.assert_allclose(scores, expected, atol=0.03)
    np.testing.assert_allclose(scores.sum(axis=1), 1.0, atol=1e-4)


def store(network: TrainableNetwork, branch: str, name: str, folder: Path) -> Path:
    path = folder / f"{branch}.safetensors"
    config = {
        "branch": branch,
        "architecture": name,
        "parameters": SMALL.get(name, {}),
        "encoder": network.encoder_config(),
        "companions": sorted(network.companions()),
        "classes": EMOTIONS,
        "temperature": 1.0,
        "calibration_speakers": ["ravdess/01"],
    }
    save_weights(path, network.state_dict(), config)
    for suffix, text in network.companions().items():
        path.with_suffix(suffix).write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["mel-transformer", "mel-transformer-495"])
def test_the_size_of_a_mel_transformer_is_the_one_that_the_documents_state(name: str) -> None:
    network = build("audio", name, n_classes=8)
    count = sum(parameter.numel() for parameter in network.parameters())
    document = Path(__file__).parents[3] / "docs" / "seeds.md"
    (row,) = [
        line
        for line in document.read_text(encoding="utf-8").splitlines()
        if line.startswith(f"| audio | `{name}` |")
    ]
    assert f"{count:,} parameters" in row


def test_all_495_frames_of_the_whole_mel_transformer_are_told_apart_by_their_distance() -> None:
    torch.manual_seed(0)
    for name, apart in (("mel-transformer", False), ("mel-transformer-495", True)):
        attention = build("audio", name).layers[0].attention.eval()
        asked = torch.ones(1, 10, 495, 5)
        first, second = attention._by_distance(asked, asked)[0, 0, 0, -2:]
        assert bool((first - second).abs() > 1e-6) == apart


@pytest.mark.parametrize("averaged", [True, False])
def test_a_flattened_curve_has_216_frames_and_hears_no_padding(averaged: bool) -> None:
    torch.manual_seed(0)
    network = build("audio", "mfcc-cnn-1d", {"flatten": "true", "averaged": averaged}).eval()
    assert network.head.in_features == 128 * 27
    long, short = voice(6.0), voice(0.7, 1)
    features = [network.prepare(sample) for sample in (long, short)]
    network.learn_scale(features)
    middle = mfcc(long, 13, 186)[:, 150:366]
    torch.testing.assert_close(
        features[0], middle.mean(dim=0, keepdim=True) if averaged else middle
    )
    padded, lengths = pad_last(features)
    with torch.inference_mode():
        together = network(padded, lengths)
        alone = torch.cat([network(*pad_last([own])) for own in features])
        padded[1, :, int(lengths[1]) :] = 1e3
        noisy = network(padded, lengths)
        turned = network(*pad_last([features[0].flip(1)]))
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(together, noisy)
    assert (turned - together[:1]).abs().max() > 1e-4


def test_a_level_is_not_heard_unless_it_is_asked_for() -> None:
    even, loud = build("audio", "level-logistic"), build("audio", "level-logistic", {"even": "no"})
    clip = voice(2.0)
    torch.testing.assert_close(even.prepare(clip), even.prepare(clip * 0.3), atol=1e-3, rtol=0)
    assert loud.prepare(clip)[1] - loud.prepare(clip * 0.3)[1] == pytest.approx(1.2, abs=0.1)
    for name in ("mfcc-cnn-1d", "mfcc-cnn-2d", "mel-transformer", "vggish", "wav2vec2"):
        network = build("audio", name, SMALL.get(name))
        torch.testing.assert_close(
            network.prepare(clip), network.prepare(clip * 0.3), atol=0.02, rtol=1e-3
        )


def test_a_long_sound_is_judged_by_pieces_of_three_seconds_that_count_by_their_length() -> None:
    torch.manual_seed(1)
    network = build("audio", "vggish", {"width": 4}).eval()
    first, second = torch.randn(1, 80, 300), torch.randn(1, 80, 100)
    with torch.inference_mode():
        whole = network(torch.cat([first, second], dim=2), torch.tensor([400]))
        parts = [network(mel, torch.tensor([mel.shape[2]])) for mel in (first, second)]
    torch.testing.assert_close(whole, 0.75 * parts[0] + 0.25 * parts[1], atol=1e-5, rtol=1e-4)


def trained_parameters(network: torch.nn.Module) -> set[str]:
    return {name for name, own in network.named_parameters() if own.requires_grad}


@pytest.mark.parametrize(("count", "learning"), [(0, set()), (1, {"1"}), (-1, {"0", "1"})])
def test_only_the_last_layers_of_wav2vec2_learn(
    count: int, learning: set[str], tmp_path: Path
) -> None:
    network = build("audio", "wav2vec2", {"trained_layers": count})
    network.start_from(str(random_wav2vec2(tmp_path, layers=2)))
    names = trained_parameters(network)
    assert {name.split(".")[3] for name in names if "encoder.encoder.layers." in name} == learning
    assert not [name for name in names if "feature_extractor" in name]
    assert "head.weight" in names


def save_resnet(folder: Path) -> Path:
    from safetensors.torch import save_file
    from torchvision.models import resnet18

    torch.manual_seed(5)
    save_file(resnet18(weights=None).state_dict(), folder / "resnet18.safetensors")
    return folder


@pytest.mark.parametrize(
    ("pooling", "trained", "learning"),
    [
        ("average", "none", set()),
        ("transformer", "none", set()),
        ("transformer", "last-two", {"6", "7"}),
        ("transformer", "all", {"0", "1", "4", "5", "6", "7"}),
    ],
)
def test_all_variants_of_the_face_network_start_from_torchvision(
    pooling: str, trained: str, learning: set[str], tmp_path: Path
) -> None:
    told = {"pooling": pooling, "trained": trained, "size": 32}
    network = build("video", "resnet18-transformer", told)
    network.start_from(str(save_resnet(tmp_path)))
    names = trained_parameters(network)
    assert {name.split(".")[1] for name in names if name.startswith("encoder.")} == learning
    assert bool([name for name in names if name.startswith("temporal.")]) == (
        pooling == "transformer"
    )
    before = network.encoder[1].running_mean.clone()
    network.train()
    network(*pad_last([network.prepare(face(3))] * 2))
    assert torch.equal(before, network.encoder[1].running_mean) == (trained != "all")


def test_the_order_of_frames_counts_for_the_transformer_alone() -> None:
    sequence = face(4)
    turned = FaceSequence(sequence.crops[::-1].copy(), sequence.times)
    for pooling, told_apart in (("average", False), ("transformer", True)):
        torch.manual_seed(0)
        network = build("video", "resnet18-transformer", {"pooling": pooling, "size": 32}).eval()
        with torch.inference_mode():
            there, back = (network(*pad_last([network.prepare(own)])) for own in (sequence, turned))
        assert ((there - back).abs().max() > 1e-5) == told_apart


def test_words_are_counted_or_weighted_by_how_rare_they_are() -> None:
    texts = [said("common rare"), said("common"), said("common common")]
    torch.manual_seed(0)
    one_hot = build("text", "one-hot-mlp", {"words": 10}).eval()
    one_hot.learn_vocabulary(texts)
    once, twice = (judge(one_hot, [one_hot.prepare(t)], CPU) for t in texts[1:])
    np.testing.assert_allclose(once, twice)
    weighted = build("text", "tfidf-mlp", {"words": 10})
    weighted.learn_vocabulary(texts)
    common, rare = (weighted.weights[int(weighted.prepare(said(w))[0])] for w in ("common", "rare"))
    assert rare > common
    assert judge(one_hot, [one_hot.prepare(said("unheard of"))], CPU).shape == (1, 7)


def test_what_cannot_be_judged_is_even_for_a_voice_and_missing_for_the_rest(
    tmp_path: Path,
) -> None:
    nothing: dict[tuple[str, str], Sequence[Any]] = {
        ("audio", "level-logistic"): [np.zeros(16_000, np.float32), voice(1.0)],
        ("text", "one-hot-mlp"): [said(" ... "), said("good day")],
    }
    for (branch, name), samples in nothing.items():
        network = new(branch, name, tmp_path)
        path = store(network, branch, name, tmp_path)
        weights = WeightSettings(**{branch: str(path), "device": "cpu"})
        empty, full = load_engine(branch, "embedded", weights).score(samples)
        assert full.sum() == pytest.approx(1.0, abs=1e-5)
        if branch == "audio":
            np.testing.assert_allclose(empty, 1 / 7, atol=1e-6)
        else:
            assert np.isnan(empty).all()


def test_a_wrong_choice_is_one_sentence_with_the_nearest() -> None:
    with pytest.raises(SettingsError, match="no audio architecture 'vgish'; did you mean 'vggish'"):
        build("audio", "vgish")
    with pytest.raises(SettingsError, match="no parameter 'widht'; did you mean 'width'"):
        build("audio", "vggish", {"widht": 3})
    with pytest.raises(SettingsError, match=r"vggish cannot have width=wide: .*integer"):
        build("audio", "vggish", {"width": "wide"})
    with pytest.raises(SettingsError, match=r"pooling=sum: .*'transformer' or 'average'"):
        build("video", "resnet18-transformer", {"pooling": "sum"})
    with pytest.raises(SettingsError, match="no parameter 'n_classes'"):
        checked("audio", "vggish", {"n_classes": 3})


def test_starting_weights_are_asked_for_and_refused_where_they_make_no_sense(
    tmp_path: Path,
) -> None:
    for branch, name in (("audio", "wav2vec2"), ("text", "bert")):
        with pytest.raises(SettingsError, match="with --start"):
            build(branch, name).start_from(None)
        with pytest.raises(WeightsError, match=r"No .* found at nobody/nothing"):
            build(branch, name).start_from("nobody/nothing")
    with pytest.raises(SettingsError, match="leave --start out"):
        build("audio", "level-logistic").start_from("somewhere")
    with pytest.raises(SettingsError, match="set trained=all"):
        build("video", "resnet18-transformer", {"trained": "none"}).start_from(None)
    with pytest.raises(WeightsError, match="holds no files of weights"):
        build("video", "resnet18-transformer").start_from(str(tmp_path))


def test_weights_of_another_branch_or_without_their_vocabulary_are_refused(tmp_path: Path) -> None:
    path = store(new("text", "tfidf-mlp", tmp_path), "text", "tfidf-mlp", tmp_path)
    with pytest.raises(WeightsError, match="holds no audio network"):
        load_trained("audio", path)
    path.with_suffix(".vocabulary.json").unlink()
    with pytest.raises(WeightsError, match=r"vocabulary\.json is missing"):
        load_trained("text", path)


def test_networks_of_fusion_do_not_hear_what_is_absent() -> None:
    torch.manual_seed(0)
    scores = torch.rand(4, 3, 7).softmax(dim=2)
    present = torch.tensor([[True, True, False]] * 4)
    broken = scores.clone()
    broken[:, 2] = torch.nan
    network = construct("fusion", "probability-mlp", {"width": "8"}, {"n_branches": 3}).eval()
    torch.testing.assert_close(network(scores, present), network(broken, present))
    joined = construct("fusion", "concatenation", None, {"widths": (7, 7, 7)}).eval()
    torch.testing.assert_close(
        joined(list(scores.unbind(dim=1)), present), joined(list(broken.unbind(dim=1)), present)
    )
    assert joined(list(scores.unbind(dim=1)), present).isfinite().all()


@pytest.mark.parametrize(
    ("branch", "other"), [("audio", "text"), ("audio", "video"), ("video", "text")]
)
def test_what_ships_for_another_branch_is_refused(branch: str, other: str) -> None:
    settings = WeightSettings.model_validate({branch: str(shipped(other)), "device": "cpu"})
    with pytest.raises(WeightsError, match=r"holds no (voice|face) network of tonescribe"):
        load_engine(branch, "embedded", settings)

"""The audio network: Whisper's encoder without its padding, and a branch that loads it."""

import functools
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from models.audio.embedded import (
    VOICE_CLASSES,
    EmbeddedAudioBranch,
    even_logits,
    hear_voices,
    load_network,
    merge_calm,
    voice_logits,
)
from models.audio.network import (
    WHISPER_TINY,
    AudioEmotionNetwork,
    NetworkShape,
    VoiceEncoder,
    pad_frames,
)
from models.audio.sound import at_tempo, log_mel
from models.audio.voicing import somebody_speaks
from models.checkpoint import save_weights, shipped
from models.protocols import FamiliarBranch
from models.scores import softmax
from schemas.emotions import EMOTIONS
from schemas.errors import WeightsError
from schemas.settings import WeightSettings

SMALL: NetworkShape = {
    "n_mels": 80,
    "width": 32,
    "n_layers": 2,
    "n_heads": 4,
    "n_inner": 64,
    "n_positions": 1500,
    "n_classes": 7,
}


def noise(seconds: float, seed: int = 0, level: float = 0.1) -> np.ndarray:
    """Noise that swells four times a second, as syllables do."""
    random = np.random.default_rng(seed)
    times = np.arange(int(seconds * 16_000)) / 16_000
    swell = 1 + 0.9 * np.sin(2 * np.pi * 4 * times + seed)
    return (level * swell * random.standard_normal(len(times))).astype(np.float32)


@functools.cache
def telephone_talk() -> np.ndarray:
    """Half a minute of two people on the telephone, from pyannote.audio's wheel."""
    import soundfile

    package = find_spec("pyannote")
    assert package is not None
    assert package.submodule_search_locations
    path = Path(package.submodule_search_locations[0]) / "audio" / "sample" / "sample.wav"
    samples, _ = soundfile.read(str(path), dtype="float32")
    return samples


def voice(seconds: float, start: float = 7.0) -> np.ndarray:
    """A piece of the talk, from a moment at which somebody speaks."""
    return telephone_talk()[int(start * 16_000) :][: int(seconds * 16_000)].copy()


@pytest.fixture
def network() -> AudioEmotionNetwork:
    torch.manual_seed(0)
    made = AudioEmotionNetwork(SMALL)
    torch.nn.init.normal_(made.pooling.outer.weight)
    return made.eval()


@pytest.fixture
def weights(network: AudioEmotionNetwork, tmp_path: Path) -> Path:
    path = tmp_path / "voice.safetensors"
    config = {"classes": EMOTIONS, "shape": SMALL, "temperature": 2.0}
    save_weights(path, network.state_dict(), config)
    return path


@pytest.mark.needs_shared
def test_the_encoder_is_whispers(shared: Path) -> None:
    from safetensors.torch import load_file
    from transformers import WhisperConfig
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    folder = shared / "weights" / "whisper_tiny_en"
    state = {k: v.float() for k, v in load_file(str(folder / "encoder.safetensors")).items()}
    theirs = WhisperEncoder(WhisperConfig.from_json_file(str(folder / "config.json"))).eval()
    theirs.load_state_dict(state)
    mine = VoiceEncoder(WHISPER_TINY).eval()
    mine.load_state_dict(state)
    mel = log_mel(noise(30.0))[None]
    with torch.inference_mode():
        expected = theirs(mel, output_hidden_states=True)
        found, real = mine(mel, torch.tensor([3000]))
    assert bool(real.all())
    torch.testing.assert_close(found[-1], expected.last_hidden_state, atol=2e-3, rtol=1e-3)
    torch.testing.assert_close(found[1], expected.hidden_states[1], atol=2e-3, rtol=1e-3)


def test_a_clip_is_judged_alike_alone_and_in_company(network: AudioEmotionNetwork) -> None:
    short, long = log_mel(noise(1.03)), log_mel(noise(2.5, seed=1))
    with torch.inference_mode():
        alone = network(*pad_frames([short]))
        together = network(*pad_frames([short, long]))
    torch.testing.assert_close(together[:1], alone, atol=1e-5, rtol=1e-4)


def test_the_branch_gives_probabilities_in_the_order_given(weights: Path) -> None:
    branch = EmbeddedAudioBranch(WeightSettings(audio=str(weights), device="cpu", batch_size=1))
    clips = [voice(0.4), voice(3.0, 15.0), noise(1.0), voice(1.0, 9.0), noise(0.05)]
    scores = branch.score(clips)
    assert scores.shape == (5, 7)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores.sum(axis=1), 1.0, atol=1e-5)
    one_by_one = np.concatenate([branch.score([clip]) for clip in clips])
    np.testing.assert_allclose(scores, one_by_one, atol=0.01)


def test_loudness_does_not_matter(weights: Path) -> None:
    branch = EmbeddedAudioBranch(WeightSettings(audio=str(weights), device="cpu"))
    quiet, loud = branch.score([0.05 * voice(2.0), voice(2.0)])
    np.testing.assert_allclose(quiet, loud, atol=0.01)
    assert loud.max() > 1 / 7 + 0.001


def test_silence_hums_and_fans_are_judged_evenly(weights: Path) -> None:
    branch = EmbeddedAudioBranch(WeightSettings(audio=str(weights), device="cpu"))
    hum = 0.1 * np.sin(2 * np.pi * 50 * np.arange(32_000) / 16_000)
    fan = 0.05 * np.random.default_rng(0).standard_normal(32_000)
    clips = [np.zeros(16_000), np.zeros(0), hum, fan]
    scores = branch.score([clip.astype(np.float32) for clip in clips])
    np.testing.assert_allclose(scores, 1 / 7, atol=1e-6)
    assert branch.score([]).shape == (0, 7)


def test_speech_is_told_from_music_and_keys() -> None:
    from lab.acoustics import no_voice_sounds

    assert all(somebody_speaks(level * voice(1.0)) for level in (0.05, 1.0))
    heard = [somebody_speaks(sound) for _, sound in no_voice_sounds()]
    assert np.mean(heard) < 0.1


def test_a_long_utterance_is_the_mean_of_its_windows(network: AudioEmotionNetwork) -> None:
    long = noise(24.0)
    cpu = torch.device("cpu")
    parts = voice_logits(network, np.array_split(long, 3), cpu)
    whole = voice_logits(network, [long], cpu)
    np.testing.assert_allclose(whole[0], parts.mean(axis=0), atol=0.02)


def test_the_temperature_flattens(network: AudioEmotionNetwork, weights: Path) -> None:
    branch = EmbeddedAudioBranch(WeightSettings(audio=str(weights), device="cpu"))
    clip = voice(2.0)
    logits = voice_logits(network, [clip], torch.device("cpu"))[0]
    ratio = np.log(branch.score([clip])[0])
    logits = merge_calm(logits[None])[0]
    spread = (ratio.max() - ratio.min()) / (logits.max() - logits.min())
    assert spread == pytest.approx(0.5, rel=0.05)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_weights(path, {"x": torch.ones(3)}, {"classes": ["cat", "dog"]})
    with pytest.raises(WeightsError, match="holds no audio network"):
        EmbeddedAudioBranch(WeightSettings(audio=str(path)))
    with pytest.raises(WeightsError, match="are missing"):
        EmbeddedAudioBranch(WeightSettings(audio=str(tmp_path / "none.safetensors")))


def test_a_missing_gpu_is_said(weights: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(WeightsError, match="no CUDA device"):
        EmbeddedAudioBranch(WeightSettings(audio=str(weights), device="cuda"))


@pytest.fixture(scope="module")
def shipped_branch() -> EmbeddedAudioBranch:
    return EmbeddedAudioBranch(WeightSettings(device="cpu"))


def test_what_ships_is_small_and_names_its_corpora(shipped_branch: EmbeddedAudioBranch) -> None:
    assert shipped("audio").stat().st_size < 12e6
    assert {name.split("/")[0] for name in shipped_branch.unseen_speakers} == {
        "ravdess",
        "emodb",
        "emovo",
        "nemo",
    }


def test_what_ships_is_rarely_sure_of_sounds_without_a_voice(
    shipped_branch: EmbeddedAudioBranch,
) -> None:
    from lab.acoustics.augmentation import no_voice

    scores = shipped_branch.score(no_voice(40, (1.0, 4.0), np.random.default_rng(99)))
    assert float(np.median(scores.max(axis=1))) < 0.35
    assert (scores.max(axis=1) > 0.6).mean() < 0.1


@pytest.mark.needs_shared
def test_what_ships_hears_mostly_neutral_in_meetings_that_it_never_heard(
    shipped_branch: EmbeddedAudioBranch, shared: Path
) -> None:
    from lab.audio.train import REPORTED_MEETINGS
    from lab.corpora.sound import read_sound
    from models.audio.sound import windows

    pieces = [
        piece
        for recording in sorted((shared / "data" / "meeting").glob("*.flac"))
        if recording.stem.split("_")[0] in REPORTED_MEETINGS
        for piece in windows(read_sound(str(recording)), 3.0)
    ]
    assert len(pieces) == 40
    called = shipped_branch.score(pieces).argmax(axis=1)
    assert (called == EMOTIONS.index("neutral")).mean() > 0.5


@pytest.mark.needs_shared
def test_what_ships_knows_unseen_speakers_far_better_than_chance(
    shipped_branch: EmbeddedAudioBranch, shared: Path
) -> None:
    from lab.audio.sounds import classes_of
    from lab.corpora.samples import read_voice
    from lab.corpora.speech import read_speech
    from lab.measures import measure

    clips = [
        clip
        for clip in read_speech(shared / "data" / "speech")
        if clip.emotion and f"{clip.corpus}/{clip.speaker}" in shipped_branch.unseen_speakers
    ][::4]
    scores = shipped_branch.score([read_voice(clip) for clip in clips])
    labels = classes_of(clips)
    found = measure(labels, scores)
    assert found.uar > 0.55
    # calibrated on strangers: of corpora that it knows it is rather too quiet than too loud
    assert 0 < found.accuracy - scores.max(axis=1).mean() < 0.25


def test_calm_joins_neutral_and_silence_is_even_over_seven() -> None:
    even = softmax(merge_calm(even_logits(8)[None]))
    np.testing.assert_allclose(even, 1 / 7, atol=1e-6)
    calm = np.log(np.full((1, 8), 0.05, np.float32))
    calm[0, VOICE_CLASSES.index("calm")] = np.log(0.65)
    assert softmax(merge_calm(calm))[0, EMOTIONS.index("neutral")] == pytest.approx(0.7)


def test_the_shipped_voice_finds_a_childs_pitch_and_a_crowd_strange() -> None:
    branch = EmbeddedAudioBranch(WeightSettings(device="cpu"))
    assert isinstance(branch, FamiliarBranch)
    own = voice(3.0)
    crowd = own + np.roll(own, 9_000) + np.roll(own, 20_000)
    heard = [own, at_tempo(own, 1.6), crowd, np.zeros(16_000, np.float32)]
    judgement = branch.judge(heard)
    usual, high, several, nobody = judgement.familiarity
    assert usual > high
    assert usual > several
    assert np.isnan(nobody)
    np.testing.assert_array_equal(judgement.scores, branch.score(heard))


def test_strangeness_does_not_depend_on_company() -> None:
    network, familiarity, _ = load_network(shipped("audio"))
    cpu, own = torch.device("cpu"), voice(3.0)
    alone = hear_voices(network, [own], cpu, familiarity=familiarity)
    both = hear_voices(network, [own[:20_000], own], cpu, familiarity=familiarity)
    assert both.strangeness[1] == pytest.approx(alone.strangeness[0], rel=0.05)
    np.testing.assert_allclose(voice_logits(network, [own], cpu), alone.logits, atol=1e-6)

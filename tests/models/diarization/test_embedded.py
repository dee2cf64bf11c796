"""The embedded diarizer on real voices."""

import importlib.util
import itertools
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from models.diarization.campplus import load_campplus, log_mels
from models.diarization.embedded import SEGMENTATIONS, EmbeddedDiarizer, _file
from models.diarization.segmentation import load_segmentation
from models.network_store import find_network
from models.protocols import SpeakerHints
from schemas.errors import WeightsError
from schemas.settings import WeightSettings
from schemas.speech import Diarization, Turn
from tests.material.sounds import Sound


@pytest.fixture(scope="module")
def engine() -> EmbeddedDiarizer:
    return EmbeddedDiarizer(WeightSettings())


@pytest.fixture(scope="module")
def talk() -> NDArray[np.float32]:
    """Thirty seconds of two people on the telephone, from pyannote.audio's wheel."""
    spec = importlib.util.find_spec("pyannote.audio")
    assert spec is not None
    assert spec.origin is not None
    samples, _ = soundfile.read(Path(spec.origin).parent / "sample/sample.wav", dtype="float32")
    return np.asarray(samples, np.float32)


@pytest.fixture(scope="module")
def made(engine: EmbeddedDiarizer, talk: NDArray[np.float32]) -> Diarization:
    return engine.diarize(Sound(talk), SpeakerHints())


def seconds(turns: tuple[Turn, ...]) -> float:
    return sum(turn.duration for turn in turns)


def test_two_people_are_two_speakers_named_by_first_appearance(made: Diarization) -> None:
    assert made.speakers == ("SPEAKER_00", "SPEAKER_01")
    assert made.turns[0].speaker == "SPEAKER_00"
    assert 15 < seconds(made.turns) < 30
    assert len({turn.confidence for turn in made.turns}) > 3


def test_exclusive_turns_never_overlap_and_stay_inside_the_turns(made: Diarization) -> None:
    alone = sorted(made.exclusive, key=lambda turn: turn.start)
    assert all(a.end <= b.start for a, b in itertools.pairwise(alone))
    for turn in alone:
        assert any(
            t.speaker == turn.speaker and t.start <= turn.start and turn.end <= t.end
            for t in made.turns
        )


def test_turns_stay_inside_the_recording(made: Diarization) -> None:
    assert all(0 <= turn.start < turn.end <= 30.0 for turn in made.turns)


@pytest.mark.parametrize("asked", [1, 2, 3])
def test_exactly_so_many_speakers(
    engine: EmbeddedDiarizer, talk: NDArray[np.float32], asked: int
) -> None:
    found = engine.diarize(Sound(talk), SpeakerHints(exactly=asked))
    assert len(found.speakers) == asked


def test_at_least_and_at_most(engine: EmbeddedDiarizer, talk: NDArray[np.float32]) -> None:
    assert len(engine.diarize(Sound(talk), SpeakerHints(at_most=1)).speakers) == 1
    assert len(engine.diarize(Sound(talk), SpeakerHints(at_least=3)).speakers) >= 3


@pytest.mark.parametrize(
    "sound",
    [
        lambda: np.zeros(0, np.float32),
        lambda: np.zeros(48_000, np.float32),
        lambda: np.random.default_rng(0).normal(0, 0.01, 160_000).astype(np.float32),
        lambda: np.full(80_000, 0.1, np.float32),
    ],
    ids=["empty", "silence", "noise", "constant"],
)
def test_no_voice_has_no_turns(
    engine: EmbeddedDiarizer, sound: Callable[[], NDArray[np.float32]]
) -> None:
    assert engine.diarize(Sound(sound()), SpeakerHints()) == Diarization()


def test_three_seconds_of_one_voice_are_one_speaker(
    engine: EmbeddedDiarizer, talk: NDArray[np.float32], made: Diarization
) -> None:
    longest = max(made.exclusive, key=lambda turn: turn.duration)
    first = round(longest.start * 16_000)
    found = engine.diarize(Sound(talk[first : first + 48_000]), SpeakerHints())
    assert found.speakers == ("SPEAKER_00",)


def test_loudness_does_not_matter(
    engine: EmbeddedDiarizer, talk: NDArray[np.float32], made: Diarization
) -> None:
    quiet = engine.diarize(Sound(talk * 0.03), SpeakerHints())
    assert quiet.speakers == made.speakers
    assert seconds(quiet.turns) == pytest.approx(seconds(made.turns), rel=0.03)


def test_blocks_give_what_one_pass_gives_and_little_is_read_at_once(
    engine: EmbeddedDiarizer, talk: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    longer = np.concatenate([talk, talk[:100_000]])
    whole = engine.listen(Sound(longer), SpeakerHints())
    for bound in ("_SHORTEST_BLOCK", "_LONGEST_BLOCK"):
        monkeypatch.setattr(f"models.diarization.listening.{bound}", 10.0)
    sound = Sound(longer)
    blocks = engine.listen(sound, SpeakerHints())
    assert sound.longest_read <= 20.0
    for one, parts in zip(whole, blocks, strict=True):
        np.testing.assert_allclose(
            parts.scores.astype(int), one.scores.astype(int), atol=1, err_msg="scores"
        )
        np.testing.assert_allclose(parts.embeddings, one.embeddings, atol=0.01, equal_nan=True)


@pytest.mark.parametrize("duration", [0.005, 0.024, 0.025, 0.1])
def test_a_moment_of_sound_is_no_voice(
    engine: EmbeddedDiarizer, talk: NDArray[np.float32], duration: float
) -> None:
    first = round(22.0 * 16_000)
    sound = Sound(talk[first : first + round(duration * 16_000)])
    assert engine.diarize(sound, SpeakerHints()) == Diarization()


@pytest.mark.parametrize("duration", [0.3, 4.9, 5.0, 5.1, 9.99, 10.0, 61.5, 120.0, 121.3])
def test_every_second_of_a_recording_is_heard(engine: EmbeddedDiarizer, duration: float) -> None:
    silence = Sound(np.zeros(round(duration * 16_000), np.float32))
    for heard in engine.listen(silence, SpeakerHints(exactly=1)):
        reach = (len(heard.scores) - 1) * heard.step + heard.window
        assert reach >= duration
        assert reach - heard.step < duration or len(heard.scores) == 1


def test_the_same_sound_gives_the_same_turns(
    engine: EmbeddedDiarizer, talk: NDArray[np.float32], made: Diarization
) -> None:
    assert engine.diarize(Sound(talk), SpeakerHints()) == made


@pytest.mark.needs_shared
@pytest.mark.parametrize("clip", ["trn06_EN2005a", "trn09_EN2009b"])
def test_error_on_meetings_not_tuned_on(engine: EmbeddedDiarizer, shared: Path, clip: str) -> None:
    from pyannote.core import Annotation, Segment, Timeline
    from pyannote.metrics.diarization import DiarizationErrorRate

    samples, _ = soundfile.read(shared / f"data/meeting/{clip}.flac", dtype="float32")
    reference, hypothesis = Annotation(), Annotation()
    lines = (shared / "data/meeting/reference_pyannote.rttm").read_text().splitlines()
    for number, fields in enumerate(line.split() for line in lines):
        if fields[1] == clip:
            start = float(fields[3])
            reference[Segment(start, start + float(fields[4])), number] = fields[7]
    found = engine.diarize(Sound(samples), SpeakerHints())
    for number, turn in enumerate(found.turns):
        hypothesis[Segment(turn.start, turn.end), number] = turn.speaker
    whole = Timeline([Segment(0, len(samples) / 16_000)])
    assert DiarizationErrorRate()(reference, hypothesis, uem=whole) < 0.35


def test_without_the_speaker_encoder_there_are_turns_of_a_speaker_who_is_not_sure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, talk: NDArray[np.float32]
) -> None:
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    engine = EmbeddedDiarizer(WeightSettings())
    for hints in (SpeakerHints(), SpeakerHints(exactly=2)):
        made = engine.diarize(Sound(talk), hints)
        assert made.speakers == ("SPEAKER_00",)
        assert {turn.confidence for turn in made.turns} == {0.0}
    alone = engine.diarize(Sound(talk), SpeakerHints(exactly=1))
    assert min(turn.confidence for turn in alone.turns) > 0.3


def test_a_changed_network_is_refused_before_it_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "share/tonescribe/campplus" / _file("campplus")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"cos\nsystem\n(S'touch evil'\ntR.")
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WeightsError, match=r"not the pinned ones of campplus"):
        EmbeddedDiarizer(WeightSettings())
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("name", SEGMENTATIONS)
def test_segmentation_is_what_pyannote_computes(name: str, talk: NDArray[np.float32]) -> None:
    """The same checkpoint in pyannote's own code is the reference."""
    import torch
    from pyannote.audio.core.task import Specifications
    from pyannote.audio.models.segmentation import PyanNet
    from pyannote.audio.utils.powerset import Powerset

    path = find_network(name, WeightSettings()) / "pytorch_model.bin"
    ours = load_segmentation(name, path)
    state = torch.load(path, map_location="cpu", weights_only=False)
    theirs = PyanNet(
        sincnet={"stride": 10},
        lstm={"hidden_size": 128, "num_layers": 4, "bidirectional": True, "monolithic": True},
        linear={"hidden_size": 128, "num_layers": 2},
    )
    specifications: Specifications = state["pyannote.audio"]["specifications"]
    theirs.specifications = specifications
    theirs.build()
    theirs.load_state_dict(state["state_dict"])
    theirs.eval()
    length = round(specifications.duration * 16_000)
    windows = torch.from_numpy(talk[: 2 * length]).reshape(2, length)
    with torch.inference_mode():
        expected = theirs(windows[:, None])
        if specifications.powerset:
            expected = expected.exp() @ Powerset(3, 2).mapping
        np.testing.assert_allclose(ours(windows), expected, atol=0.02)


def test_a_checkpoint_makes_no_object_of_anybody(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {tmp_path}/evil",)

    import torch

    torch.save({"state_dict": {}, "x": Evil()}, tmp_path / "x.bin")
    with pytest.raises(pickle.UnpicklingError):
        load_segmentation("segmentation", tmp_path / "x.bin")
    assert not (tmp_path / "evil").exists()


def test_a_voice_is_nearer_to_itself_than_to_another(
    engine: EmbeddedDiarizer, talk: NDArray[np.float32], made: Diarization
) -> None:
    import torch

    encoder = load_campplus(find_network("campplus", WeightSettings()) / _file("campplus"))
    rows, who = [], []
    for turn in made.exclusive:
        if turn.duration > 1.0:
            said = talk[round(turn.start * 16_000) : round(turn.end * 16_000)]
            mels = log_mels(torch.from_numpy(said))
            with torch.inference_mode():
                rows.append(encoder((mels - mels.mean(0))[None])[0])
            who.append(turn.speaker)
    unit = torch.nn.functional.normalize(torch.stack(rows), dim=1)
    alike = (unit @ unit.T).numpy()
    same = np.equal.outer(who, who)
    assert unit.shape[1] == 192
    apart = ~np.eye(len(who), dtype=bool)
    assert alike[same & apart].mean() > alike[~same].mean() + 0.15

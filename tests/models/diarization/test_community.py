"""community-1: what can be said of it where its weights cannot be had."""

from pathlib import Path

import pytest

from models.diarization.community import CommunityDiarizer, to_diarization
from schemas.errors import WeightsError
from schemas.settings import WeightSettings


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


def test_without_permission_the_hub_is_not_asked() -> None:
    with pytest.raises(WeightsError, match=r"neither a folder nor in the hub's cache.*allow_hub"):
        CommunityDiarizer(WeightSettings())


def test_a_folder_without_a_pipeline_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"holds no config\.yaml"):
        CommunityDiarizer(WeightSettings(diarizer=str(tmp_path)))


@pytest.mark.parametrize(
    "config",
    [
        "",
        "a: [",
        "pipeline:\n  name: pyannote.audio.pipelines.SpeakerDiarization\n"
        "  params:\n    segmentation: $model/segmentation\n",
    ],
    ids=["empty", "no yaml", "files missing"],
)
def test_a_broken_folder_is_one_sentence(tmp_path: Path, config: str) -> None:
    (tmp_path / "config.yaml").write_text(config)
    with pytest.raises(WeightsError, match="holds no pyannote 4 pipeline that loads") as raised:
        CommunityDiarizer(WeightSettings(diarizer=str(tmp_path)))
    assert "\n" not in raised.value.sentence


def test_speakers_are_named_by_first_appearance_and_overlap_lowers_confidence() -> None:
    made = to_diarization([(2.0, 4.0, "B"), (0.0, 3.0, "A")], [(0.0, 3.0, "A"), (3.0, 4.0, "B")])
    assert [(t.speaker, t.confidence) for t in made.turns] == [
        ("SPEAKER_00", 1.0),
        ("SPEAKER_01", 0.5),
    ]
    assert [t.speaker for t in made.exclusive] == ["SPEAKER_00", "SPEAKER_01"]

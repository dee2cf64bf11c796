"""Listeners are judged by their faces; of whoever refused, or may have, there is no row."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from models.protocols import Baseline
from models.video.synthetic import BrightnessBranch
from schemas.consent import NOT_SHOWN, Consent
from schemas.settings import EngineSettings, Settings, VideoSettings
from schemas.sidecar import Participant, Sidecar
from schemas.speech import Faces, Reactions, Utterance
from tasks.emotion.branches import judge_listeners
from tasks.emotion.reactions import judge_reactions, without_hidden_listeners
from tests.material.listeners import Listening, listening

BRIGHT = Settings(engines=EngineSettings(video="synthetic"))
NOBODY_REFUSED = Consent("r")
ZENOBIA_REFUSED = Consent.of(
    "r",
    Sidecar(
        participants=(
            Participant(name="Zenobia", consent=False),
            Participant(name="Bo"),
            Participant(name="Ana"),
        )
    ),
)


def said(index: int, speaker: str, name: str | None = None) -> Utterance:
    return Utterance(
        index=index,
        start=4.0 * index,
        end=4.0 * index + 3.0,
        speaker=speaker,
        speaker_name=name,
        speaker_confidence=1.0,
        overlap_ratio=0.0,
        flags=("no_consent",) if name == NOT_SHOWN else (),
    )


def reactions(
    folder: Path,
    listeners: Sequence[Listening],
    utterances: Sequence[Utterance],
    consent: Consent = NOBODY_REFUSED,
    settings: Settings = BRIGHT,
) -> Reactions:
    return judge_reactions(listening(folder, listeners), utterances, consent, settings)


def test_a_listener_has_scores_and_an_emotion_where_they_are_sure(tmp_path: Path) -> None:
    spoken = [said(0, "SPEAKER_00", "Ana"), said(1, "SPEAKER_01", "Bo")]
    found = reactions(
        tmp_path,
        [(1, "FACE_00", 20, 5), (0, "SPEAKER_01", 200, 10), (0, "FACE_00", 130, 1)],
        spoken,
    )
    unsure, smile, sad = found.rows
    assert (smile.participant, smile.participant_name) == ("SPEAKER_01", "Bo")
    assert (smile.utterance_index, smile.seconds, smile.coverage) == (0, 2.0, 1.0)
    assert smile.emotion == "happy"
    assert smile.confidence == pytest.approx(max(smile.scores.as_tuple()))  # type: ignore[union-attr]
    assert smile.valence is not None
    assert smile.valence > 0.4
    assert (sad.utterance_index, sad.emotion, sad.participant_name) == (1, "sad", None)
    assert (unsure.emotion, unsure.confidence) == (None, None)
    assert unsure.scores is not None
    assert found.model is not None
    assert found.model.startswith("synthetic@")
    assert Reactions.model_validate_json(found.model_dump_json()) == found


def test_a_lower_limit_names_more(tmp_path: Path) -> None:
    judge = BRIGHT.judge.model_copy(update={"min_confidence": 0.1})
    bolder = BRIGHT.model_copy(update={"judge": judge})
    found = reactions(tmp_path, [(0, "FACE_00", 130, 1)], [said(0, "A")], settings=bolder)
    assert found.rows[0].emotion == "happy"


def test_a_face_without_a_crop_is_a_row_that_was_not_judged(tmp_path: Path) -> None:
    (row,) = reactions(tmp_path, [(0, "FACE_00", 200, 0)], [said(0, "SPEAKER_00")]).rows
    assert (row.scores, row.emotion, row.valence, row.arousal) == (None, None, None, None)


def test_without_listeners_there_are_no_reactions() -> None:
    assert judge_reactions(Faces(), [said(0, "SPEAKER_00")], NOBODY_REFUSED, BRIGHT).rows == ()


def test_whoever_speaks_does_not_listen_to_themselves(tmp_path: Path) -> None:
    found = reactions(
        tmp_path, [(0, "SPEAKER_00", 200, 5), (9, "FACE_00", 200, 5)], [said(0, "SPEAKER_00")]
    )
    assert found.rows == ()


def test_a_speaker_under_two_names_has_none(tmp_path: Path) -> None:
    spoken = [said(0, "SPEAKER_00"), said(1, "SPEAKER_01", "Bo"), said(2, "SPEAKER_01", "Ana")]
    assert reactions(tmp_path, [(0, "SPEAKER_01", 200, 5)], spoken).rows[0].participant_name is None


def test_many_listeners_are_judged_block_by_block_in_their_order(tmp_path: Path) -> None:
    spoken = [said(index, "SPEAKER_00") for index in range(150)]
    grays = np.random.default_rng(0).choice([20, 230], size=150).tolist()
    found = reactions(tmp_path, [(i, "FACE_00", gray, 2) for i, gray in enumerate(grays)], spoken)
    assert [row.emotion for row in found.rows] == ["sad" if g < 128 else "happy" for g in grays]


def test_a_smile_stands_out_from_how_the_listener_usually_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of a grin that never ends is taken for the person's face; others are left alone."""
    reference = tuple(np.log(np.full(7, 1 / 7)).tolist())
    faces = listening(
        tmp_path,
        [*[(i, "SPEAKER_01", 200, 10) for i in range(10)], (0, "FACE_00", 200, 10)],
    )
    monkeypatch.setattr(BrightnessBranch, "baseline", Baseline(reference, halfway=8.0))
    relative = judge_listeners(faces, BRIGHT).scores
    plain = BRIGHT.model_copy(update={"video": VideoSettings(own_baseline=False)})
    absolute = judge_listeners(faces, plain).scores
    assert [score.happy > 0.75 for score in absolute if score] == [True] * 11
    assert [score.happy > 0.75 for score in relative if score] == [False] * 10 + [True]


def test_of_whoever_refused_there_is_no_row_nor_of_a_face_that_may_be_theirs(
    tmp_path: Path,
) -> None:
    spoken = [
        said(0, "SPEAKER_00", NOT_SHOWN),  # Zenobia
        said(1, "SPEAKER_01", "Bo"),
        said(2, "SPEAKER_02", "Ana"),
        said(3, "SPEAKER_03", "Ana"),  # a voice that is Ana's in one utterance and hidden in one
        said(4, "SPEAKER_03", NOT_SHOWN),
    ]
    faces: list[Listening] = [
        (index, participant, 200, 5)
        for index in range(5)
        for participant in ("SPEAKER_00", "SPEAKER_01", "SPEAKER_02", "SPEAKER_03", "FACE_00")
    ]
    faces.append((1, "UNKNOWN", 200, 5))
    found = reactions(tmp_path, faces, spoken, ZENOBIA_REFUSED).rows
    assert [(row.utterance_index, row.participant) for row in found] == [
        (1, "SPEAKER_02"),
        (2, "SPEAKER_01"),
        (3, "SPEAKER_01"),
        (3, "SPEAKER_02"),
    ]
    kept = without_hidden_listeners(listening(tmp_path, faces), spoken, ZENOBIA_REFUSED)
    assert len(kept.listeners) == len(found)


def test_where_nobody_refused_unknown_faces_are_kept(tmp_path: Path) -> None:
    spoken = [said(0, "SPEAKER_00"), said(1, "SPEAKER_01")]
    found = reactions(tmp_path, [(0, "FACE_00", 200, 5), (0, "SPEAKER_01", 200, 5)], spoken)
    assert [row.participant for row in found.rows] == ["FACE_00", "SPEAKER_01"]

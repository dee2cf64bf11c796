"""Faces and names beside the truth, each counted by hand."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from lab.meetings.attribution import Judged, judge_meeting
from lab.meetings.figures import calibration, figures_of, groups_of, name_calibration
from lab.meetings.sheet import draw_sheet, sheet_rows
from lab.meetings.truth import (
    Box,
    FaceKind,
    FaceSpan,
    Participant,
    TrueCue,
    TrueFace,
    TrueTurn,
    Truth,
)
from schemas.speech import Faces, FaceTrack, Utterance, Word

LEFT: Box = (100, 100, 80, 100)
RIGHT: Box = (400, 100, 80, 100)
CORNER: Box = (10, 300, 40, 50)
TILE: Box = (0, 0, 320, 360)


def face(participant: str | None, kind: FaceKind, box: Box, until: float = 20.0) -> TrueFace:
    return TrueFace(
        participant=participant,
        kind=kind,
        spans=(FaceSpan(start=0.0, end=until, box=box, tile=TILE),),
    )


def truth(
    *turns: tuple[float, float, str], faces: tuple[TrueFace, ...] = (), **more: object
) -> Truth:
    given = {
        "layout": "side",
        "n_tiles": 2,
        "people": "report",
        "seed": 1,
        "duration": 20.0,
        "width": 640,
        "height": 360,
        "fps": 25.0,
        "participants": tuple(
            Participant(id=who, name=name, person=who, on_screen=True)
            for who, name in (("p1", "Ana Garcia"), ("p2", "Bo Lindqvist"), ("p3", "Chidi"))
        ),
        "turns": tuple(TrueTurn(start=s, end=e, participant=who) for s, e, who in turns),
        "faces": faces or (face("p1", "live", LEFT), face("p2", "live", RIGHT)),
    }
    return Truth.model_validate(given | more)


def said(index: int, start: float, end: float, speaker: str, **more: object) -> Utterance:
    given = {"speaker_confidence": 0.95, "overlap_ratio": 0.0} | more
    return Utterance.model_validate(
        {"index": index, "start": start, "end": end, "speaker": speaker} | given
    )


def track(index: int, box: Box | None, *times: float) -> FaceTrack:
    if box is None:
        return FaceTrack(utterance_index=index)
    return FaceTrack(
        utterance_index=index,
        times=times,
        rows=tuple(range(len(times))),
        boxes=(box,) * len(times),
    )


def judged(truth: Truth, utterances: list[Utterance], *tracks: FaceTrack) -> list[Judged]:
    return judge_meeting("m", truth, utterances, Faces(tracks=tracks))


def test_a_face_is_right_wrong_or_none() -> None:
    known = truth((0, 4, "p1"), (5, 9, "p2"), (10, 14, "p1"))
    utterances = [said(0, 0, 4, "A"), said(1, 5, 9, "B"), said(2, 10, 14, "A")]
    moved: Box = (110, 95, 80, 100)
    found = judged(
        known, utterances, track(0, moved, 1.0, 2.0), track(1, LEFT, 6.0), track(2, None)
    )
    assert [each.face for each in found] == ["right", "wrong", "none"]
    figures = figures_of(found)
    assert (figures.n, figures.n_absent, figures.false_face) == (3, 0, None)
    assert figures.right_face == figures.wrong_face == pytest.approx(1 / 3)


def test_who_is_not_shown_or_stands_still_has_no_face_and_any_is_false() -> None:
    faces = (
        face("p1", "live", LEFT, until=10.0),
        face("p2", "frozen", RIGHT),
        face(None, "photo", CORNER),
    )
    known = truth((0, 4, "p3"), (5, 9, "p2"), (12, 15, "p1"), faces=faces)
    utterances = [said(0, 0, 4, "C"), said(1, 5, 9, "B"), said(2, 12, 15, "A")]
    found = judged(known, utterances, track(0, CORNER, 1.0), track(1, RIGHT, 6.0), track(2, None))
    assert [each.shown for each in found] == ["absent", "frozen", "absent"]
    assert [each.face_kind for each in found] == ["photo", "frozen", None]
    assert figures_of(found).false_face == pytest.approx(2 / 3)


def test_a_box_where_no_face_is_is_wrong() -> None:
    found = judged(truth((0, 4, "p1")), [said(0, 0, 4, "A")], track(0, (250, 10, 50, 50), 1.0))
    assert [(each.face, each.face_kind) for each in found] == [("wrong", "nothing")]


def test_late_sound_is_compared_with_the_picture_of_its_moment() -> None:
    faces = (face("p1", "live", LEFT, until=2.0),)
    early = truth((0, 2, "p1"), faces=faces)
    late = truth((2, 4, "p1"), faces=faces, delay=2.0)
    assert judged(early, [said(0, 0, 2, "A")])[0].shown == "live"
    assert judged(late, [said(0, 2, 4, "A")])[0].shown == "live"


def test_a_short_answer_inside_a_long_turn_is_whose_label_it_has() -> None:
    known = truth((0, 10, "p1"), (4, 4.5, "p2"), (12, 15, "p2"))
    utterances = [said(0, 0, 10, "A"), said(1, 4, 4.6, "B"), said(2, 12, 15, "B")]
    found = judged(known, utterances)
    assert [each.participant for each in found] == ["p1", "p2", "p2"]
    assert all(each.speaker_is_right for each in found)


def test_names_count_by_words_of_cues_and_a_room_is_nobodys_name() -> None:
    cues = (
        TrueCue(start=0, end=2, participant="p1", text="good morning all"),
        TrueCue(start=5, end=7, participant="p2", text="hello"),
        TrueCue(start=8, end=9, participant="p3", text="hi there"),
    )
    tags = {"p1": "Ana Garcia", "p2": None, "p3": "Meeting Room 4"}
    known = truth((0, 2, "p1"), (5, 7, "p2"), (8, 9, "p3"), cues=cues, tags=tags)

    def words(cue: TrueCue) -> tuple[Word, ...]:
        return tuple(Word(word=word, start=cue.start, end=cue.end) for word in cue.text.split())

    utterances = [
        said(0, 0, 2, "A", speaker_name="ana garcía", words=words(cues[0])),
        said(1, 5, 7, "B", speaker_name="Ana Garcia", words=words(cues[1])),
        said(2, 8, 9, "C", speaker_name="Meeting Room 4", words=words(cues[2])),
    ]
    found = judged(known, utterances)
    figures = figures_of(found)
    assert figures.right_name == pytest.approx(3 / 6)
    assert figures.wrong_name == pytest.approx(1 / 6)
    assert figures.unknown_name == pytest.approx(2 / 6)
    calibrated = name_calibration(found)
    assert (calibrated.n, calibrated.sure, calibrated.sure_right) == (2, 2, 0.5)


def test_calibration_is_the_gap_between_confidence_and_how_often_it_is_right() -> None:
    found = calibration([(0.95, True), (0.95, False), (0.55, True), (0.55, False)])
    assert found.ece == pytest.approx(0.5 * 0.45 + 0.5 * 0.05)
    assert (found.sure, found.sure_right) == (2, 0.5)
    assert calibration([]).ece is None


def test_layouts_and_tiles_count_clean_meetings_alone() -> None:
    clean, dark = truth((0, 4, "p1")), truth((0, 4, "p1"), conditions=("dark",))
    every = [
        each
        for name, known in (("clean", clean), ("dark", dark))
        for each in judge_meeting(name, known, [said(0, 0, 4, "A")], Faces())
    ]
    groups = groups_of(every, {"clean": clean, "dark": dark})
    assert {kind: list(parts) for kind, parts in groups.items()} == {
        "layout": ["side"],
        "tiles": ["2"],
        "condition": ["clean", "dark"],
        "speaker is": ["live"],
    }
    assert len(groups["layout"]["side"]) == 1


def test_a_contact_sheet_has_a_row_of_crops_per_speaker(tmp_path: Path) -> None:
    known = truth((0, 4, "p1"), (5, 9, "p2"))
    utterances = [said(0, 0, 4, "SPEAKER_00"), said(1, 5, 9, "SPEAKER_01")]
    found = judged(known, utterances, track(0, LEFT, 1.0), track(1, None))
    crop = np.full((48, 48), 90, np.uint8)
    rows = sheet_rows(found, {0: crop}, "m")
    assert [(row.label, len(row.crops)) for row in rows] == [("m 00=p1", 1), ("m 01=p2", 0)]
    draw_sheet(rows, tmp_path / "sheet.png")
    assert cv2.imread(str(tmp_path / "sheet.png")).shape[0] == 2 * 54

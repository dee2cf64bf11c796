"""Composed meetings hold what their truth says."""

from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from lab.meetings.captions import ROOM, as_vtt, caption
from lab.meetings.compose import Composed, compose
from lab.meetings.layouts import LAYOUTS, RECIPES
from lab.meetings.people import SOURCES, Person, people_of
from lab.meetings.recipes import Recipe, recipes
from lab.meetings.render import pictures, write_meeting
from lab.meetings.tracks import write_tracks
from lab.meetings.truth import SUFFIX, read_truth
from models.faces.detectors import YuNetDetector
from schemas.errors import InputError, SettingsError
from schemas.settings import Settings, WeightSettings
from tasks.media.probe import probe
from tasks.transcript.captions import read_captions
from tasks.transcript.rttm import read_rttm

SECONDS = 12.0
PEOPLE = ("g03", "g07", "g10")


@pytest.fixture(scope="session")
def people(shared: Path) -> dict[str, Person]:
    return people_of(shared / "data" / "meeting" / "video", "report", PEOPLE)


@pytest.fixture(scope="session")
def words(shared: Path) -> Path:
    return shared / "data" / "meeting" / "ami_words.parquet"


def made_of(recipe: str, people: dict[str, Person], words: Path, seed: int = 3) -> Composed:
    return compose(Recipe.parse(recipe), people, words, "report", seed, SECONDS)


def test_nobody_is_in_both_sets() -> None:
    tuning, report = ({s.file for s in SOURCES[name].values()} for name in ("tuning", "report"))
    assert not tuning & report


def test_recipes_are_named_by_layout_and_condition_or_by_a_pattern() -> None:
    assert len(recipes([])) == len(RECIPES)
    assert {recipe.layout for recipe in recipes([])} == set(LAYOUTS)
    assert [r.name(1) for r in recipes(["single*"])] == [
        "single_offcamera_1",
        "single_offcamera-all_1",
    ]
    with pytest.raises(SettingsError, match="no layout 'circle'"):
        recipes(["circle"])
    with pytest.raises(SettingsError, match="no condition 'fog'"):
        recipes(["side+fog"])


@pytest.mark.needs_shared
def test_a_number_makes_the_same_meeting_again(people: dict[str, Person], words: Path) -> None:
    first, second = (made_of("side", people, words) for _ in range(2))
    assert first.truth == second.truth
    assert np.array_equal(first.sound, second.sound)
    for one, other in zip(islice(pictures(first), 3), islice(pictures(second), 3), strict=True):
        assert np.array_equal(one, other)
    assert made_of("side", people, words, seed=4).truth.turns != first.truth.turns


@pytest.mark.needs_shared
@pytest.mark.parametrize("recipe", ["gallery2", "side+face40", "side+photo-wall"])
def test_faces_are_found_where_the_truth_has_them(
    recipe: str, people: dict[str, Person], words: Path
) -> None:
    made = made_of(recipe, people, words)
    picture = next(iter(pictures(made)))
    detector = YuNetDetector(WeightSettings())
    found = np.array([(b.x + b.width / 2, b.y + b.height / 2) for b in detector.detect(picture)])
    spans = [face.spans[0] for face in made.truth.faces]
    assert len(spans) == {"gallery2": 2, "side+face40": 2, "side+photo-wall": 3}[recipe]
    for span in spans:
        x, y, width, height = span.box
        near = np.abs(found - (x + width / 2, y + height / 2)) < 0.25 * height
        assert near.all(axis=1).any()
        if recipe == "side+face40":
            assert 34 < height < 46


@pytest.mark.needs_shared
def test_a_frozen_tile_stands_still_and_is_no_live_face_meanwhile(
    people: dict[str, Person], words: Path
) -> None:
    made = made_of("side+frozen-speaker", people, words)
    (frozen,) = (face for face in made.truth.faces if face.kind == "frozen")
    live = next(
        f for f in made.truth.faces if (f.participant, f.kind) == (frozen.participant, "live")
    )
    assert len({span.box for span in frozen.spans}) == 1
    assert not {span.start for span in frozen.spans} & {span.start for span in live.spans}
    x, y, width, height = map(int, frozen.spans[0].tile)
    first = round(frozen.spans[0].start * 25)
    tiles = [
        p[y : y + height - 30, x : x + width] for p in islice(pictures(made), first, first + 8)
    ]
    assert all(np.array_equal(one, other) for one, other in pairwise(tiles))


@pytest.mark.needs_shared
def test_late_sound_is_late_in_turns_and_not_in_faces(
    people: dict[str, Person], words: Path
) -> None:
    truth = made_of("side+late500", people, words).truth
    assert truth.delay == 0.5
    assert min(turn.start for turn in truth.turns) >= 0.5
    assert min(span.start for face in truth.faces for span in face.spans) == 0.0


@pytest.mark.needs_shared
def test_voices_off_camera_have_no_tile_and_a_photo_is_nobodys(
    people: dict[str, Person], words: Path
) -> None:
    with pytest.raises(SettingsError, match="needs 4 people who talk and one more; there are 3"):
        made_of("gallery4", people, words)
    alone = made_of("single+offcamera-all", people, words).truth
    speaking = {turn.participant for turn in alone.turns}
    assert not speaking & {face.participant for face in alone.faces}
    assert [face.kind for face in alone.faces] == ["live"]
    wall = made_of("side+photo-wall", people, words).truth
    assert [face.kind for face in wall.faces if face.participant is None] == ["photo"]


@pytest.mark.needs_shared
def test_a_meeting_is_written_with_truth_turns_captions_and_tracks(
    people: dict[str, Person], words: Path, tmp_path: Path
) -> None:
    made = made_of("side+vfr", people, words)
    made = replace(made, truth=caption(made.truth, ["sloppy"]))
    path = write_meeting(made, tmp_path)
    info = probe(str(path), Settings())
    assert info.duration == pytest.approx(SECONDS, abs=0.2)
    assert info.video is not None
    assert (info.video.width, info.video.height) == (640, 360)
    video = cv2.VideoCapture(str(path))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == pytest.approx(0.6 * 30 * SECONDS, abs=3)
    truth = read_truth(tmp_path / f"{made.name}{SUFFIX}")
    assert truth == made.truth
    turns = read_rttm(tmp_path / "rttm" / f"{made.name}.rttm")
    assert [turn.start for turn in turns] == [turn.start for turn in truth.turns]
    names = {word.name for word in read_captions(path.with_suffix(".vtt")).words}
    assert names <= {who.name for who in truth.participants}
    tracks = write_tracks(made, tmp_path)
    assert [track.name[:14] for track in tracks] == ["audioAnaGarcia", "audioBoLindqvi"]
    assert {track.parent.name for track in tracks} == {"Audio Record"}


@pytest.mark.needs_shared
def test_captions_are_wrong_in_the_ways_asked_for(people: dict[str, Person], words: Path) -> None:
    truth = made_of("side", people, words).truth
    exact, sloppy = caption(truth, ["exact"]), caption(truth, ["sloppy"])
    assert len(exact.cues) == len(sloppy.cues)
    assert all(cue.end - cue.start >= 0.3 for cue in sloppy.cues)
    assert [cue.start for cue in exact.cues] != [cue.start for cue in sloppy.cues]
    assert list(caption(truth, ["missing-name"]).tags.values()).count(None) == 1
    room = caption(truth, ["room"])
    assert set(room.tags.values()) == {ROOM}
    assert as_vtt(room).count(f"<v {ROOM}>") == len(room.cues)
    with pytest.raises(SettingsError, match="not 'torn'"):
        caption(truth, ["torn"])


def test_what_is_no_truth_or_no_clip_gets_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / f"weekly{SUFFIX}"
    path.write_text("{}")
    with pytest.raises(InputError, match="is no truth of a composed meeting"):
        read_truth(path)
    with pytest.raises(InputError, match="grid_id2"):
        people_of(tmp_path, "report")

"""The speaker's face of each utterance: found, told from others, and an honest none."""

import json
from collections.abc import Sequence
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from models.faces.crops import CROP
from schemas.media import MediaInfo, VideoStream
from schemas.settings import EngineSettings, FaceSettings, Settings
from schemas.speech import Faces, Utterance
from tasks.emotion.faces import face_sequence, find_faces, read_sequences
from tasks.emotion.growing import CropFile
from tests.material.meetings import make_meeting
from tests.material.sounds import CONVERSATION, InMemory, Spoken, tone_voices

DRAWN = Settings(engines=EngineSettings(face_detector="synthetic"))


def about(width: int = 320, height: int = 180, fps: float = 10.0) -> MediaInfo:
    video = VideoStream(index=0, width=width, height=height, fps=fps, start=0.0)
    return MediaInfo(container="mp4", duration=10.0, origin=0.0, video=video)


def said(spoken: Sequence[Spoken]) -> list[Utterance]:
    return [
        Utterance(
            index=index,
            start=turn.start,
            end=turn.end,
            speaker=f"SPEAKER_{turn.speaker:02d}",
            speaker_confidence=1.0,
            overlap_ratio=0.0,
        )
        for index, turn in enumerate(spoken)
    ]


def faces_of(
    tmp_path: Path,
    spoken: Sequence[Spoken] = CONVERSATION,
    faces: Sequence[int] = (0, 1),
    settings: Settings = DRAWN,
    duration: float = 10.0,
) -> Faces:
    video = make_meeting(tmp_path / "a.mp4", spoken, duration, faces=faces)
    sound = InMemory(tone_voices(spoken, duration))
    return find_faces(str(video), about(), said(spoken), sound, settings, tmp_path)


def test_each_speaker_gets_the_face_whose_mouth_moves(tmp_path: Path) -> None:
    found = faces_of(tmp_path)
    assert [track.utterance_index for track in found.tracks] == [0, 1, 2, 3]
    assert [track.unsure for track in found.tracks] == [False] * 4
    assert all(track.coverage == 1.0 for track in found.tracks)
    for turn, track in zip(CONVERSATION, found.tracks, strict=True):
        crops = face_sequence(found, track).crops.astype(float)
        mouth = crops[:, 33:42, 16:32].mean(axis=(1, 2))
        assert mouth.std() > 3.0, f"the mouth of speaker {turn.speaker} should move"


def test_a_lone_face_is_whose_voice_it_moves_with_and_nobody_elses(tmp_path: Path) -> None:
    found = faces_of(tmp_path, faces=(1,))
    mine = [turn.speaker == 1 for turn in CONVERSATION]
    assert [track.coverage == 1.0 for track in found.tracks] == mine
    assert all(track.confidence > 0.8 for track in found.tracks if track.rows)


BRIEFLY = tuple(Spoken(n % 2, 1.0 + 2.2 * n, 2.6 + 2.2 * n) for n in range(4))


def test_whoever_is_seen_while_another_speaks_listens(tmp_path: Path) -> None:
    found = faces_of(tmp_path, BRIEFLY)
    expected = [(n, f"SPEAKER_{1 - turn.speaker:02d}") for n, turn in enumerate(BRIEFLY)]
    assert [(face.utterance_index, face.participant) for face in found.listeners] == expected
    assert all(face.coverage == 1.0 and face.rows for face in found.listeners)
    assert all(face.seconds == pytest.approx(1.6) for face in found.listeners)


def test_nobody_is_seen_listening_who_refused(tmp_path: Path) -> None:
    refused = [u.model_copy(update={"flags": ("no_consent",)}) for u in said(BRIEFLY)]
    video = make_meeting(tmp_path / "a.mp4", BRIEFLY, 10.0)
    sound = InMemory(tone_voices(BRIEFLY, 10.0))
    found = find_faces(str(video), about(), refused, sound, DRAWN, tmp_path)
    assert not found.listeners
    assert not any(track.rows for track in found.tracks)


def test_faces_that_never_move_are_pictures_and_nobody(tmp_path: Path) -> None:
    found = faces_of(tmp_path, faces=(5, 6))
    assert [(track.unsure, track.coverage) for track in found.tracks] == [(False, 0.0)] * 4
    assert not found.listeners
    assert list(read_sequences(found)) == []


def test_nobody_in_the_picture_is_no_face_and_not_unsure(tmp_path: Path) -> None:
    found = faces_of(tmp_path, faces=())
    assert [(t.unsure, t.coverage, t.rows) for t in found.tracks] == [(False, 0.0, ())] * 4


def test_utterances_that_overlap_in_time_share_pictures(tmp_path: Path) -> None:
    spoken = (*CONVERSATION[:2], Spoken(0, 3.5, 6.0), Spoken(0, 7.0, 9.0))
    found = faces_of(tmp_path, spoken)
    assert [len(track.times) for track in found.tracks][1:] == [11, 13, 11]
    for turn, track in zip(spoken, found.tracks, strict=True):
        assert all(turn.start - 0.1 <= time <= turn.end + 0.1 for time in track.times)


def test_an_utterance_between_two_pictures_still_has_a_face(tmp_path: Path) -> None:
    spoken = (Spoken(0, 1.0, 2.0), Spoken(0, 2.05, 2.15), Spoken(0, 2.3, 3.0))
    found = faces_of(tmp_path, spoken, faces=(0,))
    assert found.tracks[1].coverage == 1.0


def test_sequences_are_read_back_as_they_were_cut(tmp_path: Path) -> None:
    found = faces_of(tmp_path)
    sequences = dict(read_sequences(found))
    assert sorted(sequences) == [0, 1, 2, 3]
    stored = np.load(found.crops_path or "")
    rows = [row for face in (*found.tracks, *found.listeners) for row in face.rows]
    assert len(rows) == len(set(rows)) <= len(stored)
    assert stored.shape[1:] == (CROP, CROP)
    assert all(len(track.boxes) == len(track.rows) for track in found.tracks)
    assert sequences[0].crops.dtype == np.uint8
    assert sequences[0].times.tolist() == pytest.approx(found.tracks[0].times)
    assert Faces.model_validate(json.loads(found.model_dump_json())) == found


def test_a_lower_rate_takes_fewer_pictures(tmp_path: Path) -> None:
    slow = DRAWN.model_copy(update={"faces": FaceSettings(frames_per_second=1.0)})
    found = faces_of(tmp_path, settings=slow)
    assert {len(track.rows) for track in found.tracks} <= {2, 3}


def test_small_faces_are_left_out(tmp_path: Path) -> None:
    big_only = DRAWN.model_copy(update={"faces": FaceSettings(min_size=170)})
    found = faces_of(tmp_path, faces=(0,), settings=big_only)
    assert all(track.coverage == 0.0 for track in found.tracks)


def test_without_sound_the_turns_alone_tell_whose_mouth_it_is(tmp_path: Path) -> None:
    video = make_meeting(tmp_path / "a.mp4")
    found = find_faces(str(video), about(), said(CONVERSATION), None, DRAWN, tmp_path)
    assert all(track.coverage == 1.0 for track in found.tracks)


def test_without_video_there_are_no_faces(tmp_path: Path) -> None:
    no_video = about().model_copy(update={"video": None})
    found = find_faces("nowhere.mp4", no_video, said(CONVERSATION), None, DRAWN, tmp_path)
    assert [track.coverage for track in found.tracks] == [0.0] * 4


def test_a_crop_file_grows_without_holding_its_crops(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    crops = random.integers(0, 255, (2000, CROP, CROP), dtype=np.uint8)
    with CropFile(tmp_path / "a.npy") as file:
        assert [file.append(crop) for crop in crops] == list(range(2000))
    assert np.array_equal(np.load(tmp_path / "a.npy"), crops)
    with CropFile(tmp_path / "empty.npy"):
        pass
    assert np.load(tmp_path / "empty.npy").shape == (0, CROP, CROP)


def gallery(path: Path, clips: Sequence[Path], order: Sequence[int]) -> list[float]:
    """Talkers side by side taking turns of three seconds; who listens shows a silent start."""
    films = [[f.to_ndarray(format="bgr24") for f in av.open(str(c)).decode(video=0)] for c in clips]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320 * len(clips), 256, "yuv420p"
        for turn, speaker in enumerate(order):
            for count in range(75):
                quiet = abs((turn * 75 + count) % 14 - 7)
                shown = [f[min(count, 74) if i == speaker else quiet] for i, f in enumerate(films)]
                tiles = [cv2.resize(frame, (320, 256)) for frame in shown]
                frame = av.VideoFrame.from_ndarray(np.hstack(tiles), format="bgr24")
                container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return [3.0 * turn for turn in range(len(order))]


@pytest.mark.needs_shared
def test_real_talkers_in_a_gallery_are_told_by_their_mouths(tmp_path: Path, shared: Path) -> None:
    folder = shared / "data" / "meeting" / "video"
    names = ["grid_bbaf2n", "grid_lwbsza", "grid_swiz3n"]  # half a second of silence at the start
    order = [0, 1, 2, 1]
    starts = gallery(tmp_path / "a.mp4", [folder / f"{name}.mpg" for name in names], order)
    spoken = [Spoken(i, start + 0.7, start + 2.5) for i, start in zip(order, starts, strict=True)]
    settings = Settings(engines=EngineSettings(face_detector="yunet"))
    info = about(960, 256, 25.0)
    found = find_faces(str(tmp_path / "a.mp4"), info, said(spoken), None, settings, tmp_path)
    assert [track.unsure for track in found.tracks] == [False] * 4
    looks = [sequence.crops.mean(axis=0) for _, sequence in read_sequences(found)]
    alike = [[float(np.corrcoef(a.ravel(), b.ravel())[0, 1]) for b in looks] for a in looks]
    assert alike[1][3] > 0.95  # both are the second talker
    assert max(alike[0][1], alike[1][2], alike[0][2]) < 0.9

"""Words without times get them from their neighbours; speech is cut into pieces to recognise."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.words.chunks import speech_chunks, windows
from models.words.timing import HeardWord, fill_in_times
from schemas.speech import Turn


def test_words_without_times_share_the_gap_by_length() -> None:
    heard = [
        HeardWord("in", 1.0, 1.2, 0.9),
        HeardWord("20"),
        HeardWord("2026"),
        HeardWord("we", 1.8, 2.0, 0.8),
    ]
    words = fill_in_times(heard, 0.0, 3.0)
    assert [(w.word, w.start, w.end, w.timing, w.score) for w in words] == [
        ("in", 1.0, 1.2, "aligned", 0.9),
        ("20", 1.2, 1.4, "interpolated", None),
        ("2026", 1.4, 1.8, "interpolated", None),
        ("we", 1.8, 2.0, "aligned", 0.8),
    ]


def test_words_at_the_ends_reach_to_the_segments_ends() -> None:
    words = fill_in_times([HeardWord("7"), HeardWord("is", 2.0, 2.5), HeardWord("8")], 1.0, 4.0)
    assert [(w.start, w.end) for w in words] == [(1.0, 2.0), (2.0, 2.5), (2.5, 4.0)]


def test_a_segment_without_any_times_is_shared() -> None:
    words = fill_in_times([HeardWord("ab"), HeardWord("cd")], 5.0, 6.0)
    assert [(w.start, w.end, w.timing) for w in words] == [
        (5.0, 5.5, "interpolated"),
        (5.5, 6.0, "interpolated"),
    ]


MAYBE_TIMED = st.one_of(
    st.builds(HeardWord, st.just("word")),
    st.builds(
        lambda start, length, score: HeardWord("word", start, start + length, score),
        st.floats(0, 100),
        st.floats(0, 5),
        st.floats(-0.5, 1.5),
    ),
)


@given(st.lists(MAYBE_TIMED, max_size=12), st.floats(0, 50), st.floats(0, 50))
def test_times_never_run_backwards(heard: list[HeardWord], start: float, length: float) -> None:
    words = fill_in_times(heard, start, start + length)
    assert [word.word for word in words] == [word.word for word in heard]
    assert all(word.start < word.end for word in words)
    assert all(first.start <= second.start for first, second in itertools.pairwise(words))


def turn(start: float, end: float, speaker: str = "SPEAKER_00") -> Turn:
    return Turn(start=start, end=end, speaker=speaker)


def test_near_turns_share_a_chunk_and_far_ones_do_not() -> None:
    turns = [turn(1, 5), turn(4, 9, "SPEAKER_01"), turn(12, 25), turn(40, 45)]
    assert speech_chunks(turns, 60.0) == [(0.8, 25.2), (39.8, 45.2)]


def test_long_speech_is_cut_into_equal_parts() -> None:
    chunks = speech_chunks([turn(0, 60)], 60.0)
    assert len(chunks) == 2
    assert chunks == [(0.0, pytest.approx(30.0)), (pytest.approx(30.0), 60.0)]


def test_nobody_speaking_makes_no_chunk() -> None:
    assert speech_chunks([], 60.0) == []
    assert list(windows([])) == []


TURNS = st.lists(
    st.tuples(st.floats(0, 600), st.floats(0.01, 90)).map(lambda t: turn(t[0], t[0] + t[1])),
    max_size=30,
)


@given(TURNS)
def test_all_speech_is_in_chunks_of_bounded_length(turns: list[Turn]) -> None:
    chunks = speech_chunks(turns, 600.0, longest=30.0)
    assert all(0 <= start < end <= 600 and end - start <= 30.001 for start, end in chunks)
    for spoken in turns:
        middle = (spoken.start + min(spoken.end, 600)) / 2
        if spoken.start < 600:
            assert any(start - 1e-6 <= middle <= end + 1e-6 for start, end in chunks)


@given(TURNS)
def test_windows_hold_every_chunk_once(turns: list[Turn]) -> None:
    chunks = speech_chunks(turns, 600.0, longest=30.0)
    made = list(windows(chunks, longest=100.0))
    assert [chunk for window in made for chunk in window.chunks] == chunks
    assert all(window.end - window.start <= 100.001 for window in made)

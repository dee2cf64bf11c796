"""The parts of the recogniser: splices, loops, confidence."""

import itertools
import json
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.recognition.confidence import FEATURES, read_confidence, word_features
from models.recognition.decoder import DecodedWord, Decoder
from models.recognition.loops import Loop, find_loops, has_loop, shorten
from models.recognition.voice_activity import PAD, Splice, heard_spans, splice, within
from schemas.errors import WeightsError
from tests.material.checkpoints import CONFIDENCE

# splices


def test_only_what_is_heard_in_the_bounds_is_left() -> None:
    spans = [(0.0, 2.0), (3.0, 9.0), (12.0, 13.0)]
    assert within(spans, [(1.0, 4.0), (4.0, 5.0), (8.0, 20.0)]) == [
        (1.0, 2.0),
        (3.0, 5.0),
        (8.0, 9.0),
        (12.0, 13.0),
    ]
    assert within(spans, []) == []


def test_stretches_are_padded_and_set_end_to_end() -> None:
    (made,) = splice([(1.0, 2.0), (2.2, 3.0), (8.0, 10.0)], (0.0, 10.1), 29.0)
    assert np.array(made.spans) == pytest.approx(
        np.array([(1.0 - PAD, 2.1), (2.1, 3.0 + PAD), (8.0 - PAD, 10.1)])
    )
    sound = np.arange(10.1 * 16_000, dtype=np.float32)
    samples = made.samples(sound, origin=0.0)
    assert len(samples) == pytest.approx(made.duration * 16_000, abs=3)
    assert samples[0] == round((1.0 - PAD) * 16_000)
    assert samples[-1] == len(sound) - 1


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(0.1, 28.0), min_size=1, max_size=30),
    st.lists(st.floats(0.0, 40.0), min_size=30, max_size=30),
)
def test_no_splice_is_too_long_and_no_speech_is_lost(
    lengths: list[float], pauses: list[float]
) -> None:
    spans, at = [], 0.0
    for length, pause in zip(lengths, pauses, strict=False):
        spans.append((at + pause, at + pause + length))
        at += pause + length
    made = list(splice(spans, (0.0, at), 29.0))
    assert all(one.duration <= 29.0 + 1e-6 for one in made)
    padded = [span for one in made for span in one.spans]
    for (start, end), (low, high) in zip(spans, padded, strict=True):
        assert max(0.0, start - PAD) <= low + 1e-9
        assert low - 1e-9 <= start < end <= high + 1e-9
        assert high <= end + PAD + 1e-9
    assert all(one[1] <= two[0] + 1e-9 for one, two in itertools.pairwise(padded))


def test_times_in_a_splice_become_times_of_the_recording() -> None:
    made = Splice(((10.0, 12.0), (20.0, 25.0)))
    assert made.on_clock(0.5, 1.0) == (10.5, 11.0)
    assert made.on_clock(2.0, 3.0) == (20.0, 21.0)
    assert made.on_clock(1.5, 2.1) == (11.5, 12.0), "most of it lies before the pause"
    assert made.on_clock(1.9, 3.0) == (20.0, 21.0), "most of it lies after the pause"
    assert made.on_clock(7.0, 7.0) == (25.0, 25.0)


def test_in_silence_nobody_is_heard() -> None:
    assert heard_spans(np.zeros(16_000, np.float32), 29.0) == []
    assert heard_spans(np.zeros(0, np.float32), 29.0) == []


# loops


@pytest.mark.parametrize(
    ("text", "loops"),
    [
        ("no no no no", []),
        ("no no no No, no.", [Loop(0, 1, 5)]),
        ("well I don't I don't I don't know", []),
        ("well you know you know you know you know yes", [Loop(1, 2, 9)]),
        ("so we are we are going", []),
        ("one two three one two three one two three", [Loop(0, 3, 9)]),
        ("a b c d e f g h a b c d e f g h", [Loop(0, 8, 16)]),
        ("a b c d e f g a b c d e f g", []),
        ("x x x x x y z z z z z", [Loop(0, 1, 5), Loop(6, 1, 11)]),
        ("", []),
    ],
)
def test_loops_are_told_from_what_people_repeat(text: str, loops: list[Loop]) -> None:
    assert find_loops(text.split()) == loops


def test_a_word_that_goes_round_is_said_once() -> None:
    assert shorten("hahahahahahahahaha") == "ha"
    assert shorten("mmmm") == "mmmm"
    assert shorten("banana") == "banana"


# confidence


def words() -> list[DecodedWord]:
    return [
        DecodedWord("yes,", 0.0, 0.6, (-0.1, -0.5)),
        DecodedWord("Yes", 0.6, 0.6, (-1.0,)),
        DecodedWord("indeed", 1.0, 1.3, (-0.2, -0.2, -0.8)),
    ]


def test_features_are_what_they_are_called() -> None:
    names = list(FEATURES)
    rows = word_features(words())
    assert rows.shape == (3, len(names))
    found = {name: rows[:, column].tolist() for column, name in enumerate(names)}
    assert found["mean_log_probability"] == pytest.approx([-0.3, -1.0, -0.4])
    assert found["least_log_probability"] == [-0.5, -1.0, -0.8]
    assert found["segment_log_probability"] == pytest.approx([-2.8 / 6] * 3)
    assert found["neighbour_log_probability"] == pytest.approx([-0.65, -1.7 / 3, -0.7])
    assert found["log_seconds_per_letter"] == pytest.approx(
        [math.log(0.2), math.log(0.02 / 3), math.log(0.05)]
    )
    assert found["log_letters"] == pytest.approx([math.log(3), math.log(3), math.log(6)])
    assert found["repeats"] == [0.0, 1.0, 0.0]
    assert found["tokens"] == [2.0, 1.0, 3.0]
    assert word_features([]).shape == (0, len(names))


def test_a_score_is_the_logistic_function_of_the_named_features(tmp_path: Path) -> None:
    path = tmp_path / "confidence.json"
    content = {
        "features": ["repeats", "least_log_probability"],
        "weights": [-1.0, 2.0],
        "bias": 1.5,
        "threshold": 0.3,
        "ece": 0.04,
        "n_words": 700,
    }
    path.write_text(json.dumps(content))
    scores = read_confidence(path).scores(words())
    assert scores == pytest.approx([1 / (1 + math.exp(-x)) for x in (0.5, -1.5, -0.1)])
    assert len(read_confidence(path).scores([])) == 0


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"features": ["loudness"]}, "there is no feature loudness"),
        ({"weights": [1.0, 2.0]}, "a weight for every feature"),
        ({"threshold": 1.5}, "threshold"),
        ({"bias": "much"}, "bias"),
    ],
)
def test_a_calibration_that_does_not_fit_is_one_sentence(
    changed: dict[str, object], sentence: str, tmp_path: Path
) -> None:
    path = tmp_path / "confidence.json"
    path.write_text(json.dumps({**CONFIDENCE, **changed}))
    with pytest.raises(WeightsError, match=sentence):
        read_confidence(path)


def test_a_text_has_a_loop_where_a_phrase_or_letters_go_round() -> None:
    assert has_loop(("I think so " * 3).split())
    assert has_loop(["ehastrrrrrrrr"])
    assert not has_loop(["no", "no", "no", "I", "think", "so"])


def test_a_piece_that_loops_is_written_again_without(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = object.__new__(Decoder)
    searched: list[dict[str, int]] = []

    def search(_states: object, _prompt: object, _n: int, **rules: int) -> list[list[int]]:
        searched.append(rules)
        return [[2, 2], [3]] if rules else [[1], [3]]

    texts = {(1,): "round and round and round and round and round", (2, 2): "a b", (3,): "fine"}
    decoder._tokens = SimpleNamespace(decode=lambda ids: texts[tuple(ids)])
    monkeypatch.setattr(decoder, "_search", search)
    assert decoder._write(None, [], 1.0) == [[2, 2], [3]]
    assert searched == [{}, {"no_repeat_ngram_size": 3}]
    texts[(1,)] = "once"
    assert decoder._write(None, [], 1.0) == [[1], [3]]
    assert len(searched) == 3


def test_okay_is_written_one_way() -> None:
    decoder = object.__new__(Decoder)
    texts = {1: " OK.", 2: " ok", 3: " oklahoma"}
    decoder._tokens = SimpleNamespace(
        decode=lambda ids: texts[ids[0]], id_to_token=lambda number: f"Ġ{number}"
    )
    found = SimpleNamespace(alignments=[(0, 0), (1, 5), (2, 9)], text_token_probs=[0.5, 0.5, 0.5])
    words = list(decoder._words([1, 2, 3], found, 1.0, "en"))
    assert [word.text for word in words] == ["Okay.", "okay", "oklahoma"]

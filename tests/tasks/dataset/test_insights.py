"""What stands out against the usual is found, with its evidence; where nothing happens, little."""

from typing import Any

import numpy as np

from schemas.tables import Row
from tasks.dataset.insights import changes, departures, hotspots, insight_rows, reacted


def row(index: int, speaker: str = "A", **more: Any) -> Row:
    made = {
        "recording_id": "0" * 16,
        "meeting_date": None,
        "utterance_index": index,
        "start": 6.0 * index,
        "end": 6.0 * index + 5,
        "speaker": speaker,
        "speaker_name": {"A": "Ana"}.get(speaker),
        "overlap_ratio": 0.0,
        "emotion": "neutral",
        "valence": 0.02 * (index % 3 - 1),
        "arousal": 0.0,
        "flags": [],
    }
    return made | more


def alternating(count: int, **changed: dict[str, Any]) -> list[Row]:
    return [row(n, "AB"[n % 2], **changed.get(f"at_{n}", {})) for n in range(count)]


def reaction(index: int, who: str, emotion: str = "happy", confidence: float = 0.8) -> Row:
    return {
        "participant": who,
        "participant_name": None,
        "utterance_index": index,
        "emotion": emotion,
        "confidence": confidence,
    }


ANGRY = {"emotion": "angry", "valence": -0.5, "arousal": 0.6}


def test_a_departure_is_from_the_speakers_own_usual() -> None:
    (aroused, angry) = departures(alternating(60, at_20=ANGRY, at_22=ANGRY))
    assert (angry.speakers, angry.evidence) == (("A",), (20, 22))
    assert angry.score > 3.5
    assert "than is usual for this speaker here" in angry.sentence
    assert "arousal" in aroused.sentence
    # whoever is always so does not depart
    always = [row(n, **ANGRY) for n in range(60)]
    assert list(departures(always)) == []
    # what is unsure says nothing, and neither do a few utterances
    assert not list(departures(alternating(60, at_20=ANGRY | {"emotion": None})))
    assert not list(departures(alternating(20, at_6=ANGRY)))


def test_a_change_is_where_a_speaker_goes_on_otherwise() -> None:
    random = np.random.default_rng(0)
    rows = [row(n, valence=float(random.normal(-0.3 * (n >= 30), 0.1))) for n in range(60)]
    (change,) = changes(rows)
    assert change.evidence == (29, 30)
    assert -0.4 < change.score < -0.2
    steady = [row(n, valence=float(random.normal(0, 0.1))) for n in range(60)]
    assert list(changes(steady)) == []


def test_a_hotspot_is_where_several_are_involved() -> None:
    rows = alternating(100)
    for n in range(40, 46):
        rows[n] |= {"overlap_ratio": 0.9, "arousal": 0.7}
    (hot,) = hotspots(rows)
    assert hot.speakers == ("A", "B")
    assert {40, 45} <= set(hot.evidence)
    assert hot.end - hot.start < 120
    assert list(hotspots(alternating(100))) == []
    assert list(hotspots(alternating(10))) == []


def test_listeners_who_react_alike_are_told_with_whom() -> None:
    rows = alternating(4)
    two = [reaction(2, "B"), reaction(2, "C"), reaction(2, "D", "sad"), reaction(1, "A")]
    (found,) = reacted(rows, [*two, reaction(3, "A", "neutral"), reaction(3, "C", "neutral")])
    assert (found.speakers, found.evidence) == (("A", "B", "C"), (2,))
    assert found.sentence == "2 listeners' faces expressed happy while this was said."


def test_of_somebody_who_did_not_consent_nothing_stands_out() -> None:
    rows = alternating(60, at_20=ANGRY, at_21=ANGRY)
    for each in rows:
        if each["speaker"] == "B":
            each |= {"flags": ["no_consent"], "emotion": None, "valence": None, "arousal": None}
    found = insight_rows(rows, [reaction(2, "B"), reaction(2, "C")])
    assert {who for each in found for who in each["speakers"]} == {"A"}
    assert [each["insight_index"] for each in found] == [0, 1]
    assert found[0]["speaker_names"] == ["Ana"]

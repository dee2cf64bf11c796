"""Names of captions meet voices: whose words, and how sure that is."""

from pathlib import Path

import pytest

from schemas.settings import Settings
from schemas.sidecar import Participant, Sidecar
from schemas.speech import Diarization, Transcript, Turn, Utterance, Word
from tasks.transcript.captions import read_captions
from tasks.transcript.utterances import make_utterances


def turn(start: float, end: float, speaker: int, confidence: float = 0.9) -> Turn:
    return Turn(start=start, end=end, speaker=f"SPEAKER_{speaker:02d}", confidence=confidence)


def cue(text: str, start: float, end: float, unit: int, name: str | None) -> list[Word]:
    tokens = text.split()
    step = (end - start) / len(tokens)
    return [
        Word(
            word=token,
            start=start + i * step,
            end=start + (i + 1) * step,
            timing="interpolated",
            unit=unit,
            name=name,
        )
        for i, token in enumerate(tokens)
    ]


def cues(*given: tuple[float, float, str | None]) -> list[Word]:
    """Four words in each cue (start, end, name)."""
    return [
        word
        for unit, (start, end, name) in enumerate(given)
        for word in cue("one two three four", start, end, unit, name)
    ]


def made(
    turns: list[Turn], spoken: list[Word], sidecar: Sidecar | None = None
) -> tuple[Utterance, ...]:
    diarization = Diarization(turns=tuple(turns), exclusive=tuple(turns))
    transcript = Transcript(words=tuple(spoken), language="en", engine="captions")
    return make_utterances(diarization, transcript, Settings(), sidecar or Sidecar())


def names(utterances: tuple[Utterance, ...]) -> list[str | None]:
    return [utterance.speaker_name for utterance in utterances]


def test_a_named_cue_is_whole_though_the_diarizer_merged_two_voices(tmp_path: Path) -> None:
    path = tmp_path / "a.vtt"
    path.write_text(
        "WEBVTT\n\n00:00.000 --> 00:06.000\n<v Smith, Bo>Shall we take the first or the other one?"
        "\n\n00:06.000 --> 00:08.000\n<v Garcia, Ana>I think it depends.\n"
    )
    spoken = list(read_captions(path, "en").words)
    for turns in ([turn(0, 8, 0)], [turn(0, 6.4, 0)], [turn(0, 6.4, 0), turn(6.4, 8, 1)], []):
        utterances = made(turns, spoken)
        assert utterances[-1].text == "I think it depends."
        assert [name and name.split()[-1] for name in names(utterances)][-1] is not None
        assert len(utterances) == 2
        assert len({utterance.speaker for utterance in utterances}) == 2


def test_a_name_used_once_for_a_moment_counts() -> None:
    spoken = cues((0, 5, "Ana"), (5, 5.6, "Bo"), (6, 12, "Ana"))
    assert names(made([turn(0, 12, 0)], spoken)) == ["Ana", "Bo", "Ana"]


def test_a_name_over_voices_that_come_again_and_again_is_a_room() -> None:
    turns = [turn(3.0 * i, 3.0 * i + 3, i % 3) for i in range(9)]
    whose = ["Bridge", "Bridge", "Ana"]
    spoken = cues(*((t.start, t.end, whose[i % 3]) for i, t in enumerate(turns)))
    utterances = made(turns, spoken)
    assert [(u.speaker[-1], u.speaker_name) for u in utterances][:3] == [
        ("0", None),
        ("1", None),
        ("2", "Ana"),
    ]


def test_one_persons_second_voice_for_once_is_no_room() -> None:
    turns = [turn(0, 10, 0), turn(10, 13, 1), turn(13, 20, 0)]
    spoken = cues((0, 5, "Ana"), (5, 10, "Ana"), (10, 13, "Ana"), (13, 20, "Ana"))
    utterances = made(turns, spoken)
    assert set(names(utterances)) == {"Ana"}
    assert len({u.speaker for u in utterances}) == 1


def test_words_without_a_name_are_not_whose_voice_they_fall_into() -> None:
    turns = [turn(0, 10, 0), turn(10, 20, 1), turn(20, 30, 2), turn(30, 40, 1)]
    spoken = cues(
        (0, 5, "Ana"), (5, 9.5, "Ana"), (9.4, 15, None), (15, 20.6, None), (20, 25, "Bo"),
        (25, 29, "Bo"), (28.6, 30.5, None), (30, 40, None),
    )  # fmt: skip
    utterances = made(turns, spoken)
    unnamed = [u for u in utterances if u.speaker_name is None]
    assert sum(len(u.words) for u in unnamed) == 16
    assert {u.speaker for u in unnamed} == {"SPEAKER_01"}


def test_half_the_words_unnamed_in_one_voice_of_two_leave_those_words_unknown() -> None:
    turns = [turn(0, 12, 0), turn(12, 16, 1)]
    spoken = cues((0, 3, "Ana"), (3, 6, None), (6, 9, None), (9, 12, None), (12, 16, "Bo"))
    assert names(made(turns, spoken)) == ["Ana", None, "Bo"]


def test_where_every_other_cue_is_named_the_voices_tell_the_rest() -> None:
    turns = [turn(0, 10, 0), turn(10, 20, 1), turn(20, 30, 0), turn(30, 40, 1)]
    spoken = cues(
        (0, 5, "Ana"), (5, 10, None), (10, 15, "Bo"), (15, 20, None),
        (20, 25, "Ana"), (25, 30, None), (30, 35, "Bo"), (35, 40, None),
    )  # fmt: skip
    assert None not in names(made(turns, spoken))


def test_a_cue_that_another_voice_speaks_is_less_sure() -> None:
    turns = [turn(0, 5, 0), turn(5, 10, 1), turn(10, 15, 0), turn(15, 20, 1)]
    sure = cues((0, 5, "Ana"), (5, 10, "Bo"), (10, 15, "Ana"), (15, 20, "Bo"))
    doubtful = cues((0, 5, "Ana"), (5, 10, "Bo"), (10, 15, "Ana"), (15, 20, "Ana"))
    assert made(turns, sure)[-1].speaker_confidence > 0.95
    last = made(turns, doubtful)[-1]
    assert (last.speaker_name, last.start) == ("Ana", 10)
    assert last.speaker_confidence < 0.95


def people(*given: str, refusing: str | None = None) -> Sidecar:
    return Sidecar(participants=tuple(Participant(name=n, consent=n != refusing) for n in given))


def test_the_last_participant_is_the_last_voice() -> None:
    turns = [turn(0, 5, 0), turn(5, 10, 1)]
    spoken = cues((0, 5, "Ana"), (5, 10, None))
    assert names(made(turns, spoken, people("Ana", "Bo"))) == ["Ana", "Bo"]


@pytest.mark.parametrize(
    "sidecar", [people("Ana", "Bo", "Cem"), people("Ana"), people("Bo", "Cem")]
)
def test_where_there_is_a_choice_nobody_is_named(sidecar: Sidecar) -> None:
    turns = [turn(0, 5, 0), turn(5, 10, 1)]
    spoken = cues((0, 5, "Ana"), (5, 10, None))
    assert names(made(turns, spoken, sidecar)) == ["Ana", None]


def test_the_last_participant_is_not_guessed_where_somebody_refused() -> None:
    turns = [turn(0, 5, 0), turn(5, 10, 1), turn(10, 15, 2)]
    spoken = cues((0, 5, "Ana"), (5, 10, "Bo"), (10, 15, None))
    sidecar = people("Ana", "Bo", "Cem", refusing="Bo")
    assert names(made(turns, spoken, sidecar)) == ["Ana", "[not shown]", "[not shown]"]

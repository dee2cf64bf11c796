"""Words meet turns and become utterances."""

import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.consent import Consent, Restrictions
from schemas.settings import Settings
from schemas.sidecar import Participant, Sidecar
from schemas.speech import UNKNOWN_SPEAKER, Diarization, Transcript, Turn, Utterance, Word
from schemas.values import to_grid
from tasks.transcript.utterances import make_utterances


def turn(start: float, end: float, speaker: int, confidence: float = 0.9) -> Turn:
    return Turn(start=start, end=end, speaker=f"SPEAKER_{speaker:02d}", confidence=confidence)


def words(text: str, start: float, step: float = 0.3, name: str | None = None) -> list[Word]:
    return [
        Word(word=word, start=start + i * step, end=start + (i + 1) * step - 0.05, name=name)
        for i, word in enumerate(text.split())
    ]


def utterances(
    turns: list[Turn],
    spoken: list[Word],
    sidecar: Sidecar | None = None,
    exclusive: list[Turn] | None = None,
    **changed: object,
) -> tuple[Utterance, ...]:
    diarization = Diarization(
        turns=tuple(turns), exclusive=tuple(turns if exclusive is None else exclusive)
    )
    transcript = Transcript(words=tuple(spoken), language="en", engine="test")
    return make_utterances(diarization, transcript, Settings(**changed), sidecar or Sidecar())


def test_a_change_of_speaker_starts_a_new_utterance() -> None:
    made = utterances(
        [turn(0, 1.2, 0), turn(1.2, 2.4, 1)], words("how are you there fine thanks and you", 0.0)
    )
    assert [(u.speaker, u.text) for u in made] == [
        ("SPEAKER_00", "how are you there"),
        ("SPEAKER_01", "fine thanks and you"),
    ]
    assert all(u.speaker_confidence > 0.8 for u in made)


def test_a_pause_over_the_limit_ends_an_utterance_and_one_under_it_does_not() -> None:
    spoken = [*words("one two", 0.0), *words("three", 1.2), *words("four", 2.6)]
    made = utterances([turn(0, 4, 0)], spoken)
    assert [u.text for u in made] == ["one two three", "four"]


def test_a_long_speech_is_cut_at_the_end_of_a_sentence() -> None:
    text = " ".join(["word"] * 69 + ["end."] + ["more"] * 60)
    made = utterances([turn(0, 60, 0)], words(text, 0.0))
    assert made[0].text is not None
    assert made[0].text.endswith("end.")
    assert all(u.duration <= 30.0 for u in made)
    assert sum(len(u.words) for u in made) == 130


def test_a_word_that_runs_on_over_silence_is_capped_and_stays_with_its_speaker() -> None:
    spoken = [Word(word="yes", start=0.0, end=5.0), *words("no", 4.2)]
    made = utterances([turn(0, 0.6, 0), turn(0.9, 5, 1)], spoken)
    assert (made[0].speaker, made[0].text, made[0].end) == ("SPEAKER_00", "yes", 1.0)


def test_words_far_from_every_turn_belong_to_nobody() -> None:
    made = utterances([turn(0, 1, 0)], [*words("near", 1.2), *words("far", 5.0)])
    assert [u.speaker for u in made] == ["SPEAKER_00", UNKNOWN_SPEAKER]
    assert made[0].speaker_confidence < 0.9
    assert made[1].speaker_confidence == 0.0


def test_words_at_the_same_time_stay_two_utterances() -> None:
    spoken = [*words("so we should go there", 0.0), *words("yeah right", 0.4)]
    turns = [turn(0, 1.6, 0), turn(0.35, 1.0, 1)]
    named = [
        word.model_copy(update={"name": "Bo" if word.word in {"yeah", "right"} else "Ana"})
        for word in spoken
    ]
    made = utterances(
        turns,
        [*named, *words("well then bye now", 3.0, name="Bo")],
        exclusive=[turn(0, 1.6, 0), turn(3.0, 4.4, 1)],
    )
    assert "so we should go there" in [u.text for u in made]
    assert "yeah right" in [u.text for u in made]


def test_overlap_is_the_share_in_which_someone_else_speaks() -> None:
    turns = [turn(0, 2, 0), turn(0.5, 1.0, 1), turn(0.75, 1.25, 2)]
    made = utterances(turns, words("a b c d e f", 0.0), exclusive=[turn(0, 2, 0)])
    assert made[0].overlap_ratio == pytest.approx(0.75 / made[0].duration, abs=1e-3)
    assert "overlap" not in made[0].flags


def test_short_and_overlapped_utterances_are_flagged() -> None:
    made = utterances([turn(0, 1, 0), turn(0, 1, 1)], words("mm", 0.2), exclusive=[turn(0, 1, 0)])
    assert made[0].flags == ("overlap", "short")


def test_without_words_turns_are_joined_over_short_pauses() -> None:
    made = utterances([turn(0, 1, 0), turn(1.5, 3, 0), turn(5, 6, 0), turn(6.1, 7, 1)], [])
    assert [(u.start, u.end, u.speaker) for u in made] == [
        (0, 3, "SPEAKER_00"),
        (5, 6, "SPEAKER_00"),
        (6.1, 7, "SPEAKER_01"),
    ]
    assert {u.text for u in made} == {None}
    assert all("no_words" in u.flags and u.language is None for u in made)


def test_a_turn_of_minutes_without_words_is_cut() -> None:
    made = utterances([turn(0, 100, 0)], [])
    assert len(made) >= 4
    assert all(u.duration <= 30.0 for u in made)
    assert sum(u.duration for u in made) == pytest.approx(100, abs=0.01)


def test_no_turns_and_no_words_are_no_utterances() -> None:
    assert utterances([], []) == ()


def test_caption_names_become_the_speakers_names() -> None:
    spoken = [
        *words("we start with the plan for today", 0.0, name="Ana"),
        *words("fine with me I have nothing to add", 3.0, name="Bo"),
    ]
    made = utterances([turn(0, 2.5, 0), turn(2.9, 6, 1)], spoken)
    assert {u.speaker: u.speaker_name for u in made} == {"SPEAKER_00": "Ana", "SPEAKER_01": "Bo"}


def test_a_matched_name_moves_a_word_that_the_diarizer_gave_to_another() -> None:
    spoken = [
        *words("we start with the plan for today please", 0.0, name="Ana"),
        *words("fine with me I have nothing to add", 3.0, name="Bo"),
    ]
    made = utterances([turn(0, 3.3, 0), turn(3.3, 6, 1)], spoken)
    assert [u.text for u in made if u.speaker_name == "Bo"] == [
        "fine with me I have nothing to add"
    ]


def test_two_names_on_one_voice_are_two_people() -> None:
    spoken = [
        *words("a b c d e f g h i j k l m n", 0.0, name="Ana"),
        *words("n o p q r s t u v w", 5.0, name="Bo"),
    ]
    made = utterances([turn(0, 9, 0)], spoken)
    assert [(u.speaker, u.speaker_name) for u in made] == [
        ("SPEAKER_00", "Ana"),
        ("SPEAKER_01", "Bo"),
    ]
    assert all(u.overlap_ratio == 0 for u in made)


def test_one_name_over_several_voices_names_nobody() -> None:
    spoken = [
        *words("a b c d e f", 0.0, name="Room"),
        *words("g h i j k l", 3.0, name="Room"),
        *words("m n o p q r", 6.0, name="Room"),
    ]
    made = utterances([turn(0, 2, 0), turn(3, 5, 1), turn(6, 8, 2)], spoken)
    assert len({u.speaker for u in made}) == 3
    assert {u.speaker_name for u in made} == {None}


REFUSES = Sidecar(participants=(Participant(name="Ana"), Participant(name="Bo", consent=False)))


def test_a_speaker_without_consent_is_not_shown() -> None:
    spoken = [
        *words("we start with the plan for today", 0.0, name="Ana"),
        *words("fine with me I have nothing to add", 3.0, name=" bo "),
    ]
    made = utterances([turn(0, 2.5, 0), turn(2.9, 6, 1)], spoken, REFUSES)
    assert [(u.speaker_name, "no_consent" in u.flags) for u in made] == [
        ("Ana", False),
        ("[not shown]", True),
    ]
    assert "bo" not in made[1].model_dump_json().lower().replace("speaker_", "")


def hidden(utterance: Utterance) -> bool:
    kept = (utterance.text, utterance.speaker_name, utterance.words, utterance.sure_words)
    return kept == ("[not shown]", "[not shown]", (), None) and "no_consent" in utterance.flags


def test_a_voice_without_a_name_could_be_theirs_who_did_not_consent() -> None:
    made = utterances([turn(0, 2, 0)], words("who am I", 0.0), REFUSES)
    assert hidden(made[0])


def test_a_name_by_which_nobody_consented_could_be_theirs_who_refused() -> None:
    made = utterances([turn(0, 2, 0)], words("who am I", 0.0, name="Bo Smith"), REFUSES)
    assert hidden(made[0])


def test_words_in_an_overlap_with_somebody_who_refused_could_be_theirs() -> None:
    spoken = [
        *words("we start with the plan for today", 0.0, name="Ana"),
        *words("and then we go on", 3.0, name="Ana"),
        *words("secret", 4.0),
    ]
    made = utterances([turn(0, 5, 0), turn(3.9, 4.4, 1, 0.5)], spoken, REFUSES, [turn(0, 5, 0)])
    assert [u.text for u in made if not hidden(u)] == [
        "we start with the plan for today",
        "and then we go on",
    ]
    assert "secret" not in "".join(u.model_dump_json() for u in made)


def test_a_remembered_refusal_counts_though_no_sidecar_states_it() -> None:
    names = Sidecar(participants=(Participant(name="Ana"), Participant(name="Bo")))
    bo = Restrictions.stated("id", REFUSES).refused
    spoken = [*words("I am for it", 0.0, name="Ana"), *words("and so am I", 3.0, name="Bo")]
    turns = (turn(0, 2, 0), turn(3, 5, 1))
    made = make_utterances(
        Diarization(turns=turns, exclusive=turns),
        Transcript(words=tuple(spoken), language="en", engine="test"),
        Settings(),
        names,
        Consent.of("id", names, bo),
    )
    assert [hidden(u) for u in made] == [False, True]


def test_the_only_voice_is_the_only_participant() -> None:
    made = utterances(
        [turn(0, 2, 0)], words("hello", 0.0), Sidecar(participants=(Participant(name="Ana"),))
    )
    assert made[0].speaker_name == "Ana"


def test_chinese_words_are_joined_without_spaces() -> None:
    diarization = Diarization(turns=(turn(0, 3, 0),), exclusive=(turn(0, 3, 0),))
    spoken = tuple(Word(word=w, start=i * 0.3, end=i * 0.3 + 0.3) for i, w in enumerate("你好吗"))
    transcript = Transcript(words=spoken, language="zh", engine="test")
    made = make_utterances(diarization, transcript, Settings(), Sidecar())
    assert made[0].text == "你好吗"


def test_three_hours_take_seconds() -> None:
    turns = [turn(i * 2.0, i * 2.0 + 1.9, i % 8) for i in range(5400)]
    turns += [turn(i * 2.0 + 1.5, i * 2.0 + 2.2, (i + 3) % 8) for i in range(5400)]
    spoken = [w for i in range(5400) for w in words("a b c d e", i * 2.0)]
    began = time.monotonic()
    made = utterances(turns, spoken, exclusive=turns[:5400])
    assert len(made) >= 5000
    assert time.monotonic() - began < 20


times = st.floats(0, 120, allow_nan=False)
speakers = st.integers(0, 3)


@st.composite
def meetings(draw: st.DrawFn) -> tuple[list[Turn], list[Word]]:
    turns = [
        turn(to_grid(start), to_grid(start + length), speaker)
        for start, length, speaker in draw(
            st.lists(st.tuples(times, st.floats(0.01, 70), speakers), max_size=12)
        )
    ]
    spoken = [
        Word(word=text, start=start, end=start + length, name=name)
        for text, start, length, name in draw(
            st.lists(
                st.tuples(
                    st.sampled_from(["a", "b.", "c,", "Wort"]),
                    times,
                    st.floats(0, 5),
                    st.sampled_from([None, None, "Ana", "Bo"]),
                ),
                max_size=40,
            )
        )
    ]
    return turns, spoken


def sole(turns: list[Turn]) -> list[Turn]:
    kept: list[Turn] = []
    for item in sorted(turns, key=lambda t: t.start):
        start = max(item.start, kept[-1].end if kept else 0.0)
        if start < item.end:
            kept.append(item.model_copy(update={"start": start}))
    return kept


@settings(max_examples=150, deadline=None)
@given(meetings())
def test_what_always_holds(meeting: tuple[list[Turn], list[Word]]) -> None:
    turns, spoken = meeting
    made = utterances(turns, spoken, exclusive=sole(turns))
    assert [u.index for u in made] == list(range(len(made)))
    assert all(a.start <= b.start for a, b in itertools.pairwise(made))
    known = {t.speaker for t in turns}
    for u in made:
        assert u.start < u.end
        assert u.start == to_grid(u.start)
        assert u.end == to_grid(u.end)
        assert u.duration <= 30.001 or len(u.words) == 1
        assert all(u.start <= w.start < w.end <= u.end for w in u.words)
        assert u.speaker in known | {UNKNOWN_SPEAKER} or u.speaker_name is not None
        assert u.flags == tuple(sorted(set(u.flags)))
    if spoken:
        said = sorted(w.word for u in made for w in u.words)
        assert said == sorted(w.word for w in spoken)


def cue(text: str, start: float, end: float, unit: int, **more: object) -> list[Word]:
    tokens = text.split()
    step = (end - start) / len(tokens)
    return [
        Word(
            word=token,
            start=start + i * step,
            end=start + (i + 1) * step,
            timing="interpolated",
            unit=unit,
            **more if i == 0 else {},  # type: ignore[arg-type]
        )
        for i, token in enumerate(tokens)
    ]


def spoken_by(made: tuple[Utterance, ...]) -> list[tuple[str, str | None]]:
    return [(u.speaker[-1], u.text) for u in made]


def test_a_cue_is_not_cut_where_a_turn_runs_on_for_a_moment() -> None:
    turns = [turn(0, 2.4, 0), turn(2.4, 6, 1)]
    spoken = [*cue("Neither did I.", 0, 2, 0), *cue("Okay, so what now?", 2, 4, 1)]
    assert spoken_by(utterances(turns, spoken)) == [
        ("0", "Neither did I."),
        ("1", "Okay, so what now?"),
    ]


def test_a_cue_of_two_voices_is_cut_at_the_end_of_a_sentence() -> None:
    turns = [turn(0, 3, 0), turn(3, 6, 1)]
    spoken = cue("How are you all today? I am fine thank you.", 0, 6, 0)
    assert spoken_by(utterances(turns, spoken)) == [
        ("0", "How are you all today?"),
        ("1", "I am fine thank you."),
    ]


def test_a_long_cue_without_sentences_is_cut_at_a_word() -> None:
    turns = [turn(0, 5, 0), turn(5, 10, 1)]
    spoken = cue("one two three four five six seven eight nine ten", 0, 10, 0)
    assert spoken_by(utterances(turns, spoken)) == [
        ("0", "one two three four five"),
        ("1", "six seven eight nine ten"),
    ]


def test_a_dash_parts_two_people_even_where_the_turns_do_not() -> None:
    spoken = [
        *cue("Hi.", 0, 1, 0, changes_voice=True),
        *cue("Hello.", 1, 2, 1, changes_voice=True),
    ]
    assert [s for s, _ in spoken_by(utterances([turn(0, 1.2, 0), turn(1.2, 2, 1)], spoken))] == [
        "0",
        "1",
    ]
    alone = utterances([turn(0, 2, 0)], spoken)
    assert [u.speaker for u in alone] == ["SPEAKER_00", UNKNOWN_SPEAKER]


def test_one_person_over_two_voices_does_not_overlap_herself() -> None:
    turns = [turn(0, 5, 0), turn(5, 8, 1)]
    spoken = [
        *cue_of("Ana", "we start with the plan for today", 0, 5, 0),
        *cue_of("Ana", "and then we go on with it", 5, 8, 1),
    ]
    made = utterances(turns, spoken)
    assert {u.speaker for u in made} == {"SPEAKER_00"}
    assert [u.overlap_ratio for u in made] == [0.0]


def test_cues_of_two_people_at_once_overlap_though_one_voice_was_found() -> None:
    spoken = [
        *cue_of("Ana", "one two three four", 0, 4, 0),
        *cue_of("Bo", "five six seven eight", 2, 4, 1),
        *cue_of("Bo", "nine ten eleven twelve", 6, 10, 2),
    ]
    made = utterances([turn(0, 10, 0)], spoken)
    ratios = {u.text: u.overlap_ratio for u in made if u.text}
    assert ratios["five six seven eight"] == pytest.approx(1.0, abs=0.05)
    assert ratios["nine ten eleven twelve"] == 0.0


def cue_of(name: str, text: str, start: float, end: float, unit: int) -> list[Word]:
    return [w.model_copy(update={"name": name}) for w in cue(text, start, end, unit)]


def test_turns_that_captions_leave_out_stay_and_are_flagged() -> None:
    turns = (turn(0, 2, 0), turn(5, 8, 1))
    transcript = Transcript(
        words=tuple(cue("hello there", 0, 2, 0)), engine="captions", uncaptioned=(turns[1],)
    )
    diarization = Diarization(turns=turns, exclusive=turns)
    made = make_utterances(diarization, transcript, Settings(), Sidecar())
    assert [(u.start, u.end, u.text, u.flags) for u in made] == [
        (0.0, 2.0, "hello there", ()),
        (5.0, 8.0, None, ("captions_suspect", "no_words")),
    ]

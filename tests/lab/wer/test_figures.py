"""Figures of a recogniser, each computed by hand; in some the first idea would be wrong."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from lab.reports.render import to_terminal, write_folder
from lab.wer.alignment import HypothesisWord, align, hypothesis_words
from lab.wer.counts import Errors, Tally, count, silent_stretches
from lab.wer.figures import figures_in_all, figures_of
from lab.wer.normalise import normalise
from lab.wer.report import report_of, side_by_side, write_files
from lab.wer.stm import Reference, Segment
from schemas.speech import Utterance, Word


def reference(*segments: tuple[str, float, float, str]) -> Reference:
    return Reference(tuple(Segment(*segment) for segment in segments))


def hypothesis(
    text: str, speaker: str = "S", start: float = 0.0, scores: Sequence[float | None] = ()
) -> list[HypothesisWord]:
    """The words of one utterance, one in every tenth of a second."""
    words = text.split()
    given = scores or [None] * len(words)
    return [
        HypothesisWord(
            Word(word=word, start=at, end=at + 0.1, score=score), speaker, round(10 * start)
        )
        for number, (word, score) in enumerate(zip(words, given, strict=True))
        if (at := start + 0.1 * number) >= 0
    ]


def test_edits_are_counted_per_word_of_the_reference() -> None:
    tally = count(
        reference(("A", 0, 2, "The cat sat on the mat.")),
        hypothesis("the cat sit on mat"),
        2.0,
        0.5,
    )
    assert tally.words == Errors(substitutions=1, insertions=0, deletions=1, length=6)
    figures = figures_of(tally)
    assert figures.wer == pytest.approx(2 / 6)
    assert figures.realtime_factor == pytest.approx(4.0)


def test_rates_of_a_set_are_of_its_summed_words_not_means_of_rates() -> None:
    long = count(
        reference(("A", 0, 2, "the cat sat on the mat")), hypothesis("the cat sit on mat"), 9, 1
    )
    short = count(reference(("A", 0, 1, "yes")), hypothesis("oh yes"), 1, 4)
    in_all = figures_in_all({"long": long, "short": short})
    assert in_all.wer == pytest.approx(3 / 7)  # the mean of the rates is 0.67
    assert in_all.realtime_factor == pytest.approx(10 / 5)  # the mean is 4.6
    assert in_all.audio_seconds == pytest.approx(10)


def test_letters_count_for_the_character_error_rate() -> None:
    figures = figures_of(count(reference(("A", 0, 1, "Cat sat!")), hypothesis("cat sit"), 1, 1))
    assert figures.cer == pytest.approx(1 / len("cat sat"))
    assert figures.wer == pytest.approx(1 / 2)


def test_a_word_inside_another_ones_long_segment_stands_inside_it() -> None:
    ref = reference(("A", 0, 10, "alpha beta gamma delta"), ("B", 4.8, 5.2, "yes"))
    in_time = [
        *hypothesis("alpha beta", "S1", 1.0),
        *hypothesis("yes", "S2", 4.9),
        *hypothesis("gamma delta", "S1", 6.0),
    ]
    figures = figures_of(count(ref, in_time, 10, 1))
    assert (figures.wer, figures.mimo_wer, figures.cp_wer) == (0, 0, 0)
    # one segment after the other, as they stand in the reference, would be two errors
    told_in_turn = reference(("A", 0, 4, "alpha beta gamma delta"), ("B", 4.8, 5.2, "yes"))
    assert figures_of(count(told_in_turn, in_time, 10, 1)).wer == pytest.approx(2 / 5)


def test_a_long_talk_is_measured_in_sections_and_loses_nothing() -> None:
    turns = [("AB"[n % 2], 10.0 * n, 10.0 * n + 5, "we may go there") for n in range(30)]
    words = [word for _, start, _, text in turns for word in hypothesis(text, start=start)]
    spared = [word for n, word in enumerate(words) if n % 4]
    figures = figures_of(count(reference(*turns), spared, 300, 1))
    assert figures.mimo_wer == figures.wer == pytest.approx(1 / 4)


def test_where_all_talk_at_once_the_order_by_time_stands_for_all_orders() -> None:
    texts = ("so we may go", "red blue green gold", "cat dog cow hen", "north south east west")
    ref = [
        (speaker, 0, 8, " ".join([text] * 8)) for speaker, text in zip("ABCD", texts, strict=True)
    ]
    hyp = " ".join(" ".join([text] * 8) for text in texts)  # one after the other, not by time
    many = figures_of(count(reference(*ref), hypothesis(hyp), 13, 1))
    assert many.mimo_wer == many.wer
    two = figures_of(count(reference(*ref[:2]), hypothesis(" ".join(hyp.split()[:64])), 8, 1))
    assert two.mimo_wer is not None
    assert two.wer is not None
    assert two.mimo_wer < two.wer  # few orders: all are tried


def test_words_of_people_who_speak_at_once_may_stand_in_any_order_for_mimo_alone() -> None:
    ref = reference(("A", 0, 2, "red green blue"), ("B", 0, 2, "north south west"))
    one_by_one = [*hypothesis("red green blue", "S1"), *hypothesis("north south west", "S2", 0.5)]
    figures = figures_of(count(ref, one_by_one, 2, 1))
    assert figures.wer is not None
    assert figures.wer > 0.3
    assert figures.mimo_wer == 0
    assert figures.precision_of_kept_words == 1  # no word is wrong for its place alone
    turned = [*hypothesis("blue green red", "S1"), *hypothesis("north south west", "S2", 0.5)]
    assert figures_of(count(ref, turned, 2, 1)).mimo_wer == pytest.approx(2 / 6)


def test_a_word_said_once_is_right_once() -> None:
    ref = reference(("A", 0, 2, "yes"), ("B", 0.5, 2, "no"))
    tally = count(ref, hypothesis("yes yes no"), 2, 1)
    assert sum(judged.right for judged in tally.judged) == 2
    far = count(reference(("A", 0, 1, "yes")), hypothesis("yes", start=30), 60, 1)
    assert far.any_order == Errors(insertions=1, deletions=1, length=1)


def test_a_word_given_to_the_wrong_speaker_costs_two_errors_in_cpwer_and_none_in_wer() -> None:
    ref = reference(("A", 0, 1, "good morning everyone"), ("B", 1, 2, "hello there"))
    right = [*hypothesis("good morning everyone", "S2"), *hypothesis("hello there", "S1", 1)]
    assert figures_of(count(ref, right, 2, 1)).cp_wer == 0  # names do not matter
    wrong = [*hypothesis("good morning everyone hello", "S2"), *hypothesis("there", "S1", 1)]
    figures = figures_of(count(ref, wrong, 2, 1))
    assert figures.wer == 0
    assert figures.cp_wer == pytest.approx(2 / 5)


def test_texts_are_compared_as_whisper_normalises_them() -> None:
    assert normalise("Uh, I'm sure it's twenty-one Colours (maybe)!") == (
        ["i", "am", "sure", "it", "is", "21", "colors"]
    )
    ref = reference(("A", 0, 2, "It's twenty one um colours"))
    assert count(ref, hypothesis("it is 21 colors"), 2, 1).words == Errors(length=4)


@pytest.mark.parametrize("text", ["T_V_", "T.V.", "T-V", "TV"])
def test_spelled_letters_are_one_word_however_they_are_marked(text: str) -> None:
    assert normalise(f"a {text} remote") == ["a", "tv", "remote"]


def test_a_stutter_is_no_spelled_word_and_letters_apart_stay_apart() -> None:
    assert normalise("I-I think N_ E_ Z_") == ["i", "i", "think", "n", "e", "z"]


def test_numbers_of_two_utterances_are_not_joined() -> None:
    ref = reference(("A", 0, 1, "channel two"), ("B", 1, 2, "one moment"))
    hyp = [*hypothesis("channel two", "S1"), *hypothesis("one moment", "S2", 1)]
    assert figures_of(count(ref, hyp, 2, 1)).wer == 0  # as one text this is "21 moment"


def test_silence_is_where_nobody_at_all_speaks_for_a_second() -> None:
    ref = reference(("A", 1, 3, "a"), ("B", 2, 4, "b"), ("A", 2.5, 2.6, "c"), ("A", 4.5, 6, "d"))
    assert silent_stretches(ref, 10) == [(0.0, 1), (6, 10)]
    words = [
        *hypothesis("early", start=0.4, scores=[0.9]),
        *hypothesis("pause", start=4.2, scores=[0.9]),
        *hypothesis("late", start=8.0, scores=[0.2]),
    ]
    figures = figures_of(count(ref, words, 10, 1, threshold=0.5))
    assert figures.silence_seconds == pytest.approx(5)
    assert figures.insertions_on_silence == pytest.approx(2 * 3600 / 5)
    assert figures.kept_insertions_on_silence == pytest.approx(1 * 3600 / 5)


def test_a_recording_without_words_has_no_rate_but_counts_in_all() -> None:
    noise = count(reference(), hypothesis("thank you", start=3), 60, 1)
    figures = figures_of(noise)
    assert (figures.wer, figures.cer, figures.cp_wer, figures.mimo_wer) == (None,) * 4
    assert figures.insertions == 2
    assert figures.insertions_on_silence == pytest.approx(120)
    assert figures.precision_of_kept_words == 0
    speech = count(
        reference(("A", 0, 1, "please come in here")), hypothesis("please come in here"), 1, 1
    )
    in_all = figures_in_all({"noise": noise, "speech": speech})
    assert (in_all.n_words, in_all.wer, in_all.cp_wer) == (4, 0.5, 0.5)


def test_a_recording_in_which_nothing_was_heard_has_all_words_deleted() -> None:
    figures = figures_of(count(reference(("A", 0, 1, "um hello there")), [], 5, 1))
    assert (figures.wer, figures.cer, figures.cp_wer, figures.mimo_wer) == (1, 1, 1, 1)
    assert (figures.deletions, figures.n_heard) == (2, 0)
    assert (figures.words_kept, figures.precision_of_kept_words) == (None, None)
    assert (figures.word_ece, figures.reliability) == (None, ())
    assert figures.insertions_on_silence == 0


def test_a_set_of_silence_in_which_nothing_was_heard_is_measured() -> None:
    figures = figures_in_all({"a": count(reference(), [], 30, 1), "b": Tally()})
    assert (figures.wer, figures.insertions, figures.insertions_on_silence) == (None, 0, 0)


def test_sure_words_and_their_calibration() -> None:
    ref = reference(("A", 0, 2, "I don't know that"))
    hyp = hypothesis("I don't no that um", scores=[0.95, 0.9, 0.8, 0.3, 0.99])
    figures = figures_of(count(ref, hyp, 2, 1, threshold=0.5))
    assert figures.n_heard == 4  # "um" counts nowhere, "don't" once
    assert figures.words_kept == pytest.approx(3 / 4)
    assert figures.precision_of_kept_words == pytest.approx(2 / 3)
    # "i do not know that" and "i do not no": one is wrong, one is missing
    assert figures.wer_of_kept_words == pytest.approx(2 / 5)
    assert figures.wer == pytest.approx(1 / 5)
    expected = 0.5 * abs(1 - 0.925) + 0.25 * abs(0 - 0.8) + 0.25 * abs(1 - 0.3)
    assert figures.word_ece == pytest.approx(expected)
    assert [found.low for found in figures.reliability] == [0.3, 0.8, 0.9]


def test_a_word_is_right_only_as_a_whole() -> None:
    tally = count(reference(("A", 0, 1, "you do see")), hypothesis("you don't see"), 1, 1)
    assert [judged.right for judged in tally.judged] == [True, False, True]


def test_words_without_a_score_are_kept_and_have_no_calibration() -> None:
    figures = figures_of(count(reference(("A", 0, 1, "hi")), hypothesis("hi"), 1, 1, threshold=0.9))
    assert (figures.words_kept, figures.word_ece) == (1, None)


def test_words_in_a_stretch_that_is_left_out_count_nowhere() -> None:
    ref = Reference((Segment("A", 0, 1, "hello"),), ignored=((2.0, 8.0),))
    words = (("hello", 0.1), ("noise", 4.0))
    utterance = Utterance(
        index=0,
        start=0,
        end=5,
        speaker="S",
        speaker_confidence=1,
        overlap_ratio=0,
        words=tuple(Word(word=word, start=at, end=at + 0.2) for word, at in words),
    )
    figures = figures_of(count(ref, hypothesis_words([utterance], ref), 10, 1))
    assert (figures.wer, figures.insertions_on_silence) == (0, 0)
    assert figures.silence_seconds == pytest.approx(1 + 2)


def test_what_was_said_stands_over_what_was_heard() -> None:
    ref = reference(("A", 60, 63, "Where is the remote"))
    hyp = hypothesis("where the remote now", start=60, scores=[0.9, 0.9, 0.1, 0.9])
    assert side_by_side(align(ref, hyp), hyp, 0.5) == [
        "   1:00 ref where is the remote *",
        "   1:00 hyp where *  the ...    now",
    ]
    assert side_by_side([], [], 0.5) == ["No word in the reference, and none recognised."]


def test_long_alignments_are_broken_into_lines_that_lose_no_word() -> None:
    text = " ".join(f"word{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(60))
    hyp = hypothesis(text)
    lines = side_by_side(align(reference(("A", 0, 9, text)), hyp), hyp, 0)
    assert max(map(len, lines)) < 112
    of_heard = [line.split()[2:] for line in lines if " hyp " in line]
    assert len(of_heard) > 1
    assert [word for words in of_heard for word in words] == text.split()


def test_the_report_holds_figures_table_drawing_and_texts(tmp_path: Path) -> None:
    ref = reference(("A", 0, 2, "yes we can"))
    hyp = hypothesis("yes we can't", scores=[0.9, 0.8, 0.4])
    figures = figures_of(count(ref, hyp, 60, 10, threshold=0.5))
    found = {
        "data": "set.stm",
        "engine": "fake@1",
        "segments": "diarizer",
        "min_word_confidence": 0.5,
        "all": figures.model_dump(),
        "files": {"meeting": figures.model_dump()},
        "warnings": ["Beware."],
    }
    lines = {"meeting": side_by_side(align(ref, hyp), hyp, 0.5)}
    folder = tmp_path / "report"
    folder.mkdir()
    write_folder(folder, report_of(found, figures.reliability, lines, drawn_in=folder))
    write_files(folder, found["files"])
    record = json.loads((folder / "measures.json").read_text())
    assert record["files"]["meeting"]["n_words"] == 3
    with (folder / "files.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert (row["recording"], row["insertions"], row["cp_wer"]) == ("meeting", "1", str(1 / 3))
    assert (folder / "reliability.png").read_bytes().startswith(b"\x89PNG")
    page = (folder / "report.md").read_text()
    assert "**Beware.**" in page
    assert "| WER | 0.333 |" in page
    assert [line.split()[1:] for line in page.splitlines() if "   0:00" in line] == [
        ["ref", "yes", "we", "can", "*"],
        ["hyp", "yes", "we", "...", "..."],
    ]
    shown = [line.split() for line in to_terminal(report_of(found)).splitlines()]
    assert shown[0] == ["Words", "by", "fake@1", "on", "set.stm"]
    assert ["WER", "0.333"] in shown
    assert ["real-time", "factor", "6.0"] in shown
    assert shown[-1][0] == "meeting"

"""Sentences that Prefect is given tell what is wrong, and of whom nothing."""

import pytest

from flows.artifacts import failure_table, summary_markdown
from flows.discretion import address_id, told, without_lists, without_names
from schemas.reports import BatchReport, RecordingReport
from tests.material.annotations import annotated

URI = "/meetings/Ana Lee.mp4"


@pytest.mark.parametrize(
    ("sentence", "left"),
    [
        ("The sidecar Ana Lee.toml is wrong: it must be given.", "The sidecar …"),
        ("There is no 'Ana'; did you mean 'Anna'? Known are all.", "There is no …"),
        ("Ana Lee.mp4 cannot be read: gone.", "… cannot be read: gone."),
        ("The recording's container is empty.", "The recording's container is empty."),
        ("The stage 'text' failed (KeyError: Ana).", "The stage … failed (KeyError)."),
        ("The storage of s3://b/Ana/x does not answer.", "The storage of … does not answer."),
        ("Line 3 of the turns Zoe.rttm has a wrong name.", "Line 3 of the turns … has"),
    ],
)
def test_names_files_and_quotations_are_left_out(sentence: str, left: str) -> None:
    text = without_names(sentence, URI)
    assert left in text
    assert not any(name in text for name in ("Ana", "Lee", "Zoe"))


def test_files_that_are_passed_over_are_counted_not_named() -> None:
    given = "2 files are not recordings: Ana.txt, Bo: x.md; 1 file lies beside no recording: z.vtt"
    assert without_lists(given) == "2 files are not recordings; 1 file lies beside no recording"
    assert without_lists("") == ""


def test_a_failed_recording_is_told_by_id_stage_and_cause() -> None:
    failed = RecordingReport(
        uri=URI,
        outcome="quarantined",
        recording_id=address_id(URI),
        seconds=1.0,
        stage="probe",
        cause="input",
        sentence="Ana Lee.mp4 is empty.",
    )
    assert told(failed, "summary") == "probe, input: … is empty."
    assert told(failed, "full") == "Ana Lee.mp4 is empty."
    (row,) = failure_table(BatchReport(recordings=(failed,)))
    assert row["id"] == address_id(URI)
    assert "Ana" not in str(row)


def test_a_summary_counts_and_quotes_nothing() -> None:
    text = summary_markdown("0123456789abcdef", annotated(), "/d/pages/0123456789abcdef.html")
    assert "| utterances | 2 |" in text
    assert "| unsure | 50% |" in text
    assert not any(word in text for word in ("Ana", "good", "day"))

"""A step repeats itself where its storage did not answer, and its lines say what they are about."""

import logging

import pytest

from flows import steps
from flows.failures import StageFailedError
from flows.steps import about, guarded, log
from schemas.errors import InputError, UnavailableError


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "RETRY_DELAYS", (0.0, 0.0))


def test_a_line_begins_with_the_recording_that_it_is_about(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, logger="tonescribe"):
        log("%d recordings", 2)
        with about("0123456789abcdef"):
            log("%d percent", 5)
            with about("fedcba9876543210"):
                log("done")
        log("the end")
    assert caplog.messages == [
        "2 recordings",
        "0123456789abcdef: 5 percent",
        "fedcba9876543210: done",
        "the end",
    ]


def test_a_storage_that_comes_back_costs_a_line_and_one_that_does_not_costs_the_step(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tries = []

    def flaky(fails: int) -> str:
        tries.append(fails)
        if len(tries) <= fails:
            raise UnavailableError("The storage does not answer.")
        return "there"

    with caplog.at_level(logging.INFO, logger="tonescribe"), about("0123456789abcdef"):
        assert guarded("publish", lambda: flaky(2)) == "there"
        assert [m.split(":")[0] for m in caplog.messages] == ["0123456789abcdef"] * 2
        tries.clear()
        with pytest.raises(StageFailedError, match="does not answer"):
            guarded("publish", lambda: flaky(3))


def test_bad_input_is_not_tried_again() -> None:
    tries = []

    def bad() -> None:
        tries.append(1)
        raise InputError("The recording is empty.")

    with pytest.raises(StageFailedError):
        guarded("probe", bad)
    assert tries == [1]

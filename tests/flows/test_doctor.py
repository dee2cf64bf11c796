"""The doctor finds what is missing and says what to do."""

from pathlib import Path

import pytest

from flows.doctor import run_doctor


def test_all_is_well_with_engines_that_need_nothing(
    synthetic: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_doctor(None) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines} <= {"ok", "warn"}
    assert any("ffmpeg" in line for line in lines)


def test_missing_weights_fail_with_the_remedy(
    synthetic: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TONESCRIBE_ENGINES__FACE_DETECTOR", "yunet")
    monkeypatch.setenv("TONESCRIBE_WEIGHTS__FACE_DETECTOR", str(synthetic / "none.onnx"))
    assert run_doctor(str(synthetic / "nowhere")) == 1
    failed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("fail")]
    assert any("none.onnx" in line for line in failed)
    assert any("nowhere" in line for line in failed)

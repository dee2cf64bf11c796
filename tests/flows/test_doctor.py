"""The doctor finds what is missing and says what to do."""

from pathlib import Path

import pytest

from flows.cli.doctor import run_doctor


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


def test_a_network_that_is_missing_is_named_with_the_command_that_brings_it(
    synthetic: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TONESCRIBE_WEIGHTS__TRANSCRIBER", "whisper-large-v3-turbo")
    monkeypatch.setenv("TONESCRIBE_WEIGHTS__FOLDER", str(synthetic / "weights"))
    run_doctor(None)
    lines = [line for line in capsys.readouterr().out.splitlines() if "large-v3-turbo" in line]
    assert lines[-1].startswith("warn")
    assert "tonescribe weights fetch whisper-large-v3-turbo --from-hub" in lines[-1]

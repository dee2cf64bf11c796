"""The reference in `docs/reference` is what the code says."""

from pathlib import Path

import pytest

from flows.cli.reference import main

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def test_the_reference_is_up_to_date() -> None:
    assert main(REFERENCE, check=True) == 0


def test_a_page_that_is_not_what_the_code_says_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(tmp_path, check=False)
    (tmp_path / "columns.md").write_text("something else")
    assert main(tmp_path, check=True) == 1
    assert capsys.readouterr().err.startswith("columns.md in ")

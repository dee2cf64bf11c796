"""The README's figures are those that commands wrote into docs/reports and the model cards."""

import re
from pathlib import Path

import pytest

HOME = Path(__file__).parents[1]
REPORTS = HOME / "docs" / "reports"
CARDS = HOME / "models" / "weights"

LEFT_OUT = ("emodb", "emovo", "nemo", "ravdess")
AMI, TELEPHONE = "words/ami.md", "words/telephone.md"
VOICES, FACES, WORDS = "voices/report.md", "video/report.md", "text/report.md"
UNSEEN_FACES = "fer2013 PrivateTest without photographs of the training part"
JOINED = "face and voice relative to their person's means: voice + face, pool"

FIGURES: dict[str, tuple[tuple[str, str, str, str], ...]] = {
    # README row: (pattern of the figure, file, row, column) for each
    "AMI meetings, 30-s clips": (
        (r"error ([\d.]+) %", VOICES, "AMI clips", "DER"),
        (r"; (\d+) of it missed", VOICES, "AMI clips", "missed"),
    ),
    "a telephone talk (": ((r"error ([\d.]+) %", VOICES, "telephone talk", "DER"),),
    "words to the right speaker": ((r"([\d.]+) % \|$", VOICES, "AMI clips", "words right"),),
    "words, Whisper base": (
        (r"errors ([\d.]+) %", TELEPHONE, "WER", "in all"),
        (r"/ ([\d.]+) %", AMI, "WER", "in all"),
        (r"\(([\d.]+) where", AMI, "MIMO-WER", "in all"),
    ),
    "face, seven classes": (
        (r"accuracy ([\d.]+) /", FACES, "fer2013 PrivateTest", "accuracy"),
        (r"accuracy [\d.]+ / ([\d.]+) %", FACES, UNSEEN_FACES, "accuracy"),
        (r"UAR ([\d.]+) /", FACES, "fer2013 PrivateTest", "UAR"),
        (r"UAR [\d.]+ / ([\d.]+) %", FACES, UNSEEN_FACES, "UAR"),
    ),
    "words, English": (
        (r"weighted F1 ([\d.]+)", WORDS, "meld en test", "weighted F1"),
        (r"macro-F1 ([\d.]+)", WORDS, "goemotions en test, several labels", "macro-F1"),
    ),
    "words, Spanish and French": (
        (r"weighted F1 ([\d.]+) /", WORDS, "mmeld es test", "weighted F1"),
        (r"/ ([\d.]+) \|$", WORDS, "mmeld fr test", "weighted F1"),
    ),
}


def tables(path: Path) -> dict[str, dict[str, str]]:
    """Read the rows of a file's tables by their first cell; the first of a name stands."""
    rows: dict[str, dict[str, str]] = {}
    header: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            header = []
        elif not header:
            header = _cells(line)
        elif not set(line) <= set("|-: "):
            cells = _cells(line)
            rows.setdefault(cells[0], dict(zip(header[1:], cells[1:], strict=False)))
    return rows


def _cells(line: str) -> list[str]:
    return [cell.strip().strip("*") for cell in line.strip().strip("|").split("|")]


def number(cell: str) -> float:
    """Read the figure of a cell, before its interval and deviation."""
    return float(cell.split()[0].strip("%"))


def readme_row(start: str) -> str:
    (row,) = (line for line in _readme() if f"| {start}" in line)
    return row


def _readme() -> list[str]:
    return (HOME / "README.md").read_text(encoding="utf-8").splitlines()


def same(shown: str, written: float) -> bool:
    """Whether a shown figure is the written one, as a share or in per cent, rounded as shown."""
    digits = len(shown.partition(".")[2])
    return float(shown) in (round(written, digits), round(100 * written, digits))


@pytest.mark.parametrize("start", FIGURES)
def test_a_row_of_the_readme_is_what_a_command_wrote(start: str) -> None:
    row = readme_row(start)
    for pattern, file, name, column in FIGURES[start]:
        found = re.search(pattern, row)
        assert found, f"no {pattern} in {row}"
        written = number(tables(REPORTS / file)[name][column])
        assert same(found[1], written), f"{found[1]} for {written} in {file}, {name}, {column}"


def test_the_figures_on_strangers_are_means_over_corpora_left_out() -> None:
    row = readme_row("EMO-DB, EMOVO, nEMO, RAVDESS, each never")
    rows = tables(REPORTS / "audio" / "left-out.md")

    def mean(column: str, suffix: str = "") -> float:
        return sum(number(rows[f"{name}, left out{suffix}"][column]) for name in LEFT_OUT) / 4

    others = ", against 20 others of the speaker"
    found = re.search(r"UAR (\d+) %.*; (\d+) %.*error \.(\d\d) / \.(\d\d)", row)
    assert found, row
    assert int(found[1]) == round(100 * mean("UAR"))
    assert int(found[2]) == round(100 * mean("UAR", others))
    assert int(found[3]) == round(100 * mean("calibration error"))
    assert int(found[4]) == round(100 * mean("calibration error", others))


def test_what_joins_voice_and_face_is_as_its_card_says() -> None:
    rows = tables(CARDS / "fusion.md")
    shown = re.findall(r"(\d\d\.\d)", readme_row("voice and action units joined"))
    written = [
        rows["voice + face, pool"]["accuracy"],
        rows["voice alone"]["accuracy"],
        rows[JOINED]["accuracy"],
        rows["voice + face, pool"]["half"],
    ]
    assert [float(figure) for figure in shown] == [round(100 * number(w), 1) for w in written]


def test_the_voice_on_ravdess_is_as_its_card_says() -> None:
    rows = tables(CARDS / "audio.md")
    seven = re.search(r"UAR ([\d.]+) %.*classes: ([\d.]+)", readme_row("voice, seven classes"))
    assert seven
    assert same(seven[1], number(rows["the same, seven classes"]["UAR"]))
    assert same(seven[2], number(rows["EmoBox's six folds, eight classes"]["UAR"]))

"""Export a transcript to programs for annotation: ELAN, Praat, NIST CTM, EmotionML.

Each speaker has a tier of utterances, one of emotions and one of words.
"""

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

from schemas.dataset import Dataset
from schemas.emotions import EMOTIONS
from schemas.tables import Row
from tasks.dataset.lines import as_words, printable, who

UNSURE = "unsure"
_MEDIA_TYPE = "video/mp4"


@dataclass(frozen=True)
class Interval:
    """A part of a tier in milliseconds."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Speaker:
    """The rows of one speaker in order, under a name that nobody else has."""

    name: str
    rows: Sequence[Row]

    def utterances(self) -> list[Interval]:
        """Return what they said."""
        return _apart((row["start"], row["end"], as_words(row)) for row in self.rows)

    def emotions(self) -> list[Interval]:
        """Return the emotion of each utterance, or that it is unsure."""
        return _apart((row["start"], row["end"], row["emotion"] or UNSURE) for row in self.rows)

    def words(self) -> list[Interval]:
        """Return each word."""
        return _apart(
            (word["start"], word["end"], printable(word["word"]))
            for row in self.rows
            for word in row["words"] or ()
        )


TIERS: dict[str, Callable[[Speaker], list[Interval]]] = {
    "": Speaker.utterances,
    " emotion": Speaker.emotions,
    " words": Speaker.words,
}
"""What follows the speaker's name in the name of a tier, and what the tier holds."""


def by_speaker(rows: Sequence[Row]) -> list[Speaker]:
    """Group rows by speaker, in order of their first words."""
    found: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: (row["start"], row["end"])):
        found.setdefault(row["speaker"], []).append(row)
    taken: set[str] = set()
    speakers = []
    for label, own in found.items():
        name = who(own[0])
        name = f"{name} ({label})" if name in taken else name
        taken.add(name)
        speakers.append(Speaker(name, own))
    return speakers


def _apart(parts: Iterable[tuple[float, float, str]]) -> list[Interval]:
    """Return parts on the grid of milliseconds; a later one begins where an earlier one ends."""
    kept: list[Interval] = []
    reached = 0
    for start, end, text in sorted(parts):
        first, last = max(reached, round(start * 1000)), round(end * 1000)
        if first < last and text:
            kept.append(Interval(first, last, text))
            reached = last
    return kept


def to_ctm(recording: Row, rows: Sequence[Row], _dataset: Dataset) -> str:
    """NIST CTM: recording, channel, start, length, word, score; the channel is the speaker."""
    name = recording["recording_id"]
    words = [
        (word["start"], word["end"], row["speaker"], word)
        for row in rows
        for word in row["words"] or ()
        if printable(word["word"])
    ]
    lines = []
    for start, end, speaker, word in sorted(words, key=lambda found: found[:3]):
        score = "NA" if word["score"] is None else f"{word['score']:.3f}"
        token = "_".join(printable(word["word"]).split())
        lines.append(f"{name} {speaker} {start:.3f} {end - start:.3f} {token} {score}\n")
    return "".join(lines)


def to_textgrid(recording: Row, rows: Sequence[Row], _dataset: Dataset) -> str:
    """Praat's TextGrid."""
    from praatio import textgrid
    from praatio.utilities.constants import Interval as Cell

    grid = textgrid.Textgrid(0.0, max([recording["duration"], *(row["end"] for row in rows)]))
    for speaker in by_speaker(rows):
        for suffix, parts in TIERS.items():
            cells = [Cell(p.start / 1000, p.end / 1000, p.text) for p in parts(speaker)]
            if cells:
                name = f"{speaker.name}{suffix}"
                grid.addTier(textgrid.IntervalTier(name, cells, 0.0, grid.maxTimestamp))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.TextGrid"
        grid.save(str(path), "long_textgrid", includeBlankSpaces=True, reportingMode="silence")
        return path.read_text(encoding="utf-8")


def to_eaf(recording: Row, rows: Sequence[Row], _dataset: Dataset) -> str:
    """ELAN's annotation format; emotions belong to the utterance that they are of."""
    import pympi

    made = pympi.Eaf(author="tonescribe")
    made.adocument["DATE"] = recording["annotated_at"].isoformat()
    made.add_linked_file(media_name(recording), relpath=media_name(recording), mimetype=_MEDIA_TYPE)
    made.add_linguistic_type("emotion", "Symbolic_Association", timealignable=False)
    for speaker in by_speaker(rows):
        made.add_tier(speaker.name)
        for part in speaker.utterances():
            made.add_annotation(speaker.name, part.start, part.end, part.text)
        tier = f"{speaker.name} emotion"
        made.add_tier(tier, ling="emotion", parent=speaker.name)
        for part in speaker.emotions():
            made.add_ref_annotation(tier, speaker.name, part.start, part.text)
        words = speaker.words()
        if words:
            made.add_tier(f"{speaker.name} words")
        for part in words:
            made.add_annotation(f"{speaker.name} words", part.start, part.end, part.text)
    made.remove_tier("default")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.eaf"
        made.to_file(path)
        return path.read_text(encoding="utf-8")


_EMOTIONML = "http://www.w3.org/2009/10/emotionml"
_PAD = "http://www.w3.org/TR/emotion-voc/xml#pad-dimensions"
_VOCABULARY = "seven"
_CHANNELS = {"audio": "voice", "video": "face", "text": "text"}


def to_emotionml(recording: Row, rows: Sequence[Row], _dataset: Dataset) -> str:
    """EmotionML 1.0 of the W3C: the probabilities of all classes, pleasure and arousal.

    Dimensions lie in [0, 1] there, .5 being neither pleasant nor unpleasant. Utterances that no
    branch could judge are left out; those with scores but no label are marked unsure.
    """
    root = ElementTree.Element(
        "emotionml",
        {
            "xmlns": _EMOTIONML,
            "version": "1.0",
            "category-set": f"#{_VOCABULARY}",
            "dimension-set": _PAD,
        },
    )
    vocabulary = ElementTree.SubElement(root, "vocabulary", {"type": "category", "id": _VOCABULARY})
    for emotion in EMOTIONS:
        ElementTree.SubElement(vocabulary, "item", {"name": emotion})
    for row in rows:
        if row["scores"]:
            root.append(_emotion(recording, row))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _emotion(recording: Row, row: Row) -> ElementTree.Element:
    heard = [c for branch, c in _CHANNELS.items() if row[f"{branch}_scores"]]
    made = ElementTree.Element("emotion", {"id": f"u{row['utterance_index']}"})
    if heard:
        made.set("expressed-through", " ".join(heard))
    info = ElementTree.SubElement(made, "info")
    info.text = f"{who(row)}: {row['emotion'] or UNSURE}"
    for emotion in EMOTIONS:
        value = {"name": emotion, "value": f"{row['scores'][emotion]:.4f}"}
        ElementTree.SubElement(made, "category", value)
    for name, column in (("pleasure", "valence"), ("arousal", "arousal")):
        if row[column] is not None:
            value = {"name": name, "value": f"{(row[column] + 1) / 2:.4f}"}
            ElementTree.SubElement(made, "dimension", value)
    place = f"{media_name(recording)}#t={row['start']:.3f},{row['end']:.3f}"
    ElementTree.SubElement(made, "reference", {"uri": place, "role": "expressedBy"})
    return made


def media_name(recording: Row) -> str:
    """Return the name of the recording's file, without its folder, as an address."""
    from urllib.parse import quote

    uris = recording["uris"]
    return quote(PurePosixPath(uris[0] if uris else recording["title"]).name)

"""IEMOCAP by the layout of its full release: five sessions of two actors, in dialogues.

Busso et al. 2008, "IEMOCAP: Interactive emotional dyadic motion capture database". Each session
has `dialog/EmoEvaluation/<dialogue>.txt`, `dialog/transcriptions/<dialogue>.txt` and
`sentences/wav/<dialogue>/<utterance>.wav`. It films whole dialogues; utterances that somebody cut
out of these are sought as `sentences/avi/<dialogue>/<utterance>.avi`.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from lab.corpora.labels import LABELS
from lab.corpora.name_codes import NAME_CODES
from schemas.corpus import LabelledClip
from schemas.errors import InputError, SettingsError

_NAMES = ("", "IEMOCAP_full_release", "IEMOCAP", "iemocap")
_CONTEXT = 10
"""Utterances before that a clip carries."""

# [6.2901 - 8.2357]	Ses01F_impro01_F000	neu	[2.5000, 2.5000, 2.5000]
_JUDGED = re.compile(
    r"\[(?P<start>[\d.]+)\s*-\s*[\d.]+\]\s+(?P<name>Ses\d\d[FM]_\w+_(?P<gender>[FM])\w+)"
    r"\s+(?P<code>[a-z]{3})\s+\["
)
# Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.
_SPOKEN = re.compile(r"(?P<name>Ses\w+)\s+\[[\d.\s-]+\]\s*:\s*(?P<text>.*)")


class _Turn(NamedTuple):
    start: float
    name: str
    speaker: str
    code: str


def read_iemocap(folder: Path, medium: Literal["wav", "avi"] = "wav") -> list[LabelledClip]:
    """Read the utterances of all sessions under a release's folder, or under its parent.

    Speakers are `Ses01F` and the like. Frustration, other and no agreement have no `emotion`;
    excitement counts as happy. An utterance whose sound is not there has its words alone; of films
    those that are there are read. Raises `SettingsError` where there is no session, a session
    without judgements, or not one film, `InputError` for a judgement that cannot be read.
    """
    sessions = next((found for name in _NAMES if (found := _sessions(folder / name))), [])
    if not sessions:
        raise SettingsError(
            f"No IEMOCAP session was found under {folder}: "
            "give the folder IEMOCAP_full_release with Session1 to Session5, unpacked."
        )
    clips = [clip for session in sessions for clip in _read_session(session, medium)]
    if medium == "wav":
        return clips
    filmed = [clip for clip in clips if clip.source]
    if not filmed:
        raise SettingsError(
            f"No filmed utterance of IEMOCAP was found under {folder}: cut the dialogues into "
            "SessionN/sentences/avi/DIALOGUE/UTTERANCE.avi, one actor in each picture."
        )
    return filmed


def _sessions(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("Session[1-5]") if path.is_dir())


def _read_session(session: Path, medium: str) -> Iterator[LabelledClip]:
    dialogues = sorted((session / "dialog" / "EmoEvaluation").glob("Ses*.txt"))
    if not dialogues:
        raise SettingsError(f"{session} has no dialog/EmoEvaluation/*.txt; unpack it whole.")
    for dialogue in dialogues:
        yield from _read_dialogue(session, dialogue, medium)


def _read_dialogue(session: Path, judgements: Path, medium: str) -> Iterator[LabelledClip]:
    words = _words(session / "dialog" / "transcriptions" / judgements.name)
    media = session / "sentences" / medium / judgements.stem
    turns = sorted(_turns(judgements))
    said = [(turn.speaker, words.get(turn.name, "")) for turn in turns]
    for number, turn in enumerate(turns):
        label = NAME_CODES["iemocap"][turn.code]
        source = media / f"{turn.name}.{medium}"
        yield LabelledClip(
            corpus="iemocap",
            source=str(source) if source.is_file() else None,
            text=words.get(turn.name),
            label=label,
            emotion=LABELS["iemocap"][label],
            speaker=turn.speaker,
            language="en",
            dialogue=f"iemocap/{judgements.stem}",
            turn=number,
            context=tuple(said[max(0, number - _CONTEXT) : number]),
        )


def _turns(judgements: Path) -> Iterator[_Turn]:
    for line in _lines(judgements):
        if not line.startswith("["):
            continue  # the single judges' opinions, and the heading
        match = _JUDGED.match(line)
        if match is None or match["code"] not in NAME_CODES["iemocap"]:
            raise InputError(f"{judgements} has the line '{line}', which is no judgement.")
        speaker = f"{match['name'][:5]}{match['gender']}"
        yield _Turn(float(match["start"]), match["name"], speaker, match["code"])


def _words(transcription: Path) -> dict[str, str]:
    if not transcription.is_file():
        return {}
    matches = map(_SPOKEN.match, _lines(transcription))
    return {match["name"]: match["text"].strip() for match in matches if match}


def _lines(file: Path) -> list[str]:
    # a few transcriptions hold single Latin-1 bytes
    return file.read_text(encoding="utf-8", errors="replace").splitlines()

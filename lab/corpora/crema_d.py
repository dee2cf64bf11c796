"""Read CREMA-D with listeners' labels, beside the actors' (the file names).

Cao et al. 2014, "CREMA-D: Crowd-sourced Emotional Multimodal Actors Dataset": listeners named
the intended emotion of the sound alone in two of five clips, so the two kinds of label are two
tasks and their figures are not to be compared.
"""

import csv
from pathlib import Path
from typing import Literal

from lab.corpora.archives import stem
from lab.corpora.labels import LABELS
from lab.corpora.name_codes import VOTE_CODES
from lab.corpora.named_files import NamedCorpus, read_named
from schemas.corpus import LabelledClip
from schemas.errors import SettingsError

_TABLE = "summaryTable.csv"

Vote = Literal["VoiceVote", "FaceVote", "MultiModalVote"]
"""What the raters of a label had: the sound, the picture or both."""


def read_consensus(
    folder: Path, corpus: NamedCorpus, vote: Vote = "VoiceVote"
) -> list[LabelledClip]:
    """Read CREMA-D with the raters' majority as label, joined by ':' where they were at odds.

    A clip without one majority has no `emotion`. The votes are `processedResults/summaryTable.csv`
    of the corpus. Raises `SettingsError` where they or the recordings are not there.
    """
    votes = _votes(folder, vote)
    clips = read_named(folder, "crema-d", corpus)
    return [
        _relabelled(clip, votes[name])
        for clip in clips
        if (name := stem(clip.source or "")) in votes
    ]


def _votes(folder: Path, vote: Vote) -> dict[str, str]:
    table = next(iter(sorted(folder.rglob(_TABLE))), None)
    if table is None:
        raise SettingsError(f"The listeners' votes of CREMA-D need {_TABLE} under {folder}.")
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        if not {"FileName", vote} <= set(rows.fieldnames or ()):
            raise SettingsError(f"{table} has no columns FileName and {vote}; fetch it anew.")
        return {row["FileName"]: row[vote] for row in rows if row[vote]}


def _relabelled(clip: LabelledClip, vote: str) -> LabelledClip:
    heard = [VOTE_CODES.get(code, code) for code in vote.split(":")]
    emotion = LABELS["crema-d"].get(heard[0]) if len(heard) == 1 else None
    return clip.model_copy(update={"label": ":".join(heard), "emotion": emotion})

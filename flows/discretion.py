"""What Prefect's database and logs are given: ids, counts and times, no words and no names.

With `artifacts = "full"` they also get names of files, titles and transcripts. Everything is in the
dataset either way, and in what the command line prints.
"""

import hashlib
import re
import unicodedata
from pathlib import PurePosixPath

from schemas.errors import SettingsError
from schemas.reports import RecordingReport
from schemas.settings import Artifacts, load_settings
from tasks.ingest.file_names import SIBLING_SUFFIXES
from tasks.ingest.file_types import MEDIA_SUFFIXES, OTHER_SUFFIXES

_DIGITS = 16
_ID = re.compile(rf"[0-9a-f]{{{_DIGITS}}}")
_GONE = "…"

_SUFFIXES = "|".join(
    sorted(re.escape(s[1:]) for s in {*MEDIA_SUFFIXES, *SIBLING_SUFFIXES, *OTHER_SUFFIXES})
)
_TELLING = (
    re.compile(r"(?<!\w)['\"].*['\"](?!\w)", re.DOTALL),
    re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+|(?<!\S)[/~]\S+"),
    re.compile(rf"\S+\.(?:{_SUFFIXES})\b", re.IGNORECASE),
)
"""Quotations, addresses, names of files."""
_NAMED = re.compile(
    rf"\b(captions|file|recording|sidecar|turns) .*?\.(?:{_SUFFIXES})\b", re.IGNORECASE | re.DOTALL
)
"""What a file is, and a name that may hold spaces."""
_DEFECT = re.compile(r"\((\w+): .*\)", re.DOTALL)
"""A defect's class and message; the message may quote anything."""


def artifacts_of_settings() -> Artifacts:
    """Return the setting, also where the settings cannot be read: then the strict default."""
    try:
        return load_settings().artifacts
    except SettingsError:
        return "summary"


def address_id(uri: str) -> str:
    """Return what stands for an address: the first 16 hex digits of its SHA-256.

    An id stays what it is. A recording that was never read is in quarantine under the same id.
    """
    if _ID.fullmatch(uri):
        return uri
    return hashlib.sha256(uri.encode("utf-8", "surrogateescape")).hexdigest()[:_DIGITS]


def shown_address(uri: str, artifacts: Artifacts) -> str:
    """Return an address for a flow's parameters, or the id that stands for it."""
    return uri if artifacts == "full" else address_id(uri)


def without_names(sentence: str, uri: str = "") -> str:
    """Return a sentence without quotations, addresses and names of files; `uri` is a known one.

    Rather too little is left of it than a name: the whole sentence is in the quarantine file.
    """
    text = unicodedata.normalize("NFC", _DEFECT.sub(r"(\1)", sentence))
    last = PurePosixPath(unicodedata.normalize("NFC", uri))
    for name in (str(last) if uri else "", last.name, last.stem):
        if name:
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", _GONE, text, flags=re.IGNORECASE)
    text = _NAMED.sub(rf"\1 {_GONE}", text)
    for telling in _TELLING:
        text = telling.sub(_GONE, text)
    return text


def without_lists(sentence: str) -> str:
    """Return "2 files are not recordings: a, b; 1 file ..." without the names behind the colons."""
    return "; ".join(part.split(":")[0] for part in re.split(r"; (?=\d+ files? )", sentence))


def told(report: RecordingReport, artifacts: Artifacts) -> str:
    """Return the sentence about one recording for its state in Prefect."""
    if artifacts == "full":
        return report.sentence or report.outcome
    if report.outcome == "quarantined":
        why = without_names(report.sentence or "", report.uri)
        return f"{report.stage}, {report.cause}: {why}"
    counts = f"{report.n_utterances} utterances, {report.n_speakers} speakers"
    return f"{report.outcome}: {counts}" if report.outcome == "annotated" else report.outcome

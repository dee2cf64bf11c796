"""Whatever lies beside a recording or in a dataset: it is read, or refused with one sentence."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas.dataset import MANIFESTS, QUARANTINE, Dataset
from schemas.errors import InputError, SettingsError, TonescribeError
from schemas.manifest import Manifest, QuarantineEntry, Source
from schemas.settings import Settings
from tasks.dataset.manifests import all_manifests
from tasks.dataset.quarantine import all_quarantined
from tasks.ingest.sidecars import parse_sidecar
from tasks.transcript.captions import read_captions
from tasks.transcript.rttm import read_rttm
from tests.fuzz.hostile import SECONDS, attack

VTT = (
    b"WEBVTT\nLanguage: en\n\nNOTE x\n\n1\n00:00:01.000 --> 00:00:03.500 align:start\n"
    b"<v.loud Ana Lee>Hello <i>you</i> &amp; me</v>\n- [laughs] Bo: yes\n\n"
    b"00:04.000 --> 00:05.000\n<00:00:04.200>one<00:00:04.500><c> two</c>\n"
)
SRT = (
    b"1\n00:00:01,000 --> 00:00:03,000\nAna: Hello {\\an8}you\n\n2\n00:00:03,100 --> 00:00:04,000\n"
    b"<font color=red>BO (ACME): yes\n"
)
SBV = b"0:00:01.000,0:00:03.000\nAna: Hello[br]you\n\n0:00:03.500,0:00:04.000\n>> Bo: yes\n"
TTML = (
    b'<?xml version="1.0"?><tt xmlns="http://www.w3.org/ns/ttml" xml:lang="en" '
    b'xmlns:ttp="http://www.w3.org/ns/ttml#parameter" ttp:frameRate="25" ttp:tickRate="10">'
    b'<body begin="1s"><div><p begin="00:00:01:05" end="3s">Ana: Hello<br/><span begin="10t">you'
    b'</span></p><p xml:id="p2" begin="4s" dur="1.5s">yes</p></div></body></tt>'
)
RTTM = (
    b"SPEAKER weekly 1 0.50 2.25 <NA> <NA> Ana_Lee 0.9 <NA>\n;; a remark\n"
    b"SPEAKER weekly 1 3.00 1.00 <NA> <NA> Bo <NA> <NA>\n"
    b"SPKR-INFO weekly 1 <NA> <NA> <NA> unknown Bo <NA>\n"
)
TOML = (
    b'title = "Weekly"\ndate = 2026-11-20\nlanguage = "en-GB"\nspeakers = 3\njurisdiction = "eu"\n'
    b'participants = [{ name = "Ana", consent = true }, { name = "Bo", consent = false }]\n'
)
SOURCE = Source(uri="/m/weekly.mp4", version="1")
MANIFEST = Manifest(
    recording_id="0123456789abcdef",
    title="weekly",
    sources=(SOURCE,),
    fingerprint="f",
    inputs="i",
    files={"recordings/month=2026-11/0123456789abcdef.parquet": "0" * 64},
    models={},
    tonescribe_version="0.1.0",
    annotated_at=datetime.now(UTC),
)
ENTRY = QuarantineEntry(
    recording_id="0123456789abcdef",
    sources=(SOURCE,),
    cause="input",
    stage="probe",
    sentence="It is empty.",
    quarantined_at=datetime.now(UTC),
)

Check = Callable[[bytes], None]


def expecting(read: Check, refusal: type[TonescribeError] = InputError) -> Check:
    """Check that something is read, or refused with one sentence of bounded length."""

    def check(content: bytes) -> None:
        try:
            read(content)
        except refusal as error:
            told = error.sentence
        else:
            return
        assert 10 < len(told) < 2000
        assert told.isprintable(), ascii(told)

    return check


def captions(folder: Path, suffix: str) -> Check:
    def read(content: bytes) -> None:
        path = folder / f"captions{suffix}"
        path.write_bytes(content)
        made = read_captions(path, participants=["Ana Lee"])
        assert all(0 <= w.start < w.end and w.word.strip() for w in made.words)
        starts = [w.start for w in made.words]
        assert starts == sorted(starts)
        made.model_dump_json()

    return expecting(read)


def turns(folder: Path) -> Check:
    def read(content: bytes) -> None:
        (folder / "turns.rttm").write_bytes(content)
        assert all(t.end >= t.start for t in read_rttm(folder / "turns.rttm"))

    return expecting(read)


def sidecar(_folder: Path) -> Check:
    return expecting(
        lambda content: parse_sidecar(content, "weekly.toml").model_dump_json() and None
    )


def settings_file(folder: Path) -> Check:
    import tomllib

    def read(content: bytes) -> None:
        try:
            given = tomllib.loads(content.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            return
        from schemas.settings import load_settings

        load_settings({k: v for k, v in given.items() if k in Settings.model_fields})

    return expecting(read, SettingsError)


def stored(folder: Path, of: str) -> Check:
    dataset = Dataset(str(folder / "dataset"), create=True)
    (folder / "dataset" / of).mkdir(parents=True)
    path = folder / "dataset" / of / "0123456789abcdef.json"
    reader = all_manifests if of == MANIFESTS else all_quarantined

    def read(content: bytes) -> None:
        path.write_bytes(content)
        reader(dataset)

    return expecting(read, SettingsError)


CASES: dict[str, tuple[bytes, Callable[[Path], Check]]] = {
    "vtt": (VTT, lambda folder: captions(folder, ".vtt")),
    "srt": (SRT, lambda folder: captions(folder, ".srt")),
    "sbv": (SBV, lambda folder: captions(folder, ".sbv")),
    "ttml": (TTML, lambda folder: captions(folder, ".ttml")),
    "rttm": (RTTM, turns),
    "sidecar": (TOML, sidecar),
    "settings": (b"workers = 2\n[judge]\nmin_confidence = 0.5\n", settings_file),
    "manifest": (MANIFEST.model_dump_json().encode(), lambda f: stored(f, MANIFESTS)),
    "quarantine": (ENTRY.model_dump_json().encode(), lambda f: stored(f, QUARANTINE)),
}


@pytest.mark.parametrize("kind", CASES)
def test_it_is_read_or_refused_with_one_sentence(kind: str, tmp_path: Path) -> None:
    whole, make = CASES[kind]
    wholes = [whole, *(other for other, _ in CASES.values())]
    check = make(tmp_path)
    check(whole)
    count = attack([whole] * 4 + wholes, check, 0.6 * SECONDS / len(CASES))
    print(f"{kind}: {count} examples")
    assert count > 0

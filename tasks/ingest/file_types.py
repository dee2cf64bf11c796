"""Tell recordings from other files by suffix, or by their first bytes."""

import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from tasks.ingest.file_names import Object
from tasks.ingest.storage import filesystem, is_local, local_path, reach

MEDIA_SUFFIXES = (
    *(".mp4", ".mkv", ".webm", ".mov", ".m4a", ".mp3", ".wav", ".ogg", ".opus", ".flac"),
    *(".m4v", ".mka", ".oga", ".mpg", ".mpeg", ".ogv", ".m4b", ".m4r", ".3gp", ".3g2", ".f4v"),
    *(".avi", ".aiff", ".aif", ".aifc", ".aac", ".adts", ".wma", ".wmv", ".asf", ".flv", ".caf"),
    *(".amr", ".awb", ".mp2", ".mpga", ".m2ts", ".vob", ".w64", ".bwf", ".qt", ".spx", ".weba"),
)
"""Suffixes that are taken for recordings; the probe finds out what they hold."""

OTHER_SUFFIXES = frozenset(
    (
        *(".txt", ".md", ".rst", ".rtf", ".pdf", ".doc", ".docx", ".odt", ".pages", ".tex"),
        *(".xls", ".xlsx", ".ods", ".csv", ".tsv", ".ppt", ".pptx", ".odp", ".key", ".ics", ".eml"),
        *(".jpg", ".jpeg", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".heic", ".svg"),
        *(".json", ".jsonl", ".xml", ".yaml", ".yml", ".ini", ".cfg", ".log", ".html", ".htm"),
        *(".py", ".js", ".css", ".sh", ".bat", ".ps1", ".exe", ".dll", ".so", ".db", ".sqlite"),
        *(".zip", ".gz", ".tar", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".iso", ".dmg"),
        *(".part", ".partial", ".crdownload", ".download", ".filepart", ".tmp", ".lock", ".md5"),
        *(".sha256", ".parquet", ".npy", ".m3u", ".m3u8", ".pls", ".mpd", ".xspf", ".url", ".lnk"),
        *(".eaf", ".textgrid", ".ass", ".ssa", ".stm", ".ctm", ".uem", ".lab", ".chat", ".cha"),
    )
)
"""Suffixes that are never recordings, half uploads included: counted, never opened."""

HEAD_BYTES = 4096
_AT_ONCE = 256
_THREADS = 16
_LEAST_BYTES = 64

_MAGIC = re.compile(
    rb"""
    RIFF....(?:WAVE|AVI\ ) | RF64....WAVE | riff\x2e\x91\xcf\x11          # wav, avi, w64
    | FORM....AIF[FC] | \.snd\x00\x00 | caff\x00\x01 | \#!AMR             # aiff, au, caf, amr
    | OggS\x00 | fLaC\x00 | FLV\x01 | ID3[\x02-\x04]
    | \x1a\x45\xdf\xa3                                                    # mkv, webm
    | \x30\x26\xb2\x75\x8e\x66\xcf\x11                                    # wma, wmv
    | ....(?:moov|mdat|wide|skip|free|pnot)                               # mov
    | ....ftyp(?!heic|heix|hevc|mif1|msf1|avif|avis|crx\ )                # mp4; not pictures
    | \x00\x00\x01[\xba\xb3]                                              # mpg
    """,
    re.VERBOSE | re.DOTALL,
)
_TRANSPORT_PACKETS = (188, 192, 204)
_SYNC_BYTE = 0x47
_BITRATES = {
    (1, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 3): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
}
"""kbit/s by (layer bits, version bits); versions 2 and 2.5 have one table for both layers."""

_LOW_BITRATES = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


def only_recordings(objects: Sequence[Object], known: Iterable[str]) -> list[Object]:
    """Return the recordings among objects; suffixes in `known` are siblings of recordings.

    A suffix decides where it can, so that a bucket is not opened object by object; of names
    without one, and of unknown or ambiguous ones (`.ts`), the first 4 kB are read, many at once.
    """
    siblings = frozenset(known)
    certain = [o for o in objects if o.suffix in MEDIA_SUFFIXES]
    settled = siblings.union(OTHER_SUFFIXES, MEDIA_SUFFIXES)
    unclear = [o for o in objects if o.suffix not in settled and o.size >= _LEAST_BYTES]
    for first in range(0, len(unclear), _AT_ONCE):
        some = unclear[first : first + _AT_ONCE]
        certain += [o for o, head in zip(some, _heads(some), strict=True) if is_media(head)]
    return certain


def _heads(objects: Sequence[Object]) -> list[bytes]:
    """Return the first bytes of objects; empty where one cannot be read."""
    if is_local(objects[0].uri):
        with ThreadPoolExecutor(_THREADS) as threads:
            return list(threads.map(_local_head, objects))
    files, _ = filesystem(objects[0].uri)
    names = [filesystem(o.uri)[1] for o in objects]
    ends = [min(HEAD_BYTES, o.size) for o in objects]

    def read() -> list[bytes]:
        found = files.cat_ranges(names, [0] * len(names), ends, on_error="return")
        return [head if isinstance(head, bytes) else b"" for head in found]

    return reach(objects[0].uri, read)


def _local_head(found: Object) -> bytes:
    try:
        with local_path(found.uri).open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError:
        return b""


def is_media(head: bytes) -> bool:
    """Whether the first bytes of a file are those of a recording."""
    return bool(_MAGIC.match(head)) or _is_transport(head) or _is_mpeg_audio(head)


def _is_transport(head: bytes) -> bool:
    """MPEG-TS: a sync byte in each of five packets; m2ts puts four bytes before each."""
    return any(
        len(head) > offset + 4 * size
        and all(head[offset + n * size] == _SYNC_BYTE for n in range(5))
        and not head.isascii()  # a text of nothing but G
        for size in _TRANSPORT_PACKETS
        for offset in (0, 4)
    )


def _is_mpeg_audio(head: bytes) -> bool:
    """Whether frames of mp2, mp3 or ADTS follow each other; two bytes of sync say too little."""
    at = 0
    for _ in range(2):
        length = _frame_bytes(head[at : at + 7])
        if not length:
            return False
        at += length
    return True


def _frame_bytes(header: bytes) -> int:
    """Length of the frame of MPEG layer II, III or AAC that begins here, 0 where none does."""
    if len(header) < 7 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    if header[1] & 0xF6 == 0xF0:
        return (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    rate, bitrate = header[2] >> 2 & 3, header[2] >> 4
    if version == 1 or layer not in (1, 2) or rate == 3 or not 0 < bitrate < 15:
        return 0
    kbps = _BITRATES.get((layer, version), _LOW_BITRATES)[bitrate]
    samples_by_8 = 72 if layer == 1 and version != 3 else 144
    return samples_by_8 * 1000 * kbps // _RATES[version][rate] + (header[2] >> 1 & 1)

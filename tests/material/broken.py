"""Files that are not what they claim to be, or only half of it."""

from pathlib import Path

from tests.material.meetings import make_meeting
from tests.material.sounds import CONVERSATION, tone_voices, write_wav


def empty(path: Path) -> Path:
    """A file of no bytes."""
    path.write_bytes(b"")
    return path


def text_named_as_media(path: Path) -> Path:
    """Plain text under a media suffix."""
    path.write_text("These are the minutes of the meeting.\n" * 200)
    return path


def truncated(path: Path, share: float = 0.6, *, index_first: bool = False) -> Path:
    """A meeting of which only the first part was written.

    An mp4 keeps its index (`moov`) at the end, so that it is lost, unless `index_first`.
    """
    make_meeting(path, fast_start=index_first)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def wav_of_zero_length(path: Path) -> Path:
    """A WAV whose recorder crashed: the header says 0 bytes, the samples are all there."""
    write_wav(path, tone_voices(CONVERSATION, 10.0))
    content = bytearray(path.read_bytes())
    data = content.index(b"data")
    content[4:8] = content[data + 4 : data + 8] = bytes(4)
    path.write_bytes(bytes(content))
    return path


def broken_index(path: Path) -> Path:
    """A Matroska meeting whose index of clusters (`Cues`, `SeekHead`) is overwritten by noise."""
    make_meeting(path)
    content = bytearray(path.read_bytes())
    for element in (b"\x11\x4d\x9b\x74", b"\x1c\x53\xbb\x6b"):
        at = content.rfind(element)
        content[at + 5 : at + 25] = bytes(range(100, 120))
    path.write_bytes(bytes(content))
    return path


def playlist(path: Path, target: str) -> Path:
    """An HLS playlist under another suffix; a player would open `target`."""
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:10", "#EXTINF:10,", target, "#EXT-X-ENDLIST"]
    path.write_text("\n".join(lines) + "\n")
    return path


def concat_script(path: Path, target: str) -> Path:
    """An ffconcat script under another suffix; ffmpeg would open `target`."""
    path.write_text(f"ffconcat version 1.0\nfile '{target}'\n")
    return path

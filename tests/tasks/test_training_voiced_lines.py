"""Lines of voiced games: archives of every layout are written small and read back."""

import io
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from schemas.errors import InputError
from schemas.values import SAMPLE_RATE
from tasks.training.voiced_lines import VoicedLine, amazon_queen, steel_sky, voiced_lines
from tasks.training.voiced_lines.line import is_usable, known_words, printed
from tasks.training.voiced_lines.northen import unpack
from tasks.training.words_material import keep_acted, read_acted

RATE = 11025
HZ = 400.0
CODECS = {0: None, 1: "mp3", 2: "ogg", 3: "flac"}
ENCODERS = {"mp3": ("libmp3lame", RATE), "ogg": ("libopus", 48000), "flac": ("flac", RATE)}


def tone(seconds: float, loudness: float = 0.5) -> NDArray[np.float64]:
    return loudness * np.sin(2 * np.pi * HZ * np.arange(int(seconds * RATE)) / RATE)


def as_bytes(sound: NDArray[np.float64]) -> bytes:
    return np.round(sound * 127 + 128).astype(np.uint8).tobytes()


def pitch(line: VoicedLine) -> float:
    spectrum = np.abs(np.fft.rfft(line.samples))
    return float(spectrum.argmax() * SAMPLE_RATE / len(line.samples))


# ---- Flight of the Amazon Queen ----


def words16(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}h", *numbers)


def strings(texts: Iterable[str], at: int, align: int = 2) -> bytes:
    """Strings from the place `at` on, each filled up to a multiple of `align`."""
    data = b""
    for text in texts:
        data += bytes([len(text)]) + text.encode("cp437")
        data += bytes(-(at + len(data)) % align if text else 0)
    return data


def dialogue(key: int, joe: Mapping[int, str], other: Mapping[int, str], again: list[str]) -> bytes:
    """A `.DOG` of one level."""
    joe_at = 32 + 96

    def numbered(said: Mapping[int, str], at: int) -> bytes:
        data = b""
        for number, text in said.items():
            data += words16(0, number)
            data += strings([text], at + len(data), 4)
        return data

    first = numbered(joe, joe_at)
    other_at = joe_at + len(first)
    second = numbered(other, other_at)
    again_at = other_at + len(second)
    head = words16(1, key, key, len(joe), len(other), *[0] * 6, other_at, again_at, again_at)
    data = head.ljust(joe_at, b"\0") + first + second
    return bytes(20) + data + strings(again, again_at)


def scene(steps: list[tuple[int, str]]) -> bytes:
    """A `.CUT`: who acts and what is said; one more person is turned on in the first step."""
    records = b"".join(
        words16(subject, *[0] * 16, int(not n), *([7] if not n else []))
        for n, (subject, _) in enumerate(steps)
    )
    state_at = 12 + len(records) + 2
    texts_at = state_at + 2
    head = words16(0, len(steps), 0, state_at, texts_at, 0)
    data = head + records + words16(0, 0)
    return bytes(20) + data + strings(["", *(text for _, text in steps)], texts_at)


def encode(sound: NDArray[np.float64], layout: str | None) -> bytes:
    if layout is None:
        return (b"\0\0" + struct.pack("<H", 104)).ljust(110, b"\0") + as_bytes(sound)
    import av

    out = io.BytesIO()
    codec, rate = ENCODERS[layout]
    with av.open(out, "w", format=layout) as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        times = np.arange(len(sound) * rate // RATE) * RATE / rate
        resampled = np.interp(times, np.arange(len(sound)), sound)
        pcm = np.round(resampled * 32767).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
        frame.sample_rate = rate
        for part in (frame, None):
            container.mux(stream.encode(part))
    return out.getvalue()


def queen_archive(folder: Path, files: Mapping[str, bytes], compression: int) -> Path:
    table, body = b"", b""
    start = 15 + 21 * len(files)
    for name, data in files.items():
        table += name.encode().ljust(12, b"\0") + b"\1"
        table += struct.pack(">II", start + len(body), len(data))
        body += data
    path = folder / amazon_queen.GAME / amazon_queen.ARCHIVE
    path.parent.mkdir(parents=True)
    head = b"QTBLCEM10\0\0\0" + bytes([compression]) + struct.pack(">H", len(files))
    path.write_bytes(head + table + body)
    return path


def queen(folder: Path, compression: int = 0) -> Path:
    layout = CODECS[compression]
    said = encode(tone(1.5), layout)
    lists = [
        "Nice hat, this*14",  # description 1
        "bob1.DOG",
        "Trader Bob",  # names
        "Hatch",
        "R1",  # room
        *["verb"] * 12,
        "I can't do that*02*WTNot now",  # response 1
        *["Unsaid"] * 39,
    ]
    objects = words16(1, 0, 0, 0, 0, 1, 0, -3) + words16(-2, 0, 0, 0, 0, 1, 0, 5)
    files = {
        "QUEEN.JAS": bytes(20) + words16(1, 2, 2, 2) + objects,
        "QUEEN2.JAS": "\r\n".join(lists).encode(),
        "BOB1.DOG": dialogue(
            6,
            {0: "Hello there, Bob.", 0x2B: "*FLThanks for telling me.*01"},
            {1: "What can I DO for you?*XY00(237,112)<gulp> Anything else?"},
            ["Hello again, Joe.", ""],
        ),
        "C2A.CUT": scene([(0, "*"), (1, "Watch out for the hatch!"), (0, "You (sigh) may go")]),
        **{f"{name}.SB": said for name in ("06SSSSJ1", "06002BJ2", "060001P1", "060001P2")},
        **{f"{name}.SB": said for name in ("06XXXXP1", "C2A__021", "C2A__031", "JOE00411")},
        "JOE00011.SB": said,
        "JOE00013.SB": encode(tone(1.5, 0.0), layout),
    }
    return queen_archive(folder, files, compression)


@pytest.mark.parametrize("compression", CODECS)
def test_every_speech_of_amazon_queen_has_its_words_and_sound(
    tmp_path: Path, compression: int
) -> None:
    queen(tmp_path, compression)
    found = {line.name: line for line in voiced_lines(tmp_path)}
    assert {name: (line.text, line.speaker) for name, line in found.items()} == {
        "06SSSSJ1": ("Hello there, Bob.", "joe"),
        "06002BJ2": ("Thanks for telling me.", "joe"),
        "060001P1": ("What can I do for you?", "trader bob"),
        "060001P2": ("Anything else?", "trader bob"),
        "06XXXXP1": ("Hello again, Joe.", "trader bob"),
        "C2A__021": ("Watch out for the hatch!", "trader bob"),
        "C2A__031": ("You may go.", "joe"),
        "JOE00011": ("I can't do that.", "joe"),
        "JOE00411": ("Nice hat, this.", "joe"),
    }
    for line in found.values():
        assert line.game == amazon_queen.GAME
        assert line.samples.dtype == np.float32
        assert len(line.samples) / SAMPLE_RATE == pytest.approx(1.5, abs=0.2)
        assert pitch(line) == pytest.approx(HZ, abs=3)
        assert np.abs(line.samples).max() == pytest.approx(0.5, abs=0.1)


def test_a_sound_that_two_texts_claim_is_left_out(tmp_path: Path) -> None:
    files = {
        "QUEEN.JAS": bytes(20) + words16(0, 0, 0, 0),
        "QUEEN2.JAS": b"",
        "BOB1.DOG": dialogue(6, {1: "Hello there."}, {}, ["", ""]),
        "BOB2.DOG": dialogue(6, {1: "Go away now."}, {}, ["", ""]),
        "060001J1.SB": encode(tone(1.0), None),
    }
    queen_archive(tmp_path, files, 0)
    assert list(voiced_lines(tmp_path)) == []


# ---- Beneath a Steel Sky ----


def section(messages: list[str]) -> bytes:
    """Messages as the game codes them; those of more than 127 units count in eights."""
    codes = {letter: code for code, letter in steel_sky._CODES.items()}
    lengths, bits = b"", ""
    for message in messages:
        coded = "".join(codes[letter] for letter in message.replace(" ", "_") + "$")
        units = -(-len(coded) // 2)
        if units >= 128:
            units = -(-units // 8) * 8
        lengths += bytes([units if units < 128 else 0x80 | units // 8])
        bits += coded.ljust(2 * units, "0")
    bits = bits.ljust(-(-len(bits) // 8) * 8, "0")
    texts = bytes(int(bits[n : n + 8], 2) for n in range(0, len(bits), 8))
    blocks = bytes(2 * (len(messages) // 32))
    start = 4 + len(blocks)
    return struct.pack("<HH", start, start + len(lengths)) + blocks + lengths + texts


class Packer:
    """Writes bits and plain bytes as method 1 wants them."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._word, self._used = 0, 16

    def bits(self, number: int, n_bits: int) -> None:
        for place in range(n_bits):
            if self._used == 16:
                self._word, self._used = len(self.data), 0
                self.data += bytes(2)
            self.data[self._word + self._used // 8] |= (number >> place & 1) << self._used % 8
            self._used += 1

    def table(self) -> None:
        """Sixteen codes of four bits."""
        self.bits(16, 5)
        for _ in range(16):
            self.bits(4, 4)

    def value(self, number: int) -> None:
        length = number.bit_length()
        self.bits(int(f"{length:04b}"[::-1], 2), 4)
        if length > 1:
            self.bits(number ^ 1 << length - 1, length - 1)


def pack(blocks: list[list[tuple[bytes, int, int]]]) -> bytes:
    """Blocks of (plain bytes, distance and length of the copy after them)."""
    packer, size = Packer(), 0
    packer.bits(0, 2)
    for runs in blocks:
        for _ in range(3):
            packer.table()
        packer.bits(len(runs), 16)
        for number, (plain, distance, length) in enumerate(runs):
            packer.value(len(plain))
            packer.data += plain
            size += len(plain)
            if number + 1 < len(runs):
                packer.value(distance - 1)
                packer.value(length - 2)
                size += length
    head = b"RNC\1" + struct.pack(">II", size, len(packer.data)) + bytes(5) + bytes([len(blocks)])
    return head + bytes(packer.data)


def sky_archive(folder: Path, files: Mapping[int, tuple[bytes, bool]]) -> Path:
    """Number -> data, and whether it may be packed; every other file starts at a paragraph."""
    home = folder / steel_sky.GAME
    home.mkdir(parents=True)
    table, body = struct.pack("<I", len(files)), b""
    for count, (number, (data, may_be_packed)) in enumerate(files.items()):
        body += bytes(-len(body) % 16)
        offset = len(body) // 16 | 1 << 23 if count % 2 else len(body)
        flags = len(data) | (0 if may_be_packed else 1 << 23)
        table += struct.pack("<H", number) + offset.to_bytes(3, "little")
        table += flags.to_bytes(3, "little")
        body += data
    (home / steel_sky.TABLE).write_bytes(table)
    (home / steel_sky.ARCHIVE).write_bytes(body)
    return home / steel_sky.ARCHIVE


LONG = "There's no way of operating it, but I could use `THIS' tool to open the door, if I had to."


def sky(folder: Path) -> Path:
    sound = as_bytes(tone(2.0))
    packed = pack([[(sound[:9000], 1, 2), (sound[9002:12000], 1, 2)], [(sound[12000:], 1, 2)]])
    plain = bytes(22) + as_bytes(tone(6.0))
    header = b"\x81" + bytes(21)
    texts = {60600 + n: (section(["Unsaid."] * 3), False) for n in range(7)}
    texts[60600] = (
        section([*["Unsaid.", "No.", "Not said.", "Well..."] * 10, LONG, "Where is the door?"]),
        False,
    )
    texts[60602] = section(["Use this DOOR, Joey."]), False
    sounds = {50040: (plain, True), 50041: (header + packed, True), 51100: (header + packed, True)}
    return sky_archive(folder, {**texts, **sounds})


def test_every_message_of_steel_sky_has_its_sound(tmp_path: Path) -> None:
    sky(tmp_path)
    found = list(voiced_lines(tmp_path))
    assert [(line.name, line.text, line.speaker) for line in found] == [
        ("0-0040", LONG.replace("`THIS'", "this"), ""),
        ("0-0041", "Where is the door?", ""),
        ("2-0000", "Use this door, Joey.", ""),
    ]
    assert [len(line.samples) / SAMPLE_RATE for line in found] == pytest.approx([6, 2, 2], abs=0.01)
    assert [pitch(line) for line in found] == pytest.approx([HZ] * 3, abs=1)
    assert {line.game for line in found} == {steel_sky.GAME}


def test_texts_of_another_version_are_refused(tmp_path: Path) -> None:
    path = sky(tmp_path)
    path.write_bytes(path.read_bytes().replace(section(["Unsaid."] * 3)[7:], b"\xff" * 14))
    with pytest.raises(InputError, match=r"another code.*0\.0372"):
        list(voiced_lines(tmp_path))


def test_packed_bytes_come_back_with_copies_that_overlap() -> None:
    packed = pack([[(b"ab", 2, 7), (b"!", 3, 3), (b"", 0, 0)], [(b"end", 0, 0)]])
    assert unpack(packed, "x") == b"ab" + b"abababa" + b"!" + b"ba!" + b"end"


@pytest.mark.parametrize("cut", [12, 30, 60, -3])
def test_packed_bytes_cut_off_are_told_in_one_sentence(cut: int) -> None:
    packed = pack([[(b"Someone said so.", 16, 40), (b"And then no more.", 0, 0)]])
    with pytest.raises(InputError, match=r"^sound 7 .*damaged\.$"):
        unpack(packed[:cut], "sound 7")


# ---- all ----


def test_games_that_are_not_there_yield_nothing(tmp_path: Path) -> None:
    assert list(voiced_lines(tmp_path)) == []
    queen(tmp_path)
    assert {line.game for line in voiced_lines(tmp_path)} == {amazon_queen.GAME}


@pytest.mark.parametrize("write", [queen, sky])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.9])
def test_an_archive_cut_off_is_told_in_one_sentence(tmp_path: Path, write, share: float) -> None:
    path = write(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(InputError, match=rf"^{path} ends too early: .*\.$"):
        list(voiced_lines(tmp_path))


def test_another_archive_is_refused(tmp_path: Path) -> None:
    path = queen(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"QTBLCE", b"QTBLCG", 1))
    with pytest.raises(InputError, match="English talkie"):
        list(voiced_lines(tmp_path))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "I've had WINE in LINC's cellar. DON'T you?",
            "I've had wine in LINC's cellar. Don't you?",
        ),
        ("LAST ONE INTO THE POOL, JOEY!", "Last one into the pool, Joey!"),
        ("<gulp> No (sigh) ID card here", "No ID card here."),
        ("Room 13", ""),
        ("Frblt grrbn!", ""),
        ("...", ""),
    ],
)
def test_text_is_written_as_a_transcript_shows_it(text: str, shown: str) -> None:
    words = known_words(["LINC"] * 20 + ["Ask Joey. Wine!", "don't you", "last one into the pool"])
    assert printed(text, words, "game") == shown


@pytest.mark.parametrize(
    ("seconds", "loudness", "text", "usable"),
    [
        (1.0, 0.5, "Where is it?", True),
        (1.0, 0.001, "Where is it?", False),
        (1.0, 0.5, "", False),
        (0.2, 0.5, "Nobody says so much in no time.", False),
        (9.0, 0.5, "No.", False),
        (0.0, 0.5, "No.", False),
    ],
)
def test_lines_are_usable_where_a_human_can_have_said_them(
    seconds: float, loudness: float, text: str, usable: bool
) -> None:
    samples = np.full(int(seconds * SAMPLE_RATE), loudness, np.float32)
    assert is_usable(samples, text) is usable


def test_lines_are_kept_once_and_read_back_beside_the_other_recordings(tmp_path: Path) -> None:
    games, out = tmp_path / "games", tmp_path / "out"
    queen(games)
    said = list(voiced_lines(games))
    keep_acted(out, games)
    (games / amazon_queen.GAME / amazon_queen.ARCHIVE).unlink()
    keep_acted(out, games)
    kept = read_acted(out)
    assert [line.written for line in kept] == [line.text for line in said]
    for line, original in zip(kept, said, strict=True):
        np.testing.assert_allclose(line.samples, original.samples, atol=1e-3)


def test_where_no_game_is_installed_no_line_is_kept(tmp_path: Path) -> None:
    keep_acted(tmp_path / "out", tmp_path)
    assert read_acted(tmp_path / "out") == []

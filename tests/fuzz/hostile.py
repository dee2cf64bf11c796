"""Inputs that somebody who wishes us ill could leave in a bucket, and a budget of time for them.

An example is a whole one with edits: hypothesis chooses them, and shrinks what fails.
"""

import os
import random
import time
from collections.abc import Callable, Sequence

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

SECONDS = float(os.environ.get("FUZZ_SECONDS", "40"))
"""For all tests of this folder together; `make fuzz FUZZ_SECONDS=3600` goes on for an hour."""

FIRST_SEED = int(os.environ.get("FUZZ_SEED", "0"))
_LONGEST_CPU_SECONDS = 5.0
"""An example that takes more of the processor hangs, whatever else the machine does."""

_PIECES: tuple[bytes, ...] = (
    *(b"", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\n\n", b"\x1b[31m", b"\x85", b"'", b'"'),
    *(
        b"-->",
        b"00:00:00.000 --> 99:99:99.999",
        b"9999:59:59,999",
        b"<v ",
        b"</v>",
        b"<00:00:01.000>",
    ),
    *(b"&#x110000;", b"&amp;" * 50, b"<" * 200, b"[" * 200, b"{" * 50, b"(" * 500, b"a" * 3000),
    *(b"NaN", b"-inf", b"1e999", b"-1", b"0" * 400, b"1_0", b"0x7fffffffffffffff", b"9" * 5000),
    *(
        b"\xf0\x9f\x98\x80",
        b"\xcc\x81" * 50,
        b"\xe2\x80\xae",
        b"\xed\xa0\x80",
        b"=cmd()",
        b"../../x",
    ),
    *(b"<!DOCTYPE a>", b"<!ENTITY a 'b'>", b"xml:id='a'", b"begin='1t'", b"ttp:tickRate='0'"),
    *(
        b"ttp:frameRate='0'",
        b"dur='-1s'",
        b"begin='1:2'",
        b"\n;",
        b"SPEAKER ",
        b"<NA>",
        b"1979-13-99",
    ),
    *(b"participants = 1\n", b"[a.b.c]\n", b"date = 0001-01-01\n", b"title = ''\n", b"\\u0000"),
)
"""What breaks parsers: marks of order, arrows, deep nesting, numbers without end, bidi, so on."""

Edit = tuple[int, float, float, bytes]


def _edits() -> st.SearchStrategy[list[Edit]]:
    place = st.floats(0, 1)
    piece = st.sampled_from(_PIECES) | st.binary(max_size=12)
    return st.lists(st.tuples(st.integers(0, 4), place, place, piece), max_size=6)


def spoiled(wholes: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Examples out of whole ones: pieces put in, cut out, repeated, bits turned, cut short."""
    return st.builds(spoil, st.sampled_from(list(wholes)), _edits())


def spoil(whole: bytes, edits: Sequence[Edit]) -> bytes:
    content = bytearray(whole)
    for kind, start, end, piece in edits:
        first, last = sorted((int(start * len(content)), int(end * len(content))))
        if kind == 0:
            content[first:first] = piece
        elif kind == 1:
            content[first : first + max(1, len(piece))] = piece
        elif kind == 2 and len(content) < 20_000:
            content[first:first] = content[first:last]
        elif kind == 3 and content:
            content[min(first, len(content) - 1)] ^= 1 << (len(piece) % 8)
        elif kind == 4:
            del content[first : first + (last - first) // 4]
    return bytes(content)


def attack(
    wholes: Sequence[bytes], check: Callable[[bytes], None], seconds: float, *, first: int = 100
) -> int:
    """Check examples until the time is over; return how many there were.

    The first are hypothesis's, which shrinks what fails. It takes longer to make an example than
    most parsers to read it, so that the rest are made by chance: what fails is printed.
    """
    until, count = time.monotonic() + seconds, 0

    def timed(content: bytes) -> None:
        nonlocal count
        count += 1
        begun = time.process_time()
        check(content)
        assert time.process_time() - begun < _LONGEST_CPU_SECONDS

    settings(
        max_examples=first,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )(seed(FIRST_SEED)(given(spoiled(wholes))(timed)))()
    chance = random.Random(FIRST_SEED)
    while time.monotonic() < until:
        content = spoil(chance.choice(wholes), _chance_edits(chance))
        try:
            timed(content)
        except BaseException:
            print(f"failed on {content!r}")
            raise
    return count


def _chance_edits(chance: random.Random) -> list[Edit]:
    return [
        (chance.randrange(5), chance.random(), chance.random(), _chance_piece(chance))
        for _ in range(chance.randint(1, 6))
    ]


def _chance_piece(chance: random.Random) -> bytes:
    return (
        chance.choice(_PIECES) if chance.random() < 0.7 else chance.randbytes(chance.randint(1, 9))
    )

"""Unpacks Rob Northen's method 1: runs of plain bytes between copies of what came before.

After a header, packed data are little-endian words whose bits are read from the lowest on; plain
bytes stand between the words, from the next unread one on. Every block brings three tables of
codes, for lengths of runs, distances and lengths of copies; a code is given by its length alone.
"""

from typing import NamedTuple

from schemas.errors import InputError

_MAGIC = b"RNC\x01"
_HEADER = 18
_SIZE_AT, _BLOCKS_AT = 4, 17
_SKIPPED_BITS = 2
_WORD = 16
_SHORTEST_COPY = 2


class _Table(NamedTuple):
    """`entries[next bits]`: how many of these `width` bits are the code, and its number."""

    width: int
    entries: list[tuple[int, int]]


class _Stream:
    """Bits and plain bytes of packed data."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at
        self._bits = 0
        self._left = 0

    def take(self, n_bits: int) -> int:
        """The next bits as a number, the first the lowest."""
        while self._left < n_bits:
            self._bits |= self._next_word() << self._left
            self._left += _WORD
            self._at += 2
        taken = self._bits & (1 << n_bits) - 1
        self._bits >>= n_bits
        self._left -= n_bits
        return taken

    def plain(self, n_bytes: int) -> bytes:
        """The next plain bytes."""
        taken = self._data[self._at : self._at + n_bytes]
        if len(taken) < n_bytes:
            raise IndexError
        self._at += n_bytes
        return taken

    def value(self, table: _Table) -> int:
        """The next number that is coded by `table`: a code is the number of its bits."""
        ahead = self._bits
        if self._left < table.width:
            ahead |= self._next_word() << self._left
        length, n_bits = table.entries[ahead & (1 << table.width) - 1]
        if not length:
            raise IndexError
        self.take(length)
        return n_bits if n_bits < 2 else self.take(n_bits - 1) | 1 << n_bits - 1

    def table(self) -> _Table:
        """The next table; codes of the same length follow each other, shorter ones come first."""
        lengths = [self.take(4) for _ in range(self.take(5))]
        width = max(lengths, default=0)
        entries = [(0, 0)] * (1 << width)
        code = 0
        for length in range(1, width + 1):
            for number in (n for n, own in enumerate(lengths) if own == length):
                first = int(f"{code >> _WORD - length:0{length}b}"[::-1], 2)
                for place in range(first, 1 << width, 1 << length):
                    entries[place] = length, number
                code += 1 << _WORD - length
        return _Table(width, entries)

    def _next_word(self) -> int:
        return int.from_bytes(self._data[self._at : self._at + 2], "little")


def is_packed(data: bytes) -> bool:
    """Whether the data begin as packed ones do."""
    return data.startswith(_MAGIC)


def unpack(data: bytes, source: str) -> bytes:
    """The bytes that `data` were packed from; raises `InputError` naming `source` if damaged."""
    size = int.from_bytes(data[_SIZE_AT : _SIZE_AT + 4], "big")
    stream = _Stream(data, _HEADER)
    out = bytearray()
    try:
        stream.take(_SKIPPED_BITS)
        for _ in range(data[_BLOCKS_AT]):
            _unpack_block(stream, out)
    except (IndexError, ValueError) as error:
        raise InputError(f"{source} cannot be unpacked: it is cut off or damaged.") from error
    if len(out) != size:
        raise InputError(f"{source} unpacks to {len(out)} bytes, not to {size}: it is damaged.")
    return bytes(out)


def _unpack_block(stream: _Stream, out: bytearray) -> None:
    runs, distances, lengths = stream.table(), stream.table(), stream.table()
    n_runs = stream.take(_WORD)
    for number in range(n_runs):
        n_plain = stream.value(runs)
        if n_plain:
            out += stream.plain(n_plain)
        if number + 1 < n_runs:
            distance = stream.value(distances) + 1
            length = stream.value(lengths) + _SHORTEST_COPY
            if distance > len(out):
                raise IndexError
            repeated = out[-distance:] * (length // distance + 1)
            out += repeated[:length]

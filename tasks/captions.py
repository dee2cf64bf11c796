"""Words out of captions: WebVTT and SubRip, with the names of who spoke them."""

import html
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from schemas.speech import Transcript, Word
from schemas.values import Seconds, to_grid
from tasks.cues import INLINE_TIME, Cue, clock_seconds, read_cues

_MARK = re.compile(rf"({INLINE_TIME.pattern})|<v(?:\.[^\s>]*)?[ \t]+([^>]+)>|(</v>)|(\n)", re.I)
_TAG = re.compile(r"</?[A-Za-z][^>]*>|\{\\[^}]*\}")
_SOUND = re.compile(
    r"\[[^\]]*\]|♪[^♪]*(?:♪|$)|^\W*\([^()]*\)\W*$|"
    r"\([^()]*\b(?:laugh|cough|sigh|applau|music|cheer|chuckl|clap|sniff|gasp|nois|sing|beep|ring|"
    r"inaudible|unintelligible|crosstalk|silence|pause)[^()]*\)",
    re.IGNORECASE,
)
_PREFIX = re.compile(r"\s*(?:[-–—]\s*|>>\s*)?\[?([^\W\d_][^:\[\]]{0,40}?)\]?\s*:\s+(?=\S)")
_DASH = re.compile(r"\s*(?:[-–—]|>>)\s*")
_NOT_NAMES = re.compile(
    r"note|warning|question|answer|example|remember|important|update|edit|ps|summary|agenda|action|"
    r"result|conclusion|hint|tip|todo|subject|re|fwd|translation|subtitles|captions",
    re.IGNORECASE,
)
_LOWER_IN_NAMES = frozenset(("de", "da", "del", "der", "den", "van", "von", "la", "bin", "al", "y"))
_MOST_NAME_WORDS = 4
_LEAST_NAMED_SHARE = 0.3
_LEAST_NAMED_LINES = 3
_LEAST_ROLLING_SHARE = 0.3
_LEAST_ROLLING_CUES = 3
_ROLLING_GAP_SECONDS = 0.25
_READING_SECONDS = 0.06
_SHORTEST_WORD = 0.001


@dataclass(frozen=True)
class _Piece:
    """Text of one person; `at` is a time that the captions give for its first word."""

    text: str
    name: str | None = None
    at: Seconds | None = None


def read_captions(
    path: Path, language: str | None = None, participants: Sequence[str] = ()
) -> Transcript:
    """Read the words of a caption file, each with its times and the name of who spoke it.

    A cue's words are spread over it by their length (`timing="interpolated"`), but for words that
    have a time of their own. Names come from `<v Name>`, and from `Name:` where that is the
    file's habit or the name is a participant's. Markup and descriptions of sounds are no words;
    lines that roll on from cue to cue are told once. Raises `InputError` where it cannot be read.
    """
    found = read_cues(path)
    cues = _unrolled(sorted(found.cues, key=lambda cue: (cue.start, cue.end)))
    is_name = _naming(cues, participants)
    words = [word for cue in cues for word in _words(cue, is_name)]
    words.sort(key=lambda word: (word.start, word.end))
    return Transcript(
        words=tuple(words),
        language=language or found.language,
        engine="captions",
        reason=None if words else "The captions beside the recording hold no words.",
    )


def _plain(line: str) -> str:
    return " ".join(html.unescape(_TAG.sub("", INLINE_TIME.sub("", line))).split())


def _unrolled(cues: Sequence[Cue]) -> list[Cue]:
    """Take out lines that a cue repeats from the one before, where captions roll (live, YouTube).

    Only where that happens again and again: people do say the same thing twice.
    """
    pairs = list(itertools.pairwise(cues))
    repeats = sum(_without_repeat(cue, before) is not cue for before, cue in pairs)
    if repeats < max(_LEAST_ROLLING_CUES, _LEAST_ROLLING_SHARE * len(cues)):
        return list(cues)
    rest = [_without_repeat(cue, before) for before, cue in pairs]
    return [*cues[:1], *(cue for cue in rest if any(_plain(line) for line in cue.lines))]


def _without_repeat(cue: Cue, before: Cue) -> Cue:
    if cue.start - before.end > _ROLLING_GAP_SECONDS:
        return cue
    lines = [line for line in cue.lines if _plain(line)]
    now, then = [_plain(line) for line in lines], [p for p in map(_plain, before.lines) if p]
    for count in range(min(len(now), len(then)), 0, -1):
        if now[:count] == then[-count:]:
            return replace(cue, lines=tuple(lines[count:]))
    if then and now and now[0].startswith(then[-1] + " ") and not INLINE_TIME.search(lines[0]):
        return replace(cue, lines=(now[0].removeprefix(then[-1]), *lines[1:]))
    return cue


def _naming(cues: Sequence[Cue], participants: Sequence[str]) -> Callable[[str], bool]:
    """Decide which `Name:` before a line is a name: never a confident wrong one."""
    known = {name.casefold() for name in participants}
    lines = [_plain(line) for cue in cues for line in cue.lines]
    candidates = Counter(
        found[1].casefold() for line in lines if (found := _PREFIX.match(line)) and _looks(found[1])
    )
    a_habit = candidates.total() >= max(2, _LEAST_NAMED_SHARE * len(cues))

    def is_name(text: str) -> bool:
        folded = text.casefold()
        again = a_habit or candidates[folded] >= _LEAST_NAMED_LINES
        return folded in known or (again and _looks(text))

    return is_name


def _looks(text: str) -> bool:
    """Whether a text could be somebody's name."""
    words = text.split()
    if not 0 < len(words) <= _MOST_NAME_WORDS or _NOT_NAMES.fullmatch(words[0]):
        return False
    return all(not word[0].islower() or word in _LOWER_IN_NAMES for word in words)


def _words(cue: Cue, is_name: Callable[[str], bool]) -> Iterator[Word]:
    pieces = [piece for piece in _pieces(cue, is_name) if _tokens(piece.text)]
    end = cue.end
    if end <= cue.start:  # a faulty end: as long as it takes to say
        end = cue.start + _READING_SECONDS * sum(len(piece.text) for piece in pieces)
    timed = [at for at, piece in enumerate(pieces) if piece.at is not None and at > 0]
    bounds = [0, *timed, len(pieces)]
    for first, last in itertools.pairwise(bounds):
        group = pieces[first:last]
        if group:
            start = group[0].at if group[0].at is not None else cue.start
            until = pieces[last].at if last < len(pieces) else end
            yield from _spread(group, start, max(until or end, start + _SHORTEST_WORD))


def _pieces(cue: Cue, is_name: Callable[[str], bool]) -> Iterator[_Piece]:
    """Cut a cue's text at inline times, voices and lines."""
    text, name, at, position = "\n".join(cue.lines) + "\n", None, None, 0
    for mark in _MARK.finditer(text):
        piece = _piece(text[position : mark.start()], name, at, is_name)
        if _tokens(piece.text):
            yield piece
            name, at = piece.name, None
        position = mark.end()
        if mark[1]:
            at = clock_seconds(mark.groups()[1:5])
        elif mark[6]:
            name = _plain(mark[6]) or None
        elif mark[7]:
            name = None


def _piece(
    raw: str, name: str | None, at: Seconds | None, is_name: Callable[[str], bool]
) -> _Piece:
    text = html.unescape(_TAG.sub("", raw))
    prefix = _PREFIX.match(text)
    if prefix and is_name(prefix[1]):
        name, text = " ".join(prefix[1].split()), text[prefix.end() :]
    elif dash := _DASH.match(text):
        name, text = None, text[dash.end() :]  # a dash is a change of speaker, to nobody certain
    return _Piece(_SOUND.sub(" ", text), name, at)


def _tokens(text: str) -> list[str]:
    return [token for token in text.split() if any(c.isalnum() for c in token)]


def _spread(pieces: Iterable[_Piece], start: Seconds, end: Seconds) -> Iterator[Word]:
    """Give each word a share of the time by its length, and one letter's for the gap."""
    words = [(token, piece) for piece in pieces for token in _tokens(piece.text)]
    letters = sum(len(token) + 1 for token, _ in words)
    at = start
    for token, piece in words:
        until = at + (end - start) * (len(token) + 1) / letters
        alone = len(words) == 1 and piece.at is not None
        yield Word(
            word=token,
            start=to_grid(at),
            end=to_grid(max(until, at + _SHORTEST_WORD)),
            timing="aligned" if alone else "interpolated",
            name=piece.name,
        )
        at = until

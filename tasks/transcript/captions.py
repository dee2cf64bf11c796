"""Read words and speaker names from captions."""

import html
import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from schemas.names import best_spelling, name_key, tidy
from schemas.speech import Transcript, Word
from schemas.values import Seconds, to_grid
from tasks.transcript.cues import INLINE_TIME, Cue, clock_seconds, read_cues

_MARK = re.compile(rf"({INLINE_TIME.pattern})|<v(?:\.[^\s>]*)?[ \t]+([^<>\n]+)>|(</v>)|(\n)", re.I)
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|\{\\[^}]*\}")
_SOUND = re.compile(
    r"\[[^\[\]]*\]|♪[^♪]*(?:♪|$)|^\W*\([^()]*\)\W*$|"
    r"\([^()]*\b(?:laugh|cough|sigh|applau|music|cheer|chuckl|clap|sniff|gasp|nois|sing|beep|ring|"
    r"inaudible|unintelligible|crosstalk|silence|pause)[^()]*\)",
    re.IGNORECASE,
)
_PREFIX = re.compile(
    r"\s*(?P<dash>[-–—]\s*|>>\s*)?\[?(?P<name>[^\W_][^:：\[\]<>]{0,60}?)\]?\s*(?::\s+|：\s*)(?=\S)"
)
_ROLE = re.compile(r"\s*\([^()]*\)")
"""What follows a name in brackets: a company, a pronoun, a room."""
_ANONYMOUS = re.compile(
    r"(?:unknown|unidentified|speaker|spk|sprecher(?:in)?|locuteur|hablante|voice|person|"
    r"participant|guest|teilnehmer|caller|male|female|man|woman)(?:[\W_]*(?:speaker|voice))?"
    r"[\W_]*(?:\d+|[a-z])?",
    re.IGNORECASE,
)
"""Labels that number voices but name nobody."""
_ROOM = re.compile(
    r"(?:conference|meeting|board|class|war|huddle|konferenz|sitzungs|besprechungs)[\W_]*"
    r"(?:room|raum|zimmer)\b.*|(?:room|raum|zimmer|saal|salle|sala)[\W_]*(?:\d+\w?|[a-z])?",
    re.IGNORECASE,
)
"""Labels of rooms, in which several people share a microphone."""
_DASH = re.compile(r"\s*(?:[-–—]|>>)\s*")
_NOT_NAMES = re.compile(
    r"action|actions|address|advice|again|also|although|answer|attention|because|but|captions|"
    r"caution|chapter|conclusion|date|decision|definition|edit|email|error|example|fact|finally|"
    r"first|from|fwd|goal|goals|hello|hey|hi|hint|however|imagine|listen|look|no|please|see|sorry|"
    r"thanks|think|wait|yes|idea|important|issue|item|last|link|meeting|more|next|"
    r"nota|note|notes|now|number|objective|ok|okay|one|option|or|part|phase|plan|point|points|"
    r"problem|ps|purpose|quarter|question|quote|re|reason|remember|result|results|rule|second|"
    r"section|slide|so|source|status|step|subject|subtitles|summary|task|tasks|the|then|there|"
    r"these|third|this|time|tip|title|to|today|todo|tomorrow|topic|translation|two|update|version|"
    r"warning|week|well|what|when|where|why|yesterday|agenda|hinweis|frage|antwort|beispiel",
    re.IGNORECASE,
)
"""Words before a colon that begin a remark, not a name."""
_LOWER_IN_NAMES = frozenset(("de", "da", "del", "der", "den", "van", "von", "la", "bin", "al", "y"))
_MOST_NAME_WORDS = 6
_LEAST_NAMED_SHARE = 0.3
_LEAST_NAMED_LINES = 2
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
    changes_voice: bool = False


def read_captions(
    path: Path, language: str | None = None, participants: Sequence[str] = ()
) -> Transcript:
    """Read the words of a caption file, each with its times and the name of who spoke it.

    A cue's words are spread over it by their length (`timing="interpolated"`) and share a `unit`,
    but for words that have a time of their own. Names come from `<v Name>`, and from `Name:` where
    it is a participant's or written like a name. Markup and descriptions of sounds are no words;
    lines that roll on from cue to cue are told once. Raises `InputError` where it cannot be read.
    """
    found = read_cues(path)
    cues = _unrolled(sorted(found.cues, key=lambda cue: (cue.start, cue.end)))
    is_name = _naming(cues, participants)
    units = itertools.count()
    words = [word for cue in cues for word in _words(cue, is_name, units)]
    words.sort(key=lambda word: (word.start, word.end))
    return Transcript(
        words=tuple(_one_spelling(words, participants)),
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


def _one_spelling(words: Sequence[Word], participants: Sequence[str]) -> Iterator[Word]:
    """Show each person under one name: the sidecar's, else the best written in the captions."""
    spellings: dict[str, list[str]] = defaultdict(list)
    for word in words:
        if word.name is not None:
            spellings[name_key(word.name)].append(word.name)
    shown_as = {key: best_spelling(names) for key, names in spellings.items()}
    shown_as |= {name_key(name): tidy(name) for name in participants if name_key(name) in shown_as}
    for word in words:
        name = None if word.name is None else shown_as[name_key(word.name)]
        yield word if name == word.name else word.model_copy(update={"name": name})


def _bare(label: str) -> str:
    """Return a label without what follows the name in brackets."""
    return " ".join(_ROLE.sub("", label).split())


def _naming(cues: Sequence[Cue], participants: Sequence[str]) -> Callable[[str], bool]:
    """Decide which `Name:` before a line is a name: never a confident wrong one.

    A participant's always is. A label that is written like a name is one where a cue begins with
    it; in small letters only where it comes again, or where most cues begin with a label.
    """
    known = {name_key(name) for name in participants}
    firsts = [_plain(next((line for line in cue.lines if _plain(line)), "")) for cue in cues]
    found = [match for line in firsts if (match := _PREFIX.match(line))]
    counts = Counter(name_key(_bare(match["name"])) for match in found if _could_be(match["name"]))
    a_habit = counts.total() >= max(2, _LEAST_NAMED_SHARE * len(cues))

    def is_name(label: str) -> bool:
        key = name_key(_bare(label))
        bare = _bare(label)
        if key in known or _ANONYMOUS.fullmatch(bare) or _ROOM.fullmatch(bare):
            return True
        again = a_habit or counts[key] >= _LEAST_NAMED_LINES
        return _could_be(label) and (again or (key in counts and _is_capitalised(label)))

    return is_name


def _could_be(label: str) -> bool:
    """Whether a label could be somebody's name, whatever its case."""
    words = _bare(label).split()
    if not 0 < len(words) <= _MOST_NAME_WORDS or _ANONYMOUS.fullmatch(_bare(label)):
        return False
    has_digit = any(character.isdigit() for word in words for character in word)
    return not has_digit and not any(_NOT_NAMES.fullmatch(word.strip(",.")) for word in words)


def _is_capitalised(label: str) -> bool:
    words = _bare(label).split()
    return all(not word[0].islower() or word in _LOWER_IN_NAMES for word in words)


def _named(label: str) -> str | None:
    """Return the name in a label; None where it only numbers voices."""
    bare = _bare(label)
    nobody = not bare or _ANONYMOUS.fullmatch(bare) or _ROOM.fullmatch(bare)
    return None if nobody else bare


def _words(cue: Cue, is_name: Callable[[str], bool], units: Iterator[int]) -> Iterator[Word]:
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
            yield from _spread(group, start, max(until or end, start + _SHORTEST_WORD), units)


def _pieces(cue: Cue, is_name: Callable[[str], bool]) -> Iterator[_Piece]:
    """Cut a cue's text at inline times, voices and lines."""
    text, name, at, position = "\n".join(cue.lines) + "\n", None, None, 0
    changes = False
    for mark in _MARK.finditer(text):
        piece = _piece(text[position : mark.start()], name, at, is_name)
        if _tokens(piece.text):
            yield replace(piece, changes_voice=piece.changes_voice or changes)
            name, at, changes = piece.name, None, False
        position = mark.end()
        if mark[1]:
            at = clock_seconds(mark.groups()[1:5])
        elif mark[6]:
            name = _named(_plain(mark[6]))
            changes = True
        elif mark[7]:
            name = None


def _piece(
    raw: str, name: str | None, at: Seconds | None, is_name: Callable[[str], bool]
) -> _Piece:
    text = html.unescape(_TAG.sub("", raw))
    prefix = _PREFIX.match(text)
    changes = False
    if prefix and is_name(prefix["name"]):
        name, text, changes = _named(prefix["name"]), text[prefix.end() :], True
    elif dash := _DASH.match(text):
        # a dash is a change of speaker, to nobody certain
        name, text, changes = None, text[dash.end() :], True
    return _Piece(_SOUND.sub(" ", text), name, at, changes)


def _tokens(text: str) -> list[str]:
    return [token for token in text.split() if any(c.isalnum() for c in token)]


def _spread(
    pieces: Sequence[_Piece], start: Seconds, end: Seconds, units: Iterator[int]
) -> Iterator[Word]:
    """Give each word a share of the time by its length, and one letter's for the gap.

    The words of one person there are a unit.
    """
    count = sum(len(_tokens(piece.text)) for piece in pieces)
    letters = sum(len(token) + 1 for piece in pieces for token in _tokens(piece.text))
    at, unit, name = start, next(units), pieces[0].name
    for place, piece in enumerate(pieces):
        if place and (piece.changes_voice or piece.name != name):
            unit, name = next(units), piece.name
        for number, token in enumerate(_tokens(piece.text)):
            until = at + (end - start) * (len(token) + 1) / letters
            alone = count == 1 and piece.at is not None
            yield Word(
                word=token,
                start=to_grid(at),
                end=to_grid(max(until, at + _SHORTEST_WORD)),
                timing="aligned" if alone else "interpolated",
                name=piece.name,
                unit=None if alone else unit,
                changes_voice=piece.changes_voice and number == 0,
            )
            at = until

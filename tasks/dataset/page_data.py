"""The data of the review page: one compact JSON object, in columns.

Times are whole milliseconds, shares whole percents and scores per mille, so that three thousand
utterances fit into a file that one can send. `review_page/script/01-document.js` reads it.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from schemas.consent import NOT_SHOWN
from schemas.corrections import Correction
from schemas.emotions import EMOTIONS, FACTS, EmotionScores
from schemas.speech import FLAGS, AnnotatedUtterance, Flag, Reaction, Word
from schemas.tables import Row
from schemas.values import Json
from tasks.transcript.doubtful_words import UNSURE

BEWARE: dict[Flag, str] = {
    "asr_suspect": "The words may be wrong: most are unsure, or repeat themselves, or no speech "
    "was detected.",
    "captions_suspect": "The captions do not fit the sound here.",
    "face_unsure": "Faces were seen, but none could be told to be the speaker's.",
    "low_confidence": "Voice, face and words gave signs too weak to name an emotion.",
    "no_consent": "This person did not consent. Only times are kept.",
    "no_face": "The speaker's face was not seen.",
    "no_words": "No words were recognised.",
    "other_language": "The words are in a language that is not judged.",
    "overlap": "Somebody else speaks at the same time; the voice may be a mixture.",
    "short": "Too short for the voice to be judged.",
    "text_only_policy": "Only words were judged: voice and face must not be, by law or policy.",
}
"""What each flag means for whoever reads the label, as a sentence."""

NOTHING = -1
"""Stands in a column of places where there is none: no name, no emotion, no language."""

NOT_ITS_WORDS = -1
"""Stands for the places of unsure words where a text does not follow its words, as captions may."""


def page_data(
    recording: Json,
    rows: Sequence[AnnotatedUtterance],
    reactions: Sequence[Reaction],
    everywhere: Sequence[Flag],
) -> Json:
    """Return what the page shows, as an object for `as_script`.

    `recording` are the facts that stand at its top; `everywhere` are flags that hold for all rows.
    Of a row without consent only times and the speaker's label are in it.
    """
    speakers = sorted({row.utterance.speaker for row in rows})
    names = sorted({name for row in rows if (name := _name(row)) is not None})
    languages = sorted(
        {tag for row in rows if (tag := row.utterance.language) and not _is_hidden(row)}
    )
    flags = sorted({flag for row in rows for flag in row.flags})
    listeners, heard = _reactions(rows, reactions)
    return recording | {
        "emotions": EMOTIONS,
        "valence": [FACTS[name].valence for name in EMOTIONS],
        "arousal": [FACTS[name].arousal for name in EMOTIONS],
        "flags": [[flag, FLAGS[flag], BEWARE[flag]] for flag in flags],
        "everywhere": [flags.index(flag) for flag in everywhere],
        "speakers": speakers,
        "names": names,
        "languages": languages,
        "listeners": listeners,
        "reactions": heard,
        "rows": _columns(rows, speakers, names, languages, flags),
    }


def corrections_data(
    corrections: Sequence[Correction], rows: Sequence[AnnotatedUtterance]
) -> list[Json]:
    """Return corrections as the page's script keeps them, about whom it shows alone."""
    hidden = {row.utterance.index for row in rows if _is_hidden(row)}
    return [each.model_dump(mode="json") for each in corrections if each.utterance not in hidden]


def findings_data(findings: Sequence[Row], rows: Sequence[AnnotatedUtterance]) -> list[Json]:
    """Return what stands out as the page lists it: when, of whom, in words, on which rows."""
    speakers = sorted({row.utterance.speaker for row in rows})
    return [
        {
            "kind": each["kind"],
            "start": round(each["start"], 2),
            "speakers": [speakers.index(who) for who in each["speakers"] if who in speakers],
            "sentence": each["sentence"],
            "evidence": each["evidence"],
        }
        for each in findings
    ]


def as_script(data: Json) -> str:
    """Return an object as JSON that no HTML parser reads anything else into.

    `<`, `>` and `&` are escaped, after OWASP's cheat sheet on cross-site scripting, and so are the
    line ends that JavaScript knows and JSON does not.
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def names_in_data(data: Json) -> list[str]:
    """Return the parts of a page's data that name people; what is said is not among them."""
    listeners = [each["name"] for each in data["listeners"] if each["name"]]
    corrected = [
        text
        for each in data.get("corrections", ())
        for field in ("who", "note", *(() if each["field"] == "text" else ("old", "new")))
        if (text := each[field])
    ]
    return [data["title"], *data["names"], *data["notes"], *listeners, *corrected]


def _name(row: AnnotatedUtterance) -> str | None:
    name = row.utterance.speaker_name
    return None if _is_hidden(row) or name == NOT_SHOWN else name


def _is_hidden(row: AnnotatedUtterance) -> bool:
    return "no_consent" in row.flags


def _columns(
    rows: Sequence[AnnotatedUtterance],
    speakers: Sequence[str],
    names: Sequence[str],
    languages: Sequence[str],
    flags: Sequence[Flag],
) -> Json:
    starts = [0, *(_milliseconds(row.utterance.start) for row in rows)]
    packed = [_words(row) for row in rows]
    return {
        "index": [row.utterance.index for row in rows],
        "start": [later - earlier for earlier, later in pairwise(starts)],
        "length": [
            _milliseconds(row.utterance.end) - _milliseconds(row.utterance.start) for row in rows
        ],
        "speaker": [speakers.index(row.utterance.speaker) for row in rows],
        "name": [NOTHING if (n := _name(row)) is None else names.index(n) for row in rows],
        "language": [
            NOTHING
            if _is_hidden(row) or not (tag := row.utterance.language)
            else languages.index(tag)
            for row in rows
        ],
        "hidden": [int(_is_hidden(row)) for row in rows],
        "sure": [_percent(row.utterance.speaker_confidence) for row in rows],
        "coverage": [_percent(row.face_coverage) for row in rows],
        "emotion": [
            NOTHING if row.emotion is None else EMOTIONS.index(row.emotion) for row in rows
        ],
        "confidence": [
            NOTHING if row.confidence is None else _percent(row.confidence) for row in rows
        ],
        "flags": [[flags.index(flag) for flag in row.flags] for row in rows],
        "fused": _scores(rows, lambda row: row.scores),
        "by_voice": _scores(rows, lambda row: row.audio_scores),
        "by_face": _scores(rows, lambda row: row.video_scores),
        "by_words": _scores(rows, lambda row: row.text_scores),
        "text": [text for text, _, _, _ in packed],
        "words": [words for _, words, _, _ in packed],
        "times": [times for _, _, times, _ in packed],
        "unsure": [unsure for _, _, _, unsure in packed],
    }


def _scores(
    rows: Sequence[AnnotatedUtterance], of: Callable[[AnnotatedUtterance], EmotionScores | None]
) -> list[list[int] | None]:
    return [
        None
        if (scores := of(row)) is None or _is_hidden(row)
        else [round(1000 * score) for score in scores.as_tuple()]
        for row in rows
    ]


def _words(
    row: AnnotatedUtterance,
) -> tuple[str | int | None, str | list[str] | int, list[int] | int, list[int] | int]:
    """Return text, words, their times and the places of the unsure ones; 0 for what is not needed.

    The text is 0 where it is its words. Times are hundredths of a second: from the end of the word
    before (of the first, from the utterance's start) to the start, and how long the word lasts.
    """
    utterance = row.utterance
    text, words = utterance.text, [word.word.strip() for word in utterance.words]
    if _is_hidden(row):
        return None, 0, 0, 0
    if not words or not any(words):
        return text, 0, 0, 0
    unsure = unsure_words(text or "", words)
    joined: str | list[str] = (
        words if any(" " in word or not word for word in words) else " ".join(words)
    )
    times = list(_times(utterance.start, utterance.words))
    if unsure is None:
        return text, joined, times, NOT_ITS_WORDS
    return (text if unsure else 0), joined, times, (unsure or 0)


def unsure_words(text: str, words: Sequence[str]) -> list[int] | None:
    """Return which words a text leaves out as unsure; None where it is not made of these words.

    A run of unsure words is one `...` in the text.
    """
    unsure: list[int] = []
    rest = text
    for place, word in enumerate(words):
        if rest == word or rest.startswith(f"{word} "):
            rest = rest[len(word) + 1 :]
            continue
        after = rest.removeprefix(UNSURE).lstrip(" ")
        if not rest.startswith(UNSURE):
            return None
        if unsure and unsure[-1] == place - 1 and (after == word or after.startswith(f"{word} ")):
            rest = after[len(word) + 1 :]
            continue
        unsure.append(place)
    return unsure if rest in ("", UNSURE) else None


def _times(start: float, words: Sequence[Word]) -> Iterator[int]:
    at = round(100 * start)
    for word in words:
        begin, end = round(100 * word.start), round(100 * word.end)
        yield from (begin - at, end - begin)
        at = end


def _reactions(
    rows: Sequence[AnnotatedUtterance], reactions: Sequence[Reaction]
) -> tuple[list[Json], list[int]]:
    """Return who listened, and five numbers per reaction that has an emotion.

    Nobody who did not consent is among them. The numbers are the row's place, the listener, tenths
    of a second, the emotion and the percent.
    """
    places = {row.utterance.index: n for n, row in enumerate(rows) if not _is_hidden(row)}
    refused = {row.utterance.speaker for row in rows if _is_hidden(row)}
    who: dict[tuple[str, str | None], int] = {}
    numbers: list[int] = []
    for each in reactions:
        if each.emotion is None or each.confidence is None or each.participant in refused:
            continue
        if each.utterance_index not in places:
            continue
        listener = who.setdefault((each.participant, each.participant_name), len(who))
        numbers += [places[each.utterance_index], listener, round(10 * each.seconds)]
        numbers += [EMOTIONS.index(each.emotion), _percent(each.confidence)]
    return [{"label": label, "name": name} for label, name in who], numbers


def _milliseconds(seconds: float) -> int:
    return round(1000 * seconds)


def _percent(share: float) -> int:
    return round(100 * share)

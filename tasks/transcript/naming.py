"""Name voices that neither tracks nor captions name; give words that could be hidden to whom is."""

from collections.abc import Mapping, Sequence

from schemas.consent import Consent
from schemas.names import name_key
from schemas.sidecar import Sidecar
from schemas.speech import Turn, VoiceNames
from tasks.transcript.attribution import Attributed
from tasks.transcript.overlap import voices_of
from tasks.transcript.spans import GRID


def certain_names(
    names: Mapping[str, str], turns: Sequence[Turn], sidecar: Sidecar, consent: Consent
) -> dict[str, str]:
    """Add the one participant without a voice to the one voice without a name.

    Only where there are as many voices as participants, so that there is no choice. Where somebody
    refused, the last one is not named: a voice that was not found could be theirs.
    """
    people = {name_key(p.name): p.name for p in sidecar.participants}
    voices = {turn.speaker for turn in turns} | set(names)
    unnamed = voices - set(names)
    left = people.keys() - {name_key(name) for name in names.values()}
    may_guess = len(people) == 1 or not consent.is_restricted
    if may_guess and len(people) == len(voices) and len(left) == len(unnamed) == 1:
        return {unnamed.pop(): people[left.pop()], **names}
    return dict(names)


def by_voice(voices: VoiceNames, named: Mapping[str, str], consent: Consent) -> dict[str, str]:
    """Return names by enrolled voices of speakers without a name, unless somebody has the name.

    Where anybody refused there are none: likeness is no proof whose words are shown.
    """
    if consent.is_restricted:
        return {}
    taken = {name_key(name) for name in named.values()}
    return {
        speaker: name
        for speaker, name in voices.names.items()
        if speaker not in named and name_key(name) not in taken
    }


def with_whoever_refused(
    items: Sequence[Attributed], names: Mapping[str, str], turns: Sequence[Turn], consent: Consent
) -> tuple[Attributed, ...]:
    """Give words in an overlap with a voice that may not be shown to that voice.

    The words could be either's. Words that captions give to somebody who consented stay theirs.
    """
    if not consent.is_restricted:
        return tuple(items)
    hidden = voices_of([t for t in turns if not consent.may_show(names.get(t.speaker))])

    def owner(item: Attributed) -> Attributed:
        if item.word.name is not None or item.speaker in hidden:
            return item
        middle = (item.word.start + item.word.end) / 2
        over = (s for s, index in hidden.items() if any(index.overlapping(middle, middle + GRID)))
        speaker = next(over, item.speaker)
        return item if speaker == item.speaker else Attributed(item.word, speaker, item.confidence)

    return tuple(owner(item) for item in items)

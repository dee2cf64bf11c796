"""Find the same scenes in corpora of one television series that cut them differently."""

from collections.abc import Collection, Iterable, Sequence

from lab.corpora.texts import fingerprint
from schemas.corpus import LabelledClip

_UNSHARED_WORDS = 4
"""Shorter texts ("Yeah.", "What?") are common property and tell nothing."""


def telling(words: str) -> bool:
    """Whether a fingerprint is long enough that its repeat is a leak."""
    return words.count(" ") + 1 >= _UNSHARED_WORDS


def telling_texts(clips: Iterable[LabelledClip]) -> set[str]:
    """Fingerprints of the texts that are long enough."""
    return {words for clip in clips if telling(words := fingerprint(clip.text or ""))}


def shared_dialogues(clips: Iterable[LabelledClip], texts: Collection[str]) -> set[str]:
    """Dialogues of which a line stands among fingerprints of `telling_texts`."""
    return {
        clip.dialogue
        for clip in clips
        if clip.dialogue is not None and fingerprint(clip.text or "") in texts
    }


def named_alike(
    clips: Sequence[LabelledClip], others: Iterable[LabelledClip]
) -> list[LabelledClip]:
    """Give every dialogue that shares a telling line with one of `others` that one's name.

    So a `Split` with disjoint dialogues refuses the same scene of two corpora on two sides.
    """
    known = {
        words: clip.dialogue
        for clip in others
        if clip.dialogue and telling(words := fingerprint(clip.text or ""))
    }
    names = {
        clip.dialogue: known[words]
        for clip in clips
        if clip.dialogue and (words := fingerprint(clip.text or "")) in known
    }
    return [
        clip.model_copy(update={"dialogue": names.get(clip.dialogue or "", clip.dialogue)})
        for clip in clips
    ]

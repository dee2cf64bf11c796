"""Sets of classes of one's own, such as happy and sad: which clips belong to which class."""

from collections.abc import Collection, Iterable, Sequence

from lab.corpora.labels import WORDS
from schemas.corpus import LabelledClip
from schemas.emotions import EMOTIONS
from schemas.errors import SettingsError
from schemas.suggestions import suggestion


def read_classes(given: str | None) -> tuple[str, ...]:
    """Read classes parted by commas, in small letters; None gives the seven emotions.

    Raises `SettingsError` for fewer than two, or one that is named twice.
    """
    if given is None:
        return EMOTIONS
    names = tuple(" ".join(name.split()).lower() for name in given.split(","))
    if len(names) < 2 or len(set(names)) < len(names) or not all(names):
        raise SettingsError(
            f"classes={given} is no set of classes; name two or more, each once, parted by commas."
        )
    return names


def class_of(clip: LabelledClip, classes: Collection[str]) -> str | None:
    """Return the class of a clip: its own label, else its emotion; None where neither is one."""
    return class_named(clip.label, clip.emotion, classes)


def class_named(label: str, emotion: str | None, classes: Collection[str]) -> str | None:
    """Return the class of a corpus' label and one of the seven, or None.

    A class that is another word for the emotion, such as `anger`, takes it as well.
    """
    own = label.lower()
    if own in classes:
        return own
    if emotion is None or emotion in classes:
        return emotion
    return next((name for name in classes if WORDS.get(name) == emotion), None)


def labels_of(clips: Iterable[LabelledClip]) -> frozenset[str]:
    """Return what a clip of these may be called: their own labels in small letters, emotions."""
    return frozenset(
        name
        for clip in clips
        for name in (*clip.label.lower().split(","), clip.emotion, *clip.emotions)
        if name
    )


def refuse_absent(
    classes: Sequence[str], present: Collection[str], known: Collection[str], corpora: str
) -> None:
    """Raise `SettingsError` for a class that no sample has, with the nearest label that is `known`.

    `present` are the classes of the samples that were drawn, `known` the labels of all of them.
    """
    for name in classes:
        if name in present:
            continue
        if name in known:
            raise SettingsError(f"No sample that was drawn has the class '{name}'; raise --limit.")
        remedy = suggestion(name, sorted(known), likeness=0.5)
        raise SettingsError(f"No sample of {corpora} has the class '{name}'; {remedy}")

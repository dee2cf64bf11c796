"""Every text corpus's labels and what they are in the seven classes; None: left out."""

from collections.abc import Iterable, Mapping

from schemas.emotions import Emotion

LabelMap = Mapping[str, Emotion | None]

EKMAN: LabelMap = {
    "neutral": "neutral",
    "joy": "happy",
    "sadness": "sad",
    "anger": "angry",
    "fear": "fearful",
    "disgust": "disgust",
    "surprise": "surprised",
}
"""The six of Ekman (1992), "An argument for basic emotions", and neutral."""

_GROUPS: dict[Emotion, str] = {
    "neutral": "neutral",
    "happy": "admiration amusement approval caring desire excitement gratitude joy love optimism "
    "pride relief",
    "sad": "disappointment embarrassment grief remorse sadness",
    "angry": "anger annoyance disapproval",
    "fearful": "fear nervousness",
    "disgust": "disgust",
    "surprised": "confusion curiosity realization surprise",
}

TEXT_LABELS: dict[str, LabelMap] = {
    # the grouping of the paper (Demszky et al. 2020, appendix): 27 emotions in Ekman's six
    "goemotions": {name: group for group, names in _GROUPS.items() for name in names.split()},
    "meld": EKMAN,
    "mmeld": EKMAN,
    # peaceful and powerful are moods of Willcox's wheel without a counterpart here
    "emorynlp": {
        "Neutral": "neutral",
        "Joyful": "happy",
        "Peaceful": None,
        "Powerful": None,
        "Sad": "sad",
        "Mad": "angry",
        "Scared": "fearful",
    },
    "dailydialog": {
        "no emotion": "neutral",
        "neutral": "neutral",
        "happiness": "happy",
        "sadness": "sad",
        "anger": "angry",
        "fear": "fearful",
        "disgust": "disgust",
        "surprise": "surprised",
    },
    # Plutchik's eight: two are none of the seven
    "xed": {**EKMAN, "anticipation": None, "trust": None},
    # "others" is neutral and what is none of Ekman's six, two of three rows of the corpus being it
    "emoevent": {**EKMAN, "others": "neutral"},
    # a row with none of the six set is neutral
    "brighter": EKMAN,
    "multiemotions": {**EKMAN, "anticipation": None, "trust": None, "unrelated": None},
    "dair": {**EKMAN, "love": "happy"},
    # "others" holds every other emotion beside neutral
    "emocontext": {"happy": "happy", "sad": "sad", "angry": "angry", "others": None},
    # reviews are judged good or bad: a valence, not an emotion
    "imdb": {"positive": None, "negative": None},
}
"""Corpus -> its label -> one of the seven."""


def emotions_of(corpus: str, labels: Iterable[str]) -> tuple[Emotion, ...]:
    """The emotions among a text's labels, each once, in the order they stand there."""
    known = TEXT_LABELS[corpus]
    found = [emotion for label in labels if (emotion := known.get(label)) is not None]
    return tuple(dict.fromkeys(found))

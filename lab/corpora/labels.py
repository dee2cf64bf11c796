"""Map the labels of every corpus to the seven classes.

None is what has no class of ours and is left out.
"""

from collections.abc import Iterable, Mapping

from schemas.emotions import EMOTIONS, Emotion

LabelMap = Mapping[str, Emotion | None]

WORDS: Mapping[str, Emotion] = {
    **{emotion: emotion for emotion in EMOTIONS},
    "happiness": "happy",
    "joy": "happy",
    "sadness": "sad",
    "anger": "angry",
    "fear": "fearful",
    "disgusted": "disgust",
    "surprise": "surprised",
}
"""The English words for the seven classes; so are folders of a class called, in small letters."""


def _called(words: str) -> dict[str, Emotion]:
    """Labels that are such words, and nothing else than what they say."""
    return {word: WORDS[word] for word in words.split()}


_NOUNS = _called("neutral happiness sadness anger fear disgust surprise")
_EKMAN = _called("neutral joy sadness anger fear disgust surprise")
"""The six of Ekman (1992), "An argument for basic emotions", and neutral."""

_GROUPS: Mapping[Emotion, str] = {
    "neutral": "neutral",
    "happy": "admiration amusement approval caring desire excitement gratitude joy love optimism "
    "pride relief",
    "sad": "disappointment embarrassment grief remorse sadness",
    "angry": "anger annoyance disapproval",
    "fearful": "fear nervousness",
    "disgust": "disgust",
    "surprised": "confusion curiosity realization surprise",
}

LABELS: Mapping[str, LabelMap] = {
    # voices
    # calm is acted as a second neutral: both are low in arousal and named alike by listeners
    "ravdess": {**_called(" ".join(EMOTIONS)), "calm": "neutral"},
    # of what is spoken, disgust and surprise are not sung
    "ravdess-song": {**_called("neutral happy sad angry fearful"), "calm": "neutral"},
    # boredom is none of the seven
    "emodb": {**_called("neutral happiness sadness anger fear disgust"), "boredom": None},
    "emovo": _EKMAN,
    "nemo": _called("neutral happiness sadness anger fear surprised"),
    "savee": _NOUNS,
    "crema-d": _called("neutral happy sad anger fear disgust"),
    "tess": {**_called("neutral happy sad angry fear disgust"), "pleasant surprise": "surprised"},
    "iemocap": {
        **_NOUNS,
        # as EmoBox and most who report four classes have it
        "excitement": "happy",
        # a class of its own in the corpus, between anger and sadness
        "frustration": None,
        "other": None,
        "no agreement": None,
    },
    # texts
    # the grouping of the paper (Demszky et al. 2020, appendix): 27 emotions in Ekman's six
    "goemotions": {name: group for group, names in _GROUPS.items() for name in names.split()},
    "meld": _EKMAN,
    "mmeld": _EKMAN,
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
    "dailydialog": {**_NOUNS, "no emotion": "neutral"},
    # Plutchik's eight: two are none of the seven
    "xed": {**_EKMAN, "anticipation": None, "trust": None},
    # "others" is neutral and what is none of Ekman's six, two of three rows of the corpus being it
    "emoevent": {**_EKMAN, "others": "neutral"},
    # a row with none of the six set is neutral
    "brighter": _EKMAN,
    "multiemotions": {**_EKMAN, "anticipation": None, "trust": None, "unrelated": None},
    "dair": {**_EKMAN, "love": "happy"},
    # "others" holds every other emotion beside neutral
    "emocontext": {**_called("happy sad angry"), "others": None},
    # reviews are judged good or bad: a valence, not an emotion
    "imdb": {"positive": None, "negative": None},
}
"""Corpus -> its label -> one of the seven."""


def emotions_of(corpus: str, labels: Iterable[str]) -> tuple[Emotion, ...]:
    """Return the emotions among a sample's labels, each once, in the order they stand there."""
    known = LABELS[corpus]
    found = [emotion for label in labels if (emotion := known.get(label)) is not None]
    return tuple(dict.fromkeys(found))


FER2013_LABELS: tuple[Emotion, ...] = (
    "angry",
    "disgust",
    "fearful",
    "happy",
    "sad",
    "surprised",
    "neutral",
)
"""FER2013's own order of labels, in our names."""

FERPLUS_LABELS: tuple[Emotion | None, ...] = (
    "neutral",
    "happy",
    "surprised",
    "sad",
    "angry",
    "disgust",
    "fearful",
    None,  # contempt
    None,  # unknown
    None,  # not a face
)
"""FERPlus' own order of votes; None is dropped."""

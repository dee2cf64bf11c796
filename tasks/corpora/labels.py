"""The labels of every corpus of voices and faces, and what they are in the seven classes.

None is what has no class of ours and is left out.
"""

from schemas.emotions import EMOTIONS, Emotion

_OWN: dict[str, Emotion | None] = {emotion: emotion for emotion in EMOTIONS}

LABELS: dict[str, dict[str, Emotion | None]] = {
    # calm is acted as a second neutral: both are low in arousal and named alike by listeners
    "ravdess": {**_OWN, "calm": "neutral"},
    # boredom is none of the seven
    "emodb": {
        "neutral": "neutral",
        "happiness": "happy",
        "sadness": "sad",
        "anger": "angry",
        "fear": "fearful",
        "disgust": "disgust",
        "boredom": None,
    },
    "emovo": {
        "neutral": "neutral",
        "joy": "happy",
        "sadness": "sad",
        "anger": "angry",
        "fear": "fearful",
        "disgust": "disgust",
        "surprise": "surprised",
    },
    "nemo": {
        "neutral": "neutral",
        "happiness": "happy",
        "sadness": "sad",
        "anger": "angry",
        "fear": "fearful",
        "surprised": "surprised",
    },
    "savee": {
        "neutral": "neutral",
        "happiness": "happy",
        "sadness": "sad",
        "anger": "angry",
        "fear": "fearful",
        "disgust": "disgust",
        "surprise": "surprised",
    },
    "crema-d": {
        "neutral": "neutral",
        "happy": "happy",
        "sad": "sad",
        "anger": "angry",
        "fear": "fearful",
        "disgust": "disgust",
    },
    "tess": {
        "neutral": "neutral",
        "happy": "happy",
        "sad": "sad",
        "angry": "angry",
        "fear": "fearful",
        "disgust": "disgust",
        "pleasant surprise": "surprised",
    },
    "iemocap": {
        "neutral": "neutral",
        "happiness": "happy",
        # as EmoBox and most who report four classes have it
        "excitement": "happy",
        "sadness": "sad",
        "anger": "angry",
        "fear": "fearful",
        "disgust": "disgust",
        "surprise": "surprised",
        # a class of its own in the corpus, between anger and sadness
        "frustration": None,
        "other": None,
        "no agreement": None,
    },
}
"""Corpus -> its label -> one of the seven."""

NAME_CODES: dict[str, dict[str, str]] = {
    "ravdess": {
        "01": "neutral",
        "02": "calm",
        "03": "happy",
        "04": "sad",
        "05": "angry",
        "06": "fearful",
        "07": "disgust",
        "08": "surprised",
    },
    # Wut, Langeweile, Ekel, Angst, Freude, Trauer, neutral
    "emodb": {
        "W": "anger",
        "L": "boredom",
        "E": "disgust",
        "A": "fear",
        "F": "happiness",
        "T": "sadness",
        "N": "neutral",
    },
    "emovo": {
        "neu": "neutral",
        "gio": "joy",
        "tri": "sadness",
        "rab": "anger",
        "pau": "fear",
        "dis": "disgust",
        "sor": "surprise",
    },
    "nemo": {name: name for name in LABELS["nemo"]},
    "savee": {
        "n": "neutral",
        "h": "happiness",
        "sa": "sadness",
        "a": "anger",
        "f": "fear",
        "d": "disgust",
        "su": "surprise",
    },
    "crema-d": {
        "NEU": "neutral",
        "HAP": "happy",
        "SAD": "sad",
        "ANG": "anger",
        "FEA": "fear",
        "DIS": "disgust",
    },
    "tess": {
        **{name: name for name in LABELS["tess"] if name != "pleasant surprise"},
        "ps": "pleasant surprise",
    },
    # codes of the evaluation files
    "iemocap": {
        "neu": "neutral",
        "hap": "happiness",
        "exc": "excitement",
        "sad": "sadness",
        "ang": "anger",
        "fea": "fear",
        "dis": "disgust",
        "sur": "surprise",
        "fru": "frustration",
        "oth": "other",
        "xxx": "no agreement",
    },
}
"""Corpus -> the code of an emotion in its file names -> its label."""

VOTE_CODES: dict[str, str] = {
    "N": "neutral",
    "H": "happy",
    "S": "sad",
    "A": "anger",
    "F": "fear",
    "D": "disgust",
}
"""CREMA-D's code of what its raters chose -> its label."""

INTENSITIES: dict[str, dict[str, str]] = {
    "ravdess": {"01": "normal", "02": "strong"},
    # XX: not said
    "crema-d": {"LO": "low", "MD": "medium", "HI": "high"},
}
"""Corpus -> the code of how strongly it was acted -> a word."""

SPEAKER_NAMES: dict[str, dict[str, str]] = {"tess": {"OA": "OAF"}}
"""Corpus -> a speaker's name that is wrong in some file -> the right one."""

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

FOLDER_NAMES: dict[str, Emotion] = {
    **{emotion: emotion for emotion in EMOTIONS},
    "anger": "angry",
    "disgusted": "disgust",
    "fear": "fearful",
    "happiness": "happy",
    "joy": "happy",
    "sadness": "sad",
    "surprise": "surprised",
}
"""What folders of a class are called, in small letters."""

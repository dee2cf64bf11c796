"""Decode file names of corpora: emotion, intensity, speaker."""

from lab.corpora.labels import LABELS

_SUNG = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fearful",
}

NAME_CODES: dict[str, dict[str, str]] = {
    "ravdess": {**_SUNG, "07": "disgust", "08": "surprised"},
    "ravdess-song": _SUNG,
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
    "ravdess-song": {"01": "normal", "02": "strong"},
    # XX: not said
    "crema-d": {"LO": "low", "MD": "medium", "HI": "high"},
}
"""Corpus -> the code of how strongly it was acted -> a word."""

SPEAKER_NAMES: dict[str, dict[str, str]] = {"tess": {"OA": "OAF"}}
"""Corpus -> a speaker's name that is wrong in some file -> the right one."""

WORDINGS: dict[str, dict[str, str]] = {
    "ravdess": {"01": "Kids are talking by the door", "02": "Dogs are sitting by the door"},
    "crema-d": {
        "DFA": "Don't forget a jacket",
        "IEO": "It's eleven o'clock",
        "IOM": "I'm on my way to the meeting",
        "ITH": "I think I have a doctor's appointment",
        "ITS": "I think I've seen this before",
        "IWL": "I would like a new alarm clock",
        "IWW": "I wonder what this is about",
        "MTI": "Maybe tomorrow it will be cold",
        "TAI": "The airplane is almost full",
        "TIE": "That is exactly what happened",
        "TSI": "The surface is slick",
        "WSI": "We'll stop in a couple of minutes",
    },
}
"""Corpus -> sentence in its file names -> the words, which say nothing of the emotion: each is
spoken in all of them."""

"""Every voice corpus's labels and what they are in the seven classes; None: left out."""

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
}
"""Corpus -> the code of an emotion in its file names -> its label."""

"""Split by speaker: training, validation and test share nobody."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from lab.corpora.archives import stem
from lab.corpora.speech import TWINS
from schemas.corpus import SAME_PEOPLE, LabelledClip, Split

_RAVDESS = (
    ("01", "11", "20", "21"),
    ("04", "10", "12", "14"),
    ("08", "09", "19", "23"),
    ("03", "05", "07", "24"),
    ("02", "15", "16", "18"),
    ("06", "13", "17", "22"),
)

FOLDS: dict[str, tuple[tuple[str, ...], ...]] = {
    # EmoBox (Ma et al. 2024), "EmoBox: Multilingual Multi-corpus Speech Emotion Recognition
    # Toolkit and Benchmark": six folds of four actors, and one fold per speaker of EMOVO
    "ravdess": _RAVDESS,
    # its songs in the folds of its speech
    "ravdess-song": _RAVDESS,
    "emovo": (("m1",), ("m2",), ("m3",), ("f1",), ("f2",), ("f3",)),
    # Luna-Jimenez et al. 2022, "A Proposal for Multimodal Emotion Recognition Using Aural
    # Transformers and Action Units on RAVDESS Dataset": five subject-wise folds
    "ravdess-five": (
        ("02", "05", "14", "15", "16"),
        ("03", "06", "07", "13", "18"),
        ("10", "11", "12", "19", "20"),
        ("08", "17", "21", "23", "24"),
        ("01", "04", "09", "22"),
    ),
    # EmoBox: one fold per speaker, and per session
    "savee": (("JE",), ("KL",), ("DC",), ("JK",)),
    "iemocap": tuple((f"Ses0{session}F", f"Ses0{session}M") for session in range(1, 6)),
    # EmoBox's only split of CREMA-D has all 91 actors on both sides: ours, every fifth actor
    "crema-d": tuple(
        tuple(str(actor) for actor in range(1001 + fold, 1092, 5)) for fold in range(5)
    ),
    # EmoBox's folds of EMO-DB share speakers, and it has none of nEMO: ours, women and men apart
    "emodb": (("03", "08"), ("10", "09"), ("11", "13"), ("12", "14"), ("15", "16")),
    "nemo": (("EB0", "IC0", "KD0"), ("KS0", "MK0", "MP0"), ("SM0", "TP0", "WR0")),
}
"""Corpus (or a second protocol on one) -> the test speakers of each fold.

TESS has two speakers: none is left to validate on, so it has no folds and is trained on only.
"""

CONVERSATIONS = frozenset({"iemocap"})
"""Corpora whose two actors of a session share every dialogue: sessions are never parted."""

PROTOCOL_CORPUS: dict[str, str] = {"ravdess-five": "ravdess"}
"""A protocol that is not named after its corpus -> the corpus."""


Keep = Callable[[LabelledClip], bool]
"""Whether a clip has a class of those that are learned."""


def has_emotion(clip: LabelledClip) -> bool:
    """Whether a clip shows one of the seven."""
    return clip.emotion is not None


def shares_people(clip: LabelledClip, corpus: str) -> bool:
    """Whether a clip is of another corpus that shows the people of `corpus`."""
    return clip.corpus != corpus and clip.people == SAME_PEOPLE.get(corpus, corpus)


def speaker_folds(
    clips: Sequence[LabelledClip],
    folds: Sequence[Sequence[str]],
    validation_speakers: int,
    others: Sequence[LabelledClip] = (),
    seed: int = 0,
    keep: Keep = has_emotion,
) -> list[Split]:
    """Make one split per fold: its speakers are tested, some of the rest validate.

    `others` (other corpora) join every training side, without people who are tested or validate.
    Clips that are not to `keep` are left out.
    """
    return [
        _split(clips, frozenset(tested), validation_speakers, others, seed + number, keep)
        for number, tested in enumerate(folds)
    ]


def rotating_folds(
    clips: Sequence[LabelledClip],
    folds: Sequence[Sequence[str]],
    *,
    disjoint_dialogues: bool,
    keep: Keep = has_emotion,
) -> list[Split]:
    """Make one split per fold: it is tested, the next one validates, the rest are trained on.

    For IEMOCAP, whose two actors of a session share every dialogue: speakers drawn at random
    would validate on conversations whose other half was trained on.
    """
    tested = [frozenset(fold) for fold in folds]
    validated = [*tested[1:], tested[0]]
    return [
        Split(
            train=trainable((c for c in clips if c.speaker not in test | validation), keep),
            validation=trainable((c for c in clips if c.speaker in validation), keep),
            test=tuple(c for c in clips if c.speaker in test and keep(c)),
            disjoint_dialogues=disjoint_dialogues,
        )
        for test, validation in zip(tested, validated, strict=True)
    ]


def other_sentence_folds(
    clips: Sequence[LabelledClip],
    folds: Sequence[Sequence[str]],
    validation_speakers: int,
    sentences: tuple[str, str] = ("01", "02"),
    seed: int = 0,
) -> list[Split]:
    """Folds in which the test has unseen speakers and a sentence that was never trained on.

    The first of `sentences` is trained and validated on, the second is tested: what RAVDESS'
    two sentences are for. The fold's other half of the clips is used nowhere.
    """
    trained, tested = sentences
    return [
        Split(
            train=tuple(clip for clip in split.train if clip.sentence == trained),
            validation=tuple(clip for clip in split.validation if clip.sentence == trained),
            test=tuple(clip for clip in split.test if clip.sentence == tested),
            disjoint_sentences=True,
        )
        for split in speaker_folds(clips, folds, validation_speakers, seed=seed)
    ]


def _split(
    clips: Sequence[LabelledClip],
    tested: frozenset[str],
    n_validation: int,
    others: Sequence[LabelledClip],
    seed: int,
    keep: Keep,
) -> Split:
    rest = [clip for clip in clips if clip.speaker not in tested]
    train, validation = held_out_speakers(rest, n_validation, seed=seed)
    test = tuple(clip for clip in clips if clip.speaker in tested and keep(clip))
    held = {clip.person for clip in (*validation, *test)}
    away = [clip for clip in others if clip.person not in held]
    return Split(
        train=(*trainable(train, keep), *trainable(away, keep)),
        validation=trainable(validation, keep),
        test=test,
    )


def held_out_speakers(
    clips: Sequence[LabelledClip], n_speakers: int = 1, share: int | None = None, seed: int = 0
) -> tuple[tuple[LabelledClip, ...], tuple[LabelledClip, ...]]:
    """Take speakers of each corpus out: (the rest's clips, theirs).

    `n_speakers` of them, or one in `share`, at least one. Corpora of the same people count as one.
    """
    random = np.random.default_rng(seed)
    chosen: set[str] = set()
    for people in sorted({clip.people for clip in clips}):
        speakers = sorted({clip.speaker for clip in clips if clip.people == people})
        count = n_speakers if share is None else max(1, len(speakers) // share)
        picked = random.choice(speakers, size=count, replace=False)
        chosen |= {f"{people}/{speaker}" for speaker in picked}
    held = tuple(clip for clip in clips if clip.person in chosen)
    return tuple(clip for clip in clips if clip.person not in chosen), held


def trainable(clips: Iterable[LabelledClip], keep: Keep = has_emotion) -> tuple[LabelledClip, ...]:
    """Clips that are to `keep`, without the second of two identical recordings."""
    return tuple(
        clip
        for clip in clips
        if keep(clip) and not (clip.corpus == "ravdess" and stem(clip.source or "") in TWINS)
    )

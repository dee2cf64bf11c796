"""Read the branches' scores for the same performances from a voice training's folds.

Sound and face are of the same performance (RAVDESS): scores of an audio network that never heard
this corpus, calibrated on others, as it will judge strangers; and models of the face's action
units in six folds of actors. Nobody's words vary with the emotion there, so each performance is
given a text of the same emotion that the text branch was not trained on: that makes words
independent of voice and face given the emotion, which in life they are less. The card says so.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lab.corpora.actions import FaceActions, performance, read_face_actions
from lab.fusion.action_units import judge_actions
from lab.fusion.judgements import Judgements
from lab.fusion.pool import fit_prior
from lab.training.options import TrainingOptions
from lab.video.train import as_stills, read_calibration_faces
from models.fusion.embedded import BRANCHES
from models.protocols import TextSample
from models.registry import load_engine
from schemas.corpus import LabelledClip
from schemas.emotions import EMOTIONS
from schemas.errors import SettingsError
from schemas.settings import WeightSettings

STRANGE = "ravdess-left-out"
"""Scores of RAVDESS by a voice that was trained and calibrated on other corpora."""


def read_three_branches(data: Path, options: TrainingOptions) -> Judgements:
    """Bring together what the three branches say of each performance of RAVDESS, by six folds."""
    voice = read_voice(voice_folds(options.start, STRANGE), EMOTIONS)
    both = with_faces(voice, read_face_actions(data), options.seed)
    text = judge_paired_texts(data / "text", both.labels, both.folds, options.seed)
    nothing_else = np.zeros((len(text), 0))
    return replace(
        both,
        branches=BRANCHES,
        scores=np.concatenate([both.scores, text[None]]),
        representations=(*both.representations, nothing_else),
    )


def voice_folds(start: Path | None, protocol: str) -> Path:
    """Return where a voice training keeps its out-of-fold scores of a protocol."""
    return (start or Path()) / "folds" / f"{protocol}.npz"


def read_voice(path: Path, classes: tuple[str, ...]) -> Judgements:
    """Read the audio branch's out-of-fold scores, their columns put in the order of `classes`."""
    if not path.is_file():
        raise SettingsError(
            f"The fusion needs the folds of a voice training, and {path} is not there: run "
            "tonescribe train audio first and name its output folder with --start."
        )
    with np.load(path) as voice:
        stored = [str(name) for name in voice["classes"]]
        if sorted(stored) != sorted(classes):
            raise SettingsError(f"{path} has scores of {', '.join(stored)}; train audio anew.")
        columns = [stored.index(name) for name in classes]
        labels = [classes.index(stored[label]) for label in voice["label"]]
        scores = voice["scores"].astype(np.float64)[:, columns]
        return Judgements(
            branches=("audio",),
            stems=tuple(str(stem) for stem in voice["stem"]),
            labels=np.array(labels, dtype=np.int64),
            speakers=voice["speaker"].astype(np.str_),
            folds=voice["fold"].astype(np.int64),
            scores=scores[None],
            classes=classes,
        )


def with_faces(voice: Judgements, actions: FaceActions, seed: int) -> Judgements:
    """Join to each performance's voice what its face is judged to be, in the same folds.

    Raises `SettingsError` where the performances are too few to learn faces from.
    """
    own = actions.of(voice.stems)._replace(labels=voice.labels)
    try:
        scores = judge_actions(own, voice.folds, len(voice.classes), seed)
    except np.linalg.LinAlgError as error:
        raise SettingsError(
            f"{len(own.names)} performances are too few to learn faces from: some emotion has "
            f"fewer than {own.units.shape[1]} of them. Train audio without --limit."
        ) from error
    faces = replace(
        voice,
        branches=("video",),
        stems=own.names,
        scores=scores[None],
        representations=(own.units,),
    )
    return beside(voice, faces)


def beside(voice: Judgements, faces: Judgements) -> Judgements:
    """Voices and the faces of the same performances, in the order of the voices."""
    row_of = {name: row for row, name in enumerate(faces.stems)}
    rows = [row_of[performance(stem)] for stem in voice.stems]
    if not np.array_equal(voice.folds, faces.folds[rows]):
        raise SettingsError("The voice was cut into other folds than the faces; train audio anew.")
    return replace(
        voice,
        branches=("audio", "video"),
        scores=np.concatenate([voice.scores, faces.scores[:, rows]]),
        representations=(np.zeros((len(rows), 0)), faces.representations[0][rows]),
    )


def judge_paired_texts(
    folder: Path, labels: NDArray[np.int64], folds: NDArray[np.int64], seed: int
) -> NDArray[np.float64]:
    """Scores (n, 7) of the shipped text branch for unseen texts with the same labels.

    The texts are the development split of MELD: spoken lines, as in meetings. A line is drawn for
    performances of one fold alone, however often it is said.
    """
    from lab.corpora.texts import TEXT_CORPORA, read_texts

    (corpus,) = (corpus for corpus in TEXT_CORPORA if corpus.name == "meld")
    clips = read_texts(folder, corpus, "dev")
    random = np.random.default_rng(seed)
    drawn = _lines_by_fold(clips, labels, folds, random)
    branch = load_engine("text", "embedded", WeightSettings())
    chosen = sorted(set(drawn))
    said = branch.score(
        [TextSample(clips[row].text or "", "en", clips[row].context) for row in chosen]
    )
    place = {int(row): i for i, row in enumerate(chosen)}
    scores: NDArray[np.float64] = said[[place[int(row)] for row in drawn]].astype(np.float64)
    return np.where(np.isfinite(scores), scores, 1 / len(EMOTIONS))


def _lines_by_fold(
    clips: Sequence[LabelledClip],
    labels: NDArray[np.int64],
    folds: NDArray[np.int64],
    random: np.random.Generator,
) -> NDArray[np.int64]:
    """Draw a clip (n,) of each label out of those that belong to the fold."""
    said = np.array([(clip.text or "").casefold() for clip in clips])
    texts, line = np.unique(said, return_inverse=True)
    n_folds = int(folds.max()) + 1
    fold_of = (random.permutation(len(texts)) % n_folds)[line]
    emotion = np.array([EMOTIONS.index(clip.emotion) if clip.emotion else -1 for clip in clips])
    drawn = np.zeros(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        for fold in np.unique(folds):
            asked = (labels == label) & (folds == fold)
            there = np.flatnonzero((emotion == label) & (fold_of == fold))
            # a rare emotion may have no line in some fold
            there = there if len(there) else np.flatnonzero(emotion == label)
            drawn[asked] = random.choice(there, int(asked.sum()))
    return drawn


def prior_of_faces(data: Path) -> NDArray[np.float64]:
    """Return the shares of the classes (7,) that the shipped video branch's scores assume.

    Fitted on FER2013's PublicTest, on which the branch was calibrated, without photographs that it
    was trained on; even without that table.
    """
    table = data / "face" / "fer2013.parquet"
    if not table.is_file():
        return np.full(len(EMOTIONS), 1 / len(EMOTIONS))
    faces = read_calibration_faces(table)
    branch = load_engine("video", "embedded", WeightSettings())
    scores = branch.score(as_stills(faces)).astype(np.float64)
    return fit_prior(scores, faces.labels)

"""Labelled clips as the samples of a training: who calibrates, the published folds, the classes."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from lab.corpora.class_sets import class_of, read_classes
from lab.corpora.splits import FOLDS, Keep, held_out_speakers, shares_people
from lab.measures.fingerprints import fingerprint
from lab.training.card import origins
from lab.training.material import Material, Protocol, Rows
from lab.training.options import TrainingOptions
from schemas.corpus import LabelledClip


def protocols_of(
    clips: Sequence[LabelledClip], corpora: Iterable[str], options: TrainingOptions
) -> dict[str, Protocol]:
    """Return folds by speaker of each of these corpora that has some, unless options say no."""
    from lab.audio.folds import corpus_splits

    places = {id(clip): row for row, clip in enumerate(clips)}
    found: dict[str, Protocol] = {}
    for corpus in dict.fromkeys(corpora) if options.folds else ():
        if corpus not in FOLDS:
            continue
        splits = corpus_splits(clips, corpus, seed=options.seed, keep=keeps(options))
        sides = [
            tuple(_rows_of(side, places) for side in (split.train, split.validation, split.test))
            for split in splits
        ]
        if not sides:
            continue
        own = tuple(sorted({clip.label for clip in clips if clip.corpus == corpus}))
        name, classes = f"{corpus}, its folds, its own classes", own
        if "classes" in options.parameters:
            classes = classes_of(options)
            name = f"{corpus}, its folds, {len(classes)} classes"
        found[name] = _protocol(clips, corpus, classes, sides)
    return found


def _protocol(
    clips: Sequence[LabelledClip],
    corpus: str,
    classes: tuple[str, ...],
    folds: Sequence[tuple[Rows, ...]],
) -> Protocol:
    of_people = [clip.corpus == corpus or shares_people(clip, corpus) for clip in clips]
    labels = indices_of(clips, classes)
    own = [label if here else -1 for label, here in zip(labels, of_people, strict=True)]
    return Protocol(classes, np.array(own), tuple((a, b, c) for a, b, c in folds))


def _rows_of(clips: Sequence[LabelledClip], places: dict[int, int]) -> Rows:
    return np.array([places[id(clip)] for clip in clips], dtype=np.int64)


def material_of(
    branch: str,
    clips: Sequence[LabelledClip],
    read: Callable[[int], Any],
    options: TrainingOptions,
    known: frozenset[str],
) -> Material:
    """Return the material of clips with speakers: one speaker in eight calibrates."""
    train, validation = held_out_speakers(clips, share=8, seed=options.seed) if clips else ((), ())
    places = {id(clip): row for row, clip in enumerate(clips)}
    return Material(
        read=read,
        labels=indices_of(clips, classes_of(options)),
        speakers=tuple(clip.person for clip in clips),
        origins=tuple(origins(clips)),
        train=_rows_of(train, places),
        validation=_rows_of(validation, places),
        corpora=tuple(sorted({clip.corpus for clip in clips})),
        classes=classes_of(options),
        known=known,
        fingerprint=lambda row: fingerprint(branch, clips[row]),
    )


def classes_of(options: TrainingOptions) -> tuple[str, ...]:
    """Return the classes of `--set classes=...`, else the seven; `SettingsError` for no set."""
    given = options.parameters.get("classes")
    return read_classes(None if given is None else str(given))


def indices_of(clips: Sequence[LabelledClip], classes: Sequence[str]) -> Rows:
    """Return each clip's place in `classes`, -1 where it has none of them."""
    found = [class_of(clip, classes) for clip in clips]
    return np.array([-1 if name is None else classes.index(name) for name in found], dtype=np.int64)


def keeps(options: TrainingOptions) -> Keep:
    """Return which clips are trained on: those of the classes of the options."""
    classes = classes_of(options)
    return lambda clip: class_of(clip, classes) is not None


def limited(clips: Sequence[LabelledClip], options: TrainingOptions) -> list[LabelledClip]:
    """Return at most `limit` clips of each corpus, drawn at random."""
    random = np.random.default_rng(options.seed)
    chosen: list[LabelledClip] = []
    for corpus in sorted({clip.corpus for clip in clips}):
        own = [clip for clip in clips if clip.corpus == corpus]
        chosen += [own[row] for row in sorted(random.permutation(len(own))[: options.limit])]
    return chosen

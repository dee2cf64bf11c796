"""The training mix of the text networks: many corpora, capped, without tested lines."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lab.corpora.text_overlap import named_alike, shared_dialogues, telling_texts
from lab.corpora.texts import (
    TEXT_CORPORA,
    TextCorpus,
    TextSplit,
    corpus_named,
    fingerprint,
    is_there,
    read_texts,
)
from models.protocols import TextSample
from models.text.cleaning import clean
from schemas.corpus import LabelledClip, Split
from schemas.emotions import EMOTIONS, Emotion
from schemas.errors import InputError

HELD_OUT: tuple[TextSplit, ...] = ("dev", "test")

FRIENDS = ("meld", "mmeld", "emorynlp")
"""Three corpora of one television series."""


def read_training_mix(
    folder: Path,
    names: Sequence[str],
    languages: Collection[str],
    seed: int,
    corrected: Sequence[LabelledClip] = (),
) -> list[LabelledClip]:
    """Read the training rows of the named corpora (empty: all), capped and without repeats.

    `corrected` are clips of reviewers that are learned from as well.

    A text of four words or more that stands in any corpus' dev or test split is left out, and
    every dialogue of EmoryNLP that has such a text, and of MELD and its translations that has one
    of EmoryNLP's, so that no training on one corpus leaks into the figures of another. Raises
    `InputError` where none of the corpora is in the folder.
    """
    there = [corpus for corpus in TEXT_CORPORA if is_there(folder, corpus)]
    if not there:
        raise InputError(f"There is no text corpus in {folder}; see the list in its model card.")
    tested = [
        clip
        for corpus in there
        for split in HELD_OUT
        for clip in read_texts(folder, corpus, split, languages)
    ]
    held_out = telling_texts(tested)
    elsewhere = scenes_tested_elsewhere(folder)
    random = np.random.default_rng(seed)
    mix: list[LabelledClip] = []
    series: list[LabelledClip] = []
    for corpus in there:
        if names and corpus.name not in names:
            continue
        clips = read_texts(folder, corpus, "train", languages)
        spoiled: set[str] = set()
        if corpus.name in FRIENDS:
            series += clips
            own_scenes = shared_dialogues(clips, held_out) if corpus.name == "emorynlp" else set()
            spoiled = elsewhere | own_scenes
        for language in sorted(set(languages) & set(corpus.languages)):
            own = [clip for clip in clips if clip.language == language]
            mix += _capped(_unseen(own, held_out, spoiled), corpus, random)
    mix += _unseen([clip for clip in corrected if clip.language in languages], held_out, set())
    kept = {clip.dialogue for clip in mix}
    # whole dialogues as they were read: of the mix every line that would tell is gone
    refuse_shared_scenes([clip for clip in series if clip.dialogue in kept], tested)
    return mix


def scenes_tested_elsewhere(folder: Path) -> set[str]:
    """Training dialogues of MELD, called alike in its translations, that EmoryNLP tests a line of.

    Empty where one of the two is not in the folder.
    """
    meld, emory = corpus_named("meld"), corpus_named("emorynlp")
    if not (is_there(folder, meld) and is_there(folder, emory)):
        return set()
    tested = [clip for split in HELD_OUT for clip in read_texts(folder, emory, split)]
    return shared_dialogues(read_texts(folder, meld, "train"), telling_texts(tested))


def refuse_shared_scenes(trained: Sequence[LabelledClip], tested: Sequence[LabelledClip]) -> None:
    """Raise `ValueError` where a scene of the series is trained on and tested, in any corpus.

    Scenes are known by their lines from EmoryNLP to the others, which name theirs alike.
    """
    scenes = [clip for clip in tested if clip.corpus in FRIENDS and clip.dialogue]
    named = [
        clip
        for emory in (True, False)
        for clip in named_alike(
            [clip for clip in trained if _of_series(clip, emory=emory)],
            [clip for clip in scenes if _of_series(clip, emory=not emory)],
        )
    ]
    Split(
        train=tuple(named),
        validation=(),
        test=tuple(scenes),
        disjoint_speakers=False,
        disjoint_dialogues=True,
    )


def _of_series(clip: LabelledClip, *, emory: bool) -> bool:
    """Whether a clip is of EmoryNLP, or else of MELD or its translations."""
    own = clip.corpus in FRIENDS and clip.dialogue is not None
    return own and (clip.corpus == "emorynlp") == emory


def _unseen(
    clips: Sequence[LabelledClip], held_out: set[str], spoiled: set[str]
) -> list[LabelledClip]:
    """Clips without held-out texts and spoiled dialogues; outside dialogues, repeats count once."""
    seen: set[tuple[str, str]] = set()
    kept: list[LabelledClip] = []
    for clip in clips:
        words = fingerprint(clip.text or "")
        if not words or not clip.emotions or words in held_out or clip.dialogue in spoiled:
            continue
        if clip.dialogue is None and (words, clip.label) in seen:
            continue
        seen.add((words, clip.label))
        kept.append(clip)
    return kept


def _capped(
    clips: Sequence[LabelledClip], corpus: TextCorpus, random: np.random.Generator
) -> list[LabelledClip]:
    """At most so many of each class, chosen by chance; several emotions are never too many."""
    taken: dict[Emotion, int] = defaultdict(int)
    kept: list[LabelledClip] = []
    for row in random.permutation(len(clips)):
        clip = clips[row]
        if clip.emotion is not None:
            cap = corpus.cap(clip.emotion)
            taken[clip.emotion] += 1
            if cap is not None and taken[clip.emotion] > cap:
                continue
        kept.append(clip)
    return kept


def read_part(
    folder: Path,
    corpus: TextCorpus,
    split: TextSplit,
    language: str,
    limit: int | None = None,
    seed: int = 0,
) -> list[LabelledClip]:
    """Return the rows of one split and language with an emotion of ours, in an order by chance."""
    clips = [clip for clip in read_texts(folder, corpus, split, (language,)) if clip.emotions]
    order = np.random.default_rng(seed).permutation(len(clips))
    return [clips[row] for row in order[:limit]]


def sample_of(clip: LabelledClip) -> TextSample:
    """Return the sample of a labelled text."""
    return TextSample(clip.text or "", clip.language, clip.context, clip.speaker or None)


def judged_texts(clips: Sequence[LabelledClip]) -> list[str]:
    """Return the words of labelled texts alone, cleaned as for judging."""
    return [clean(clip.text or "") for clip in clips]


def targets_of(clips: Sequence[LabelledClip]) -> NDArray[np.float32]:
    """Shares of the classes, (len(clips), 7): a text with several emotions is split evenly."""
    targets = np.zeros((len(clips), len(EMOTIONS)), dtype=np.float32)
    for row, clip in enumerate(clips):
        for emotion in clip.emotions:
            targets[row, EMOTIONS.index(emotion)] = 1 / len(clip.emotions)
    return targets

"""Changed copies of texts of rare classes: words dropped, neighbours swapped.

After Wei and Zou 2019, "EDA: Easy Data Augmentation Techniques for Boosting Performance on Text
Classification Tasks", without its synonyms, which need a thesaurus per language.
"""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from models.protocols import TextSample
from schemas.emotions import EMOTIONS

if TYPE_CHECKING:
    from lab.training.material import Material

COPIES = 4
"""The most copies of one text: EDA's advice for sets of some thousands of texts."""

_CHANGED = 0.1
"""Share of words that are dropped, and of neighbours that are swapped: EDA's alpha."""

_FEWEST_WORDS = 3


def augment_rare(material: "Material", seed: int = 0) -> "Material":
    """Add changed copies of the training texts of each class that has fewer than the average.

    Each rises to the average of the classes that occur, as far as `COPIES` of each text go. Texts
    of fewer than three words are not copied. The copies are new rows after the others, in `train`
    alone, counted in `augmented`; the same seed gives the same copies.
    """
    labels = material.labels[material.train]
    counts = np.bincount(labels, minlength=len(EMOTIONS))
    average = int(counts.sum() // max(1, (counts > 0).sum()))
    random = np.random.default_rng(seed)
    sources: list[int] = []
    copied: dict[str, int] = {}
    for number, emotion in enumerate(EMOTIONS):
        own = [int(row) for row in material.train[labels == number] if _long(material, int(row))]
        wanted = min(average - int(counts[number]), COPIES * len(own))
        if wanted > 0:
            # every text once before any is copied again
            rounds = [random.permutation(own) for _ in range(-(-wanted // len(own)))]
            sources += np.concatenate(rounds)[:wanted].tolist()
            copied[emotion] = wanted
    count = len(material.labels)

    def read(row: int) -> TextSample | None:
        if row < count:
            return _text(material, row)
        sample = _text(material, sources[row - count])
        return sample and change(sample, np.random.default_rng((seed, row)))

    return dataclasses.replace(
        material,
        read=read,
        labels=np.concatenate([material.labels, material.labels[sources]]),
        speakers=material.speakers + tuple(material.speakers[row] for row in sources),
        origins=material.origins + tuple(material.origins[row] for row in sources),
        train=np.concatenate([material.train, np.arange(count, count + len(sources))]),
        augmented=copied,
        fingerprint=lambda row: material.fingerprint(row) if row < count else None,
    )


def change(sample: TextSample, random: np.random.Generator) -> TextSample:
    """Return a text with about a tenth of its words dropped and a tenth of neighbours swapped.

    At least one word is dropped, and at most a third; a text has three words or more.
    """
    words = sample.text.split()
    n_dropped = int(np.clip(random.binomial(len(words), _CHANGED), 1, len(words) // 3))
    n_swapped = int(random.binomial(len(words) - n_dropped - 1, _CHANGED))
    gone = set(random.choice(len(words), n_dropped, replace=False).tolist())
    kept = [word for place, word in enumerate(words) if place not in gone]
    for place in random.choice(len(kept) - 1, n_swapped, replace=False):
        kept[place], kept[place + 1] = kept[place + 1], kept[place]
    return dataclasses.replace(sample, text=" ".join(kept))


def _text(material: "Material", row: int) -> TextSample | None:
    sample: TextSample | None = material.read(row)
    return sample


def _long(material: "Material", row: int) -> bool:
    sample = _text(material, row)
    return sample is not None and len(sample.text.split()) >= _FEWEST_WORDS

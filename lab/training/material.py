"""Samples of a training: which are trained on, calibrated on and tested."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lab.training.card import Source, counted
from schemas.emotions import EMOTIONS

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Protocol:
    """Folds of one corpus in its own classes: `labels` (n,) index them, -1 where another's.

    Each fold is three sets of rows: trained on, calibrated on, tested.
    """

    classes: tuple[str, ...]
    labels: Rows
    folds: tuple[tuple[Rows, Rows, Rows], ...]

    def after(self, shift: int) -> "Protocol":
        """Return the same folds where so many samples of another corpus stand in front."""
        labels = np.concatenate([np.full(shift, -1), self.labels])
        folds = tuple((a + shift, b + shift, c + shift) for a, b, c in self.folds)
        return Protocol(self.classes, labels, folds)


def _not_known(row: int) -> None:
    del row


@dataclass(frozen=True)
class Material:
    """`n` samples, read one by one, of which rows are trained on, calibrated on and tested.

    `labels` (n,) index `classes`; `origins` are each sample's corpus and language, empty where
    nobody speaks; `tests` are official parts, `protocols` are folds. `known` are all labels that
    the corpora have, those that are not learned too. `augmented` counts by class the rows of
    `train` that are changed copies of others. `fingerprint` knows a row by its content, None where
    it has none.
    """

    read: Callable[[int], Any]
    labels: Rows
    speakers: tuple[str, ...]
    origins: tuple[tuple[str, str], ...]
    train: Rows
    validation: Rows
    tests: dict[str, Rows] = field(default_factory=dict)
    protocols: dict[str, Protocol] = field(default_factory=dict)
    corpora: tuple[str, ...] = ()
    classes: tuple[str, ...] = EMOTIONS
    known: frozenset[str] = frozenset(EMOTIONS)
    augmented: dict[str, int] = field(default_factory=dict)
    fingerprint: Callable[[int], bytes | None] = _not_known

    @property
    def n_train(self) -> int:
        """Count of the samples that are trained on, without changed copies."""
        return len(self.train) - sum(self.augmented.values())

    def calibration_speakers(self) -> list[str]:
        """Those who calibrate, as corpus/speaker; empty where nobody knows who they are."""
        return sorted({self.speakers[row] for row in self.validation} - {""})

    def sources(self) -> list[Source]:
        """Count what is trained and calibrated on, by corpus and language."""
        sides = (self.train, self.validation)
        return counted(*([self.origins[row] for row in rows] for rows in sides))

    def without(self, missing: set[int]) -> "Material":
        """Return the same samples, those left out that had nothing to judge."""

        def kept(rows: Rows) -> Rows:
            return np.array([row for row in rows if row not in missing], dtype=np.int64)

        protocols = {
            name: Protocol(
                own.classes,
                own.labels,
                tuple((kept(a), kept(b), kept(c)) for a, b, c in own.folds),
            )
            for name, own in self.protocols.items()
        }
        return replace(
            self,
            train=kept(self.train),
            validation=kept(self.validation),
            tests={name: kept(rows) for name, rows in self.tests.items()},
            protocols=protocols,
        )

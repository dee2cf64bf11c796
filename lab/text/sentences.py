"""Fit the head over sentence embeddings that judges beside the text networks, for all languages."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lab.corpora.text_overlap import telling
from lab.corpora.texts import TEXT_CORPORA, fingerprint, is_there, read_texts
from lab.text.calibration import calibration_texts, fit_calibration, labels_of
from lab.text.mix import (
    FRIENDS,
    HELD_OUT,
    judged_texts,
    read_training_mix,
    sample_of,
    targets_of,
)
from lab.training.options import TrainingOptions
from lab.training.progress import say
from models.checkpoint import save_weights
from models.network_store import find_network
from models.network_store import is_there as is_fetched
from models.text.sentences import DIMENSION, NETWORK, SentenceEncoder, SentenceHead, head_logits
from schemas.emotions import EMOTIONS
from schemas.settings import WeightSettings
from schemas.values import Json

if TYPE_CHECKING:
    import torch

    from models.text.embedded import EmbeddedTextBranch
    from schemas.corpus import LabelledClip

WIDTH = 1024
"""Numbers of the hidden layer; of 256, 512 and 1,024 the last had the least log-loss on dev."""

EPOCHS = 12
_BATCH = 512
_RATE = 2e-3
_DECAY = 1e-4
_DROPPED_INPUTS = 0.2
_DROPPED = 0.5

SHARES = (0.25, 0.5, 0.75, 1.0)
"""How much its log-probabilities may count; each language takes what its dev texts like best."""

LIKENESS = 0.6
"""Cosine from which on a text may translate another: so near are 79 % of 3,000 lines of dialogue to
their translation, and 15 % to a line among the 3,000 that they do not translate."""

_ROWS = 1000

Encode = Callable[[Sequence[str]], NDArray[np.float32]]


def fit_sentences(
    folder: Path, networks: "EmbeddedTextBranch", path: Path, options: TrainingOptions
) -> "list[LabelledClip]":
    """Fit one head on the mixes of all languages of the branch; return the texts it learned from.

    A text of a corpus that stands in several languages is left out where it may translate a dev or
    test text of that corpus: to the encoder a translation is nearly the same text. How much the
    head counts, a temperature and offsets are fitted by language on the dev parts, together with
    the networks; a language without dev texts does without the head. Without the encoder there is
    no head, and one sentence says so; nor without texts.
    """
    path.unlink(missing_ok=True)
    weights = WeightSettings()
    if not is_fetched(NETWORK, weights):
        say(f"The network {NETWORK} is missing: no head over sentences is fitted.")
        return []
    languages = sorted(networks.languages or ())
    clips = [
        clip
        for language in languages
        for clip in read_training_mix(folder, options.corpora, (language,), options.seed)[
            : options.limit
        ]
    ]
    encode = SentenceEncoder(find_network(NETWORK, weights)).encode
    rows = encode(judged_texts(clips))
    kept = np.flatnonzero(~_may_translate(folder, clips, rows, languages, encode))
    clips, rows = [clips[row] for row in kept], rows[kept]
    if not clips:
        return []
    say(f"Fitting the head over sentences of {', '.join(languages)} on {len(clips)} texts.")
    state = _fitted(rows, targets_of(clips), options)
    config: Json = {"classes": list(EMOTIONS), "shares": {}, "calibration": {}}
    save_weights(path, state, config)
    # calibrated as it judges, from the file: its numbers are coarser than those that were fitted
    stored = SentenceHead(path, weights)
    shares, calibration = {}, {}
    for language in languages:
        own = calibration_texts(folder, language, options.limit)
        if not own:
            continue
        logits = networks.worded_logits([sample_of(clip) for clip in own], language)
        found = stored.log_probabilities(judged_texts(own))
        shares[language] = _best_share(own, logits, found)
        calibration[language] = fit_calibration(labels_of(own), logits + shares[language] * found)
    save_weights(path, state, config | {"shares": shares, "calibration": calibration})
    return clips


def _may_translate(
    folder: Path,
    clips: "Sequence[LabelledClip]",
    rows: NDArray[np.float32],
    languages: Sequence[str],
    encode: Encode,
) -> NDArray[np.bool_]:
    """Whether each text is near a held-out one of its corpus in another language."""
    held = [
        clip
        for corpus in TEXT_CORPORA
        if is_there(folder, corpus) and (len(corpus.languages) > 1 or corpus.name in FRIENDS)
        for split in HELD_OUT
        for clip in read_texts(folder, corpus, split, languages)
        if telling(fingerprint(clip.text or ""))
    ]
    near = np.zeros(len(clips), dtype=bool)
    if not held:
        return near
    tested = encode(judged_texts(held))
    family, tongue = _origins(held)
    own_family, own_tongue = _origins(clips)
    for name in sorted(set(own_family)):
        for language in languages:
            others = tested[(family == name) & (tongue != language)]
            those = np.flatnonzero((own_family == name) & (own_tongue == language))
            if not len(others):
                continue
            for first in range(0, len(those), _ROWS):
                some = those[first : first + _ROWS]
                near[some] = (rows[some] @ others.T).max(axis=1) >= LIKENESS
    return near


def _origins(clips: "Sequence[LabelledClip]") -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    """Return what each clip's corpus is known by, the series for its three, and its language."""
    names = ["friends" if clip.corpus in FRIENDS else clip.corpus for clip in clips]
    return np.array(names), np.array([clip.language or "" for clip in clips])


def _best_share(
    clips: "Sequence[LabelledClip]", logits: NDArray[np.float32], found: NDArray[np.float32]
) -> float:
    """Return the share with the least log-loss after calibration, each corpus counting alike."""
    from scipy.special import log_softmax

    labels = labels_of(clips)
    corpora, sizes = np.unique([clip.corpus for clip in clips], return_inverse=True)
    counts = np.bincount(sizes)[sizes] * len(corpora)

    def loss(share: float) -> float:
        sums = logits + share * found
        fit = fit_calibration(labels, sums)
        logs = log_softmax(sums / fit["temperature"] + np.array(fit["offsets"]), axis=1)
        return float(-(logs[np.arange(len(labels)), labels] / counts).sum())

    return min(SHARES, key=loss)


def _new_head(seed: int) -> "dict[str, torch.Tensor]":
    import torch

    torch.manual_seed(seed)
    hidden, out = torch.nn.Linear(DIMENSION, WIDTH), torch.nn.Linear(WIDTH, len(EMOTIONS))
    return {
        "hidden.weight": hidden.weight,
        "hidden.bias": hidden.bias,
        "out.weight": out.weight,
        "out.bias": out.bias,
    }


def _fitted(
    rows: NDArray[np.float32], targets: NDArray[np.float32], options: TrainingOptions
) -> "dict[str, torch.Tensor]":
    """Fit the head to embeddings (n, 512) and shares of the classes (n, 7)."""
    import torch
    from torch.nn.functional import cross_entropy, dropout

    state = _new_head(options.seed)
    x, y = torch.from_numpy(rows), torch.from_numpy(targets)
    epochs = EPOCHS if options.epochs is None else options.epochs
    steps = max(1, round(epochs * len(x) / _BATCH))
    optimizer = torch.optim.AdamW(list(state.values()), lr=_RATE, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=steps + 1)
    for _ in range(steps):
        some = torch.randint(len(x), (_BATCH,))
        logits = head_logits(
            state,
            dropout(x[some], _DROPPED_INPUTS),
            lambda hidden: dropout(hidden, _DROPPED),
        )
        loss = cross_entropy(logits, y[some])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return {name: value.detach() for name, value in state.items()}

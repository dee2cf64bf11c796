"""Train the recogniser that ships: material, vocabulary, four stages, export, calibration.

It starts from Whisper tiny.en's encoder and decoder, whose vectors of subwords could not be had
and are learned anew (docs/decisions/010).
"""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from schemas.errors import SettingsError
from tasks.training.options import TrainingOptions, TrainingReport
from tasks.training.spoken_text import SHARES, spoken_texts
from tasks.training.words_clips import make_clips, read_clips
from tasks.training.words_material import count_windows, make_material, parts
from tasks.training.words_vocabulary import Vocabulary, count_subwords, prune

HOURS = 28.0
"""Of windows, a third of which is pauses and margins: the 52 parts that the shipped weights had."""
N_CLIPS = 6000
N_SUBWORDS = 6000
_COUNTED = 150_000
"""Turns whose subwords are counted."""

_SOURCE = "whisper_tiny_en"
_PER_LIMIT_HOUR = 120
"""Windows of an hour: `--limit` counts windows."""


def train_words(data: Path, out: Path, options: TrainingOptions) -> TrainingReport:
    """Train on the material in `out/material`; write the folder `out/words` and its figures.

    `data` holds `text/`, `meeting/` and `speech/`; `options.start` the folder with Whisper's
    weights (or with `whisper_tiny_en` in it). With `make_data` the material is made first, as far
    as it is not there. The user's epochs and rates are those of the last stage.

    Raises `SettingsError` where the start or the material is missing.
    """
    from tasks.training import words_stages as stages
    from tasks.training.words_export import export
    from tasks.training.words_network import (
        freeze_all_but_embedding,
        freeze_encoder,
        start_network,
    )

    began = time.perf_counter()
    source = _source(options)
    material = _material(data, out, options)
    vocabulary = _vocabulary(source, data)
    tokenizer = _tokenizer(vocabulary)
    recogniser = start_network(source, vocabulary, options.seed)
    told = {"seed": options.seed, "device": options.device, "resume": options.resume}
    clips, windows = read_clips(material), material / "windows"
    plan = stages.CLIPS.model_copy(update=told)
    stages.learn_vectors_from_clips(recogniser, clips, tokenizer, plan, out / "clips")
    for freeze, default in (
        (freeze_all_but_embedding, stages.VECTORS),
        (freeze_encoder, stages.DECODER),
    ):
        freeze(recogniser)
        plan = default.model_copy(update=told)
        own = out / freeze.__name__
        stages.learn_from_states(recogniser, windows, tokenizer, plan, own, out / "states")
    last = stages.ALL_LAYERS.told(options)
    gone = stages.learn_all(recogniser, windows, tokenizer, last, out / "all", material / "aside")
    folder = out / "words"
    export(recogniser, vocabulary, folder)
    measures = {"last stage": {"share": gone}, **calibrate_and_measure(folder, data, material)}
    return TrainingReport(
        branch="words",
        weights=folder,
        n_train=len(clips) + count_windows(windows),
        seconds=time.perf_counter() - began,
        measures=measures,
    )


def calibrate_and_measure(folder: Path, data: Path, material: Path) -> dict[str, dict[str, Any]]:
    """Fit the confidence on what was set aside for choices; return its content as figures."""
    from tasks.training.words_confidence import calibrate
    from tasks.training.words_told import foreign, set_aside

    return {"confidence": calibrate(folder, set_aside(data, material), foreign(data))}


def _source(options: TrainingOptions) -> Path:
    if options.start is None:
        raise SettingsError("train words starts from Whisper's weights: give --start FOLDER.")
    inside = options.start / _SOURCE
    return inside if inside.is_dir() else options.start


def _material(data: Path, out: Path, options: TrainingOptions) -> Path:
    """The folder of the material, which is made where that is asked for."""
    material = out / "material"
    if options.make_data:
        hours = HOURS if options.limit is None else options.limit / _PER_LIMIT_HOUR
        n_clips = N_CLIPS if options.limit is None else options.limit
        processes = os.cpu_count() or 1
        make_clips(data, material, n_clips, options.seed, processes)
        make_material(data, material, hours, options.seed, processes)
    if not parts(material / "windows"):
        raise SettingsError(f"There is no material in {material}: let it be made by --make-data.")
    return material


def _vocabulary(source: Path, data: Path) -> Vocabulary:
    """Subwords counted over the talk as it is drawn for the windows."""
    texts = list(_drawn(data))
    counts = count_subwords(source / "tokenizer.json", texts)
    return prune(source / "tokenizer.json", counts, N_SUBWORDS)


def _drawn(data: Path) -> Iterator[str]:
    random = np.random.default_rng(0)
    for corpus, turns in spoken_texts(data).items():
        rows = random.permutation(len(turns))[: int(SHARES[corpus] * _COUNTED)]
        yield from (turns[row].written for row in rows)


def _tokenizer(vocabulary: Vocabulary) -> Any:
    from tokenizers import Tokenizer  # type: ignore[import-untyped]

    return Tokenizer.from_str(json.dumps(vocabulary.tokenizer))

"""Train the audio network: a head on Whisper's encoder, then both together, then calibrate.

What ships is trained on all speakers but those that calibrate it. How good it is on unseen
speakers is measured apart, by cross-validation of the same recipe.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lab.acoustics import CONDITIONS
from lab.audio.folds import CLEAN, FoldScores, corpus_splits, unseen_corpus
from lab.audio.material import gather
from lab.audio.recipe import Recipe, new_network, starting_encoder
from lab.audio.sounds import classes_of
from lab.audio.strangers import (
    OTHERS,
    TAKES,
    VALIDATION,
    Strangers,
    Take,
    calibration_for_strangers,
    measures_against_baselines,
    measures_on_strangers,
    scores_against_baselines,
    sharpening_for_strangers,
    strangers_of,
)
from lab.corpora.speech import read_speech
from lab.corpora.splits import held_out_speakers, trainable
from lab.measures import Measures, fit_temperature
from lab.measures.baseline import reference_config
from lab.measures.fingerprints import fingerprints, store_fingerprints
from lab.reports.emotion import Evaluation, report_of
from lab.reports.render import to_markdown
from lab.training.fitting import Batch, FittingPlan
from lab.training.options import TrainingOptions, TrainingReport
from models.audio.calibration import VoiceCalibration
from models.audio.embedded import VOICE_CLASSES, merge_calm
from models.checkpoint import save_weights
from models.precision import choose_device
from schemas.corpus import LabelledClip
from schemas.errors import SettingsError

if TYPE_CHECKING:
    from models.audio.network import AudioEmotionNetwork

PLAN = FittingPlan(epochs=5, batch_size=32, learning_rate=5e-5, weight_decay=0.05)
"""Fine-tuning of the whole network after its head is fitted; `--epochs 0` leaves the encoder."""

REPORTED_MEETINGS = frozenset({"dev00", "trn04", "trn06", "trn09"})
"""AMI clips that figures are reported on."""

_PIECES_PER_MEETING = 10
_HEARD_UNDER = tuple(CONDITIONS)


def train_audio(data: Path, out: Path, options: TrainingOptions) -> TrainingReport:
    """Train on `data/speech` and `data/meeting`; write `audio.safetensors` and figures to `out`.

    `options.start` names the folder with Whisper tiny.en's `encoder.safetensors`. The calibration
    is fitted on corpora that were left out, each by a network trained on the others; of a single
    corpus, on one speaker in eight. These are not trained on. Raises `SettingsError` where corpora
    or starting weights are missing.
    """
    import torch

    began = time.perf_counter()
    torch.set_num_threads(options.threads or torch.get_num_threads())
    clips = limited(read_speech(data / "speech", options.corpora), options.limit, options.seed)
    clips = tuple(clip for clip in clips if clip.emotion)
    start, plan = starting_encoder(options.start), PLAN.told(options)
    meetings = meeting_recordings(data, options.limit)
    material = gather(new_network(start), clips, meetings, choose_device(plan.device), plan.seed)
    clips = material.clips
    recipe = Recipe(start, material, plan, out)
    train, calibration = map(trainable, held_out_speakers(clips, share=8, seed=plan.seed))
    network = recipe.make(train, "shipped")
    left_out = leave_out(recipe, clips)
    shown = _calibrated(recipe, network, calibration, left_out)
    weights = out / "audio.safetensors"
    known = store_fingerprints(weights, fingerprints("audio", train))
    config = _config(recipe, train, calibration) | shown | known
    save_weights(weights, network.state_dict(), config)
    strange = figures_on_strangers(left_out)
    if strange:
        _write_left_out(out / "left-out.md", strange, shown)
        _save_for_fusion(left_out, clips, out)
    measures = {name: figures.model_dump() for name, figures in strange.items()}
    if options.folds:
        measures |= _cross_validate(recipe, clips, out)
    return TrainingReport(
        branch="audio",
        weights=weights,
        n_train=len(train),
        seconds=time.perf_counter() - began,
        measures=measures,
        warnings=material.warnings,
    )


LEFT_OUT = "left-out"
"""Protocol in which each corpus is tested by a network that learned from the others alone."""


def logits_of_left_out(out: Path, number: int) -> Path:
    """Return where a training keeps how its network without one corpus judged that corpus."""
    return out / f"{LEFT_OUT}-{number}" / "logits.npz"


def leave_out(recipe: Recipe, clips: Sequence[LabelledClip]) -> list[Strangers]:
    """Judge each corpus by a network trained on the others alone; nothing where all are one's."""
    corpora = sorted({clip.corpus for clip in clips})
    if len({clip.people for clip in clips}) == 1:
        return []
    splits = [unseen_corpus(clips, corpus, recipe.plan.seed) for corpus in corpora]
    folds = recipe.fit_folds(splits, LEFT_OUT, TAKES)
    seconds = [
        {name: recipe.seconds(split, name) for name in TAKES}
        | {VALIDATION: recipe.seconds_of(split.validation)}
        for split in splits
    ]
    return strangers_of(folds, seconds)


def figures_on_strangers(found: Sequence[Strangers]) -> dict[str, Measures]:
    """Measure left-out corpora, without and with baselines of the speakers."""
    measures = measures_on_strangers(found)
    for count in OTHERS if found else ():
        measures |= measures_against_baselines(found, count)
    return measures | measures_against_baselines(found, OTHERS[-1], stray=0.2)


def calibration_config(found: Sequence[Strangers], labels: Sequence[int], judged: Take) -> Batch:
    """Return what the header says of calibration: fitted to strangers, else to what was judged.

    `judged`, with its `labels`, is of speakers that the network was not trained on.
    """
    if found:
        calibration = calibration_for_strangers(found)
        sharpening = sharpening_for_strangers(found, calibration)
    else:
        calibration = VoiceCalibration(fit_temperature(labels, judged.logits))
        sharpening = 0.0
    return calibration.as_config() | {
        "baseline_sharpening": round(sharpening, 4),
        "temperature_of": "corpora left out" if found else "calibration speakers",
        "neutral_reference": reference_config(labels, judged.scores(calibration)),
    }


def _calibrated(
    recipe: Recipe,
    network: "AudioEmotionNetwork",
    calibration: Sequence[LabelledClip],
    found: Sequence[Strangers],
) -> Batch:
    logits = merge_calm(recipe.logits(network, recipe.material.heard(calibration)))
    judged = Take(logits, recipe.seconds_of(calibration))
    return calibration_config(found, classes_of(calibration), judged)


def _write_left_out(path: Path, measures: Mapping[str, Measures], shown: Batch) -> None:
    """Write the figures on corpora that were left out as markdown."""
    facts = {
        "temperature of the weights, three seconds": str(shown["temperature"]),
        "exponent of the duration": str(shown["duration_exponent"]),
        "sharpening by a baseline": str(shown["baseline_sharpening"]),
    }
    report = report_of(Evaluation("The voice on corpora that were left out", measures, facts))
    path.write_text(to_markdown(report), encoding="utf-8")


def _save_for_fusion(found: Sequence[Strangers], clips: Sequence[LabelledClip], out: Path) -> None:
    """Keep RAVDESS as strangers judge it, in its six folds: what the fusion is fitted to."""
    for each in found:
        if each.corpus != "ravdess":
            continue
        fold_of = {
            clip.source: n
            for n, split in enumerate(corpus_splits(clips, "ravdess"))
            for clip in split.test
        }
        scores = scores_against_baselines(each, found, 0)
        folds = tuple(fold_of[clip.source] for clip in each.clips)
        kept = FoldScores(each.clips, tuple(each.labels), folds, scores)
        kept.save(out / "folds" / "ravdess-left-out.npz")


def meeting_recordings(data: Path, limit: int | None = None) -> list[Path]:
    """Return recordings of meetings to train on: those on which nothing here is ever reported.

    `limit` keeps about that many pieces of three seconds.
    """
    found = [path for path in sorted((data / "meeting").glob("*.flac")) if _may_be_learned(path)]
    if not found:
        raise SettingsError(
            f"The audio network learns from {data / 'meeting'}, which has no sound."
        )
    return found if limit is None else found[: -(-limit // _PIECES_PER_MEETING)]


def _may_be_learned(recording: Path) -> bool:
    return recording.stem.split("_")[0] not in REPORTED_MEETINGS


def limited(
    clips: Sequence[LabelledClip], limit: int | None, seed: int
) -> tuple[LabelledClip, ...]:
    """Keep at most `limit` clips of each corpus, drawn at random."""
    if limit is None:
        return tuple(clips)
    random = np.random.default_rng(seed)
    chosen: list[LabelledClip] = []
    for corpus in sorted({clip.corpus for clip in clips}):
        own = [clip for clip in clips if clip.corpus == corpus]
        chosen += [own[row] for row in sorted(random.permutation(len(own))[:limit])]
    return tuple(chosen)


def _config(
    recipe: Recipe,
    train: Sequence[LabelledClip],
    calibration: Sequence[LabelledClip],
) -> Batch:
    from models.audio.network import WHISPER_TINY

    return {
        "classes": VOICE_CLASSES,
        "shape": WHISPER_TINY,
        "corpora": sorted({clip.corpus for clip in train}),
        "calibration_speakers": sorted({c.person for c in calibration}),
        "n_train": len(train),
        "epochs": recipe.plan.epochs,
        "seed": recipe.plan.seed,
    }


def _cross_validate(recipe: Recipe, clips: Sequence[LabelledClip], out: Path) -> dict[str, Batch]:
    """RAVDESS's folds with the recipe of the shipped network; scores go to `out/folds`."""
    seed = recipe.plan.seed
    six = corpus_splits(clips, "ravdess", seed=seed)
    found = recipe.fit_folds(six, "ravdess", _HEARD_UNDER)
    found.seven().save(out / "folds" / "ravdess.npz")
    # published figures on these folds train on everybody who is not tested
    five = recipe.fit_folds(
        corpus_splits(clips, "ravdess-five", seed=seed),
        "ravdess-five",
        (CLEAN,),
        refit=True,
    )
    five.eight().save(out / "folds" / "ravdess-five.npz")
    measures = {
        "ravdess, EmoBox's six folds, eight classes": found.eight().measures(),
        "ravdess, five subject-wise folds, eight classes": five.eight().measures(),
        "ravdess, five subject-wise folds": five.seven().measures(),
    } | {
        f"ravdess, six folds{'' if name == CLEAN else ', ' + name}": found.seven(name).measures()
        for name in found.conditions()
    }
    return {name: figures.model_dump() for name, figures in measures.items()}

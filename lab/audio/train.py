"""Train the audio network: a head on Whisper's encoder, then both together, then calibrate.

What ships is trained on all speakers but those that calibrate it. How good it is on unseen
speakers is measured apart, by cross-validation of the same recipe.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
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
    Strangers,
    Take,
    calibration_for_strangers,
    measures_against_baselines,
    measures_on_strangers,
    scores_against_baselines,
    sharpening_for_strangers,
)
from lab.corpora.speech import read_speech
from lab.corpora.splits import held_out_speakers, trainable
from lab.measures import Measures, fit_temperature
from lab.measures.baseline import reference_config
from lab.measures.fingerprints import fingerprints, store_fingerprints
from lab.reports.drawings import draw_strangers
from lab.reports.emotion import Evaluation, report_of
from lab.reports.render import to_markdown
from lab.training.card import Made, choices_of, count_parameters, counted, origins, with_card
from lab.training.fitting import Batch, FittingPlan
from lab.training.options import TrainingOptions, TrainingReport
from lab.training.progress import say
from models.audio.calibration import VoiceCalibration
from models.audio.embedded import VOICE_CLASSES
from models.audio.familiarity import Familiarity, quantiles_of
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

WHISPER_TINY_TERMS = "Whisper tiny.en's encoder (OpenAI, MIT)"

_PIECES_PER_MEETING = 10
_HEARD_UNDER = tuple(CONDITIONS)
_EVENLY = np.linspace(0.005, 0.995, 100)


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
    say(f"Reading {len(clips)} clips, each in five takes.")
    meetings = meeting_recordings(data, options.limit)
    material = gather(new_network(start), clips, meetings, choose_device(plan.device), plan.seed)
    clips = material.clips
    recipe = Recipe(start, material, plan, out)
    train, calibration = map(trainable, held_out_speakers(clips, share=8, seed=plan.seed))
    say(f"Training on {len(train)} clips.")
    network = recipe.make(train, "shipped")
    left_out = leave_out(recipe, clips)
    familiarity = known_to_strangers(recipe.familiarity(network, train), left_out)
    judged = recipe.take(network, material.heard(calibration), familiarity)
    shown = calibration_config(left_out, classes_of(calibration), judged)
    weights = out / "audio.safetensors"
    known = store_fingerprints(weights, fingerprints("audio", train))
    config = _config(recipe, train, calibration) | shown | familiarity.as_config() | known
    save_weights(weights, {**network.state_dict(), **familiarity.as_state()}, config)
    strange = figures_on_strangers(left_out)
    if strange:
        _write_left_out(out / "left-out.md", strange, shown)
        save_for_fusion(left_out, clips, out)
    measures = {name: figures.model_dump() for name, figures in strange.items()}
    if options.folds:
        measures |= _cross_validate(recipe, clips, out)
    report = TrainingReport(
        branch="audio",
        weights=weights,
        n_train=len(train),
        seconds=time.perf_counter() - began,
        measures=measures,
        warnings=material.warnings,
    )
    return with_card(report, _made(recipe, network, train, calibration, config), options)


def _made(
    recipe: Recipe,
    network: "AudioEmotionNetwork",
    train: Sequence[LabelledClip],
    calibration: Sequence[LabelledClip],
    config: Batch,
) -> Made:
    added = len(recipe.material.sounds) - len(recipe.material.rows)
    return Made(
        what="The encoder of Whisper tiny, mean and deviation over time of its layers, and one "
        "linear layer; first the layer is fitted, then all of it.",
        n_parameters=count_parameters(network),
        classes=config["classes"],
        sources=counted(origins(train), origins(calibration)),
        calibration=f"The temperature, {config['temperature']:.2f} for three seconds of voice, "
        f"was fitted to {config['temperature_of']}.",
        people=config["calibration_speakers"],
        plans={"all of it": choices_of(recipe.plan)},
        notes=[
            f"It starts from {WHISPER_TINY_TERMS}. Beside the clips it learned {added} sounds "
            "without a voice and pieces of meetings (AMI, CC BY 4.0), which nobody labelled.",
        ],
    )


def leave_out(recipe: Recipe, clips: Sequence[LabelledClip]) -> list[Strangers]:
    """Judge each corpus by a network trained on the others alone; nothing where all are one's."""
    corpora = sorted({clip.corpus for clip in clips})
    if len({clip.people for clip in clips}) == 1:
        return []
    splits = [unseen_corpus(clips, corpus, recipe.plan.seed) for corpus in corpora]
    found = []
    for number, (corpus, split) in enumerate(zip(corpora, splits, strict=True)):
        say(f"Leaving {corpus} out, {number + 1} of {len(corpora)}.")
        found.append(recipe.strangers(split, number))
    return found


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


def known_to_strangers(familiarity: Familiarity, found: Sequence[Strangers]) -> Familiarity:
    """Return what is familiar, with how strange whole clips of left-out corpora are."""
    if not found:
        return familiarity
    # each corpus counts alike, whatever its size
    each = [np.quantile(own.takes[CLEAN].strangeness, _EVENLY) for own in found]
    return replace(familiarity, strangers=quantiles_of(np.concatenate(each)))


def _write_left_out(path: Path, measures: Mapping[str, Measures], shown: Batch) -> None:
    """Write the figures on corpora that were left out as markdown."""
    facts = {
        "temperature of the weights, three seconds": str(shown["temperature"]),
        "exponent of the duration": str(shown["duration_exponent"]),
        "exponent of the strangeness": str(shown["strangeness_exponent"]),
        "sharpening by a baseline": str(shown["baseline_sharpening"]),
    }
    report = report_of(Evaluation("The voice on corpora that were left out", measures, facts))
    path.write_text(to_markdown(report), encoding="utf-8")
    draw_strangers(_by_way(measures), path.with_suffix(".png"))


def _by_way(measures: Mapping[str, Measures]) -> dict[str, dict[str, Measures]]:
    """Way to judge -> corpus -> measures: whole clips alone, and against others."""
    groups: dict[str, dict[str, Measures]] = {}
    for name, found in measures.items():
        corpus, _, way = name.partition(", left out")
        if not way or way.endswith("of the speaker"):
            groups.setdefault(way.lstrip(", ") or "alone", {})[corpus] = found
    return groups


def save_for_fusion(found: Sequence[Strangers], clips: Sequence[LabelledClip], out: Path) -> None:
    """Keep RAVDESS as strangers judge it, in its six folds: what the fusion is fitted to."""
    for each in found:
        if each.corpus != "ravdess":
            continue
        fold_of = {
            clip.source: n
            for n, split in enumerate(corpus_splits(clips, "ravdess"))
            for clip in split.test
        }
        # a trial on a few actors leaves folds that nobody could be trained for
        rows = [row for row, clip in enumerate(each.clips) if clip.source in fold_of]
        if not rows:
            continue
        clips_of_folds = tuple(each.clips[row] for row in rows)
        kept = FoldScores(
            clips_of_folds,
            tuple(each.labels[row] for row in rows),
            tuple(fold_of[clip.source] for clip in clips_of_folds),
            scores_against_baselines(each, found, 0)[rows],
        )
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
    say("Training the folds of RAVDESS.")
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
